"""The service of `aura run show --attempt`: the prompt, answer, changes and findings of one attempt."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from agents.run_content import Library
from bus.blobs import Blobs
from bus.store import Store
from director.services.changes import Change, diff_between
from director.services.session import run_state
from director.services.views import ATTEMPTS, CallLine
from domain import task
from domain.errors import Invalid, NotFound


class CallView(msgspec.Struct, frozen=True, kw_only=True):
    """One call of an attempt. `prompt` and `answer` are None before they are on record, and after a purge."""

    employee: str
    model: str
    outcome: str | None
    message: str | None
    tokens: int
    cost_usd: Decimal | None
    prompt: str | None
    answer: str | None


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt. `verified` is None before a verdict. `changes` and `diff` are empty if no work was submitted."""

    task: str
    attempt: int
    verified: bool | None
    findings: list[dict[str, Any]]
    calls: list[CallView]
    changes: list[Change]
    diff: str


async def attempt_of(store: Store, blobs: Blobs, run: UUID, number: int, task_name: str = "") -> AttemptView:
    """Read an attempt of a run.

    Raises NotFound if there is no such attempt, and Invalid if several tasks have an attempt with this number.
    """
    lines = [line for line in await ATTEMPTS.read(store, run) if line.attempt == number]
    names = list(dict.fromkeys(line.task_name or "?" for line in lines))
    if task_name:
        lines = [line for line in lines if line.task_name == task_name]
    elif len(names) > 1:
        raise Invalid(
            f"{len(names)} tasks have an attempt {number}: {', '.join(names)}.", hint=f"Add --task {names[0]}."
        )
    if not lines:
        what = f"Task {task_name} of this run" if task_name else "This run"
        raise NotFound(f"{what} has no attempt {number}.", hint=f"`aura run show {run}` lists the attempts.")
    last = lines[-1]
    changes, diff = await _changed(store, blobs, run, last.order_id)
    return AttemptView(
        task=last.task_name or "?",
        attempt=number,
        verified=last.verified,
        findings=msgspec.json.decode(last.findings),
        calls=[await _call(line, blobs) for line in lines],
        changes=changes,
        diff=diff,
    )


async def _call(line: CallLine, blobs: Blobs) -> CallView:
    return CallView(
        employee=line.employee_name or "?",
        model=line.model or "",
        outcome=line.outcome,
        message=line.message,
        tokens=line.tokens or 0,
        cost_usd=line.cost_usd,
        prompt=_prompt_text(await _kept(line.prompt, blobs)),
        answer=await _kept(line.answer, blobs),
    )


async def _kept(digest: str | None, blobs: Blobs) -> str | None:
    """Return the text of a blob; None without a digest, or if the blob was purged."""
    if not digest:
        return None
    try:
        return (await blobs.get(digest)).decode("utf-8", "replace")
    except NotFound:
        return None


def _prompt_text(kept: str | None) -> str | None:
    """Return the messages of a prompt, each below its role. A prompt in another format is returned unchanged."""
    if kept is None:
        return None
    try:
        messages: Sequence[dict[str, Any]] = msgspec.json.decode(kept)["messages"]
        return "\n".join(f"[{message['role']}]\n{message['content']}" for message in messages)
    except (msgspec.DecodeError, KeyError, TypeError):
        return kept


async def _changed(store: Store, blobs: Blobs, run: UUID, order: str) -> tuple[list[Change], str]:
    """Return the changes in the work of an order, compared with the tree at the beginning of its task."""
    for recorded in await store.read_run(run):
        event = recorded.event
        if recorded.void is None and isinstance(event, task.Submitted) and str(event.order) == order:
            state = await run_state(store, run, recorded.seq - 1)
            return await diff_between(await Library(blobs).before(state, event.task), event.files, blobs)
    return [], ""
