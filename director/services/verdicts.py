"""Reads a recorded verdict from the evidence that its event names."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from agents.run_content import Library
from bus.blobs import Blobs
from bus.redaction import Redactor
from bus.store import Store
from director.reports.verdict_view import VerdictView
from director.services.degraded import JUDGED, degraded_verdicts
from director.services.judge import again
from director.services.session import archive, find_event, find_run
from director.settings import Settings
from director.terminal.event_text import NAMING_TYPES, Story
from director.terminal.text import clock
from domain import run_messages
from domain.errors import Invalid, NotFound
from domain.judgement import Judgement
from domain.message import Recorded
from verification.verdict.attestation import key_hex, named_key
from verification.verdict.model import Verdict

OF_THE_MERGED = run_messages.Verified | run_messages.Rejected
_verdict = msgspec.json.Decoder(Verdict)


@dataclass(frozen=True, kw_only=True)
class RecordedVerdict:
    """A verdict on record. `statement`: the verifier's signed envelope, one line; empty if nothing was signed."""

    view: VerdictView
    statement: bytes

    def signed(self) -> bytes:
        """Return the signed statement. Raises NotFound if nothing was signed."""
        if not self.statement:
            raise NotFound("This verdict was not signed.", hint="Judge the tree again: aura judge … --attest FILE.")
        return self.statement


async def recorded_verdict(settings: Settings, which: str) -> RecordedVerdict:
    """Return the verdict of an event (named by id or sequence), or a run's last verdict. Raises NotFound, Invalid."""
    async with archive(settings) as store:
        return await verdict_in(store, which)


async def verdict_in(store: Store, which: str) -> RecordedVerdict:
    """Return a verdict as `recorded_verdict` does, from an open store."""
    recorded = await _find(store, which)
    blobs = Blobs(store, Redactor())
    statement = await _statement(blobs, recorded)
    view = await _view(store, blobs, recorded, statement)
    return RecordedVerdict(view=view, statement=statement + b"\n" if statement else b"")


async def _find(store: Store, text: str) -> Recorded:
    """Find the event of a verdict by its id or sequence, or the last verdict of a run."""
    found = await _event(store, text)
    if found is None:
        run = await find_run(store, text)
        counting = [each for each in await store.read_run(run) if not each.void]
        judged = [each for each in counting if isinstance(each.event, JUDGED)]
        merged = [each for each in judged if isinstance(each.event, OF_THE_MERGED)]
        if not judged and any(isinstance(each.event, run_messages.Ended) for each in counting):
            raise NotFound("This run has ended, and none of its work was judged.", hint=f"See why: aura run show {run}")
        if not judged:
            raise NotFound("No work of this run has been judged yet.", hint=f"Follow it with: aura watch {run}")
        return (merged or judged)[-1]
    if not isinstance(found.event, JUDGED):
        of = found.envelope.run
        hint = f"The last verdict of its run: aura verdict {of}" if of else "`aura runs` lists the runs."
        raise Invalid(f"Event {found.seq} is not a verdict. It is {found.envelope.type}.", hint=hint)
    return found


async def _event(store: Store, text: str) -> Recorded | None:
    """Return the event that a text names; None if the text may name a run."""
    if text.isdecimal():
        return await find_event(store, text)
    try:
        return await store.find(UUID(text))
    except ValueError:
        return None


def _judgement(recorded: Recorded) -> Judgement:
    assert isinstance(recorded.event, JUDGED)
    return recorded.event.judgement


async def _view(store: Store, blobs: Blobs, recorded: Recorded, statement: bytes) -> VerdictView:
    run = recorded.envelope.run
    events = await store.read_run(run) if run else []
    handed_in = next((each.event for each in events if isinstance(each.event, run_messages.Submitted)), None)
    if handed_in is None:
        raise NotFound("The event of this run's submission is not on record.", hint="It may have been purged.")
    story = Story()
    for naming in await store.read_types(NAMING_TYPES, await store.recorded_up_to()):
        story.hear(naming)
    merged = isinstance(recorded.event, OF_THE_MERGED)
    verdict = _verdict.decode(await blobs.get(_judgement(recorded).evidence))
    return VerdictView(
        verdict=verdict,
        requirement=await Library(blobs).requirement(handed_in),
        about=f"The merged tree of {handed_in.title}" if merged else f"{story.about(recorded)}: {handed_in.title}",
        again=_again(events, verdict, merged=merged),
        recorded=_place(recorded),
        signer=key_hex(named_key(statement)) if statement else "",
        base_commit=handed_in.base_commit,
        degraded=await degraded_verdicts(store, [recorded]),
    )


def _again(events: list[Recorded], verdict: Verdict, *, merged: bool) -> str:
    """Return the command that judges the merged tree again, or a sentence for a task's own verdict.

    No command can repeat a task's verdict: the verifier judges a task against its own criteria only, on a tree with the
    work of earlier tasks.
    """
    if not merged:
        return f"no command can repeat the verdict of a single task (its seed is {verdict.seed})"
    delivered, base = None, None
    for event in (each.event for each in events if not each.void):
        if isinstance(event, run_messages.Submitted | run_messages.Returned):
            base = event.base_commit or base  # a return with comments leaves the base as it was
        elif isinstance(event, run_messages.Delivered):
            delivered = event
    where = [delivered.folder if delivered else "DIR"]
    if base is not None:  # the branch contains only the fix, so the command names its base
        where = ["--repo", where[0], "--ref", delivered.branch if delivered else "BRANCH", "--base-ref", base]
    return again("REQUIREMENT.md", *where, seed=verdict.seed, degraded=bool(verdict.not_held))


def _place(recorded: Recorded) -> dict[str, Any]:
    envelope = recorded.envelope
    return {
        "event": recorded.seq,
        "id": str(envelope.id),
        "type": envelope.type,
        "run": str(envelope.run),
        "task": str(envelope.entity_id) if envelope.entity == "task" else None,
        "employee": str(envelope.employee) if envelope.employee else None,
        "at": f"{clock(envelope.occurred_at)} UTC",
        "void": recorded.void,
        "statement": _judgement(recorded).attestation or None,
    }


async def _statement(blobs: Blobs, recorded: Recorded) -> bytes:
    """Return the verifier's signed statement; empty if nothing was signed."""
    digest = _judgement(recorded).attestation
    return await blobs.get(digest) if digest else b""
