"""Releases recorded work of an ended run without a verdict, as a run of its own."""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

import msgspec

from agents.run_content import Library
from bus.clock import now
from bus.store import FAR, Store
from director.services.attempt_record import OrderRecord, record_of
from director.services.session import DirectorSession, new_id, run_state
from domain import run_messages
from domain.errors import Conflict, Invalid, NotFound, Refused
from domain.message import Recorded, derive
from domain.review import is_review
from domain.run import RunState
from domain.run_act_messages import Overridden, Override, ReleasedWork
from domain.run_messages import Submit
from domain.task import Rejected, TaskState, Verified
from domain.tree import Entry

CONFIRMATION = "not verified"
"""The words that a person types before an override."""


class OverrideRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The recorded work to release. `task`: release an attempt of this task, even if it was rejected.

    `attempt`: its number; 0 is the last one. `confirmation`: must be CONFIRMATION.
    """

    run: UUID
    reason: str
    confirmation: str
    task: str = ""
    attempt: int = 0


class OverrideStarted(msgspec.Struct, frozen=True, kw_only=True):
    """A new run that releases work without a verdict. Its delivery waits for an approval."""

    run: UUID
    of: UUID
    tree: str
    work: tuple[ReleasedWork, ...]
    missing: tuple[str, ...]
    seq: int


class _Chosen(msgspec.Struct):
    """The work to release, with the files of all of it."""

    files: dict[str, Entry]
    work: tuple[ReleasedWork, ...]
    missing: tuple[str, ...]


async def override_run(opened: DirectorSession, wanted: OverrideRequest, *, id: UUID | None = None) -> OverrideStarted:
    """Release recorded work of an ended run as a new run. `id`: of the command; the run's id is derived from it.

    Raises Invalid without the typed confirmation, Refused for a run that goes on or is released, and NotFound.
    """
    confirm(wanted.confirmation)
    events = await opened.store.read_run(wanted.run)
    state = await run_state(opened.store, wanted.run)
    if state.submitted is None:
        raise NotFound(f"There is no run {wanted.run}.", hint="`aura runs` lists them.")
    command = id or new_id()
    run = derive(command, "run", opened.gate.principal.id)
    draft = Override(
        **submission_of(state.submitted, run, command),
        of=wanted.run,
        files={},
        tree="",
        released=(),
        reason=wanted.reason,
    )
    await opened.gate.check(draft)
    chosen = _chosen(wanted, state, events)
    _, tree = await Library(opened.blobs).merged(state, chosen.files)
    merged = any(
        each.void is None and isinstance(each.event, run_messages.Rejected) and each.event.judgement.tree == tree
        for each in events
    )
    changes = {"files": chosen.files, "tree": tree, "released": chosen.work, "missing": chosen.missing}
    outcome = await opened.done(msgspec.structs.replace(draft, **changes, merged=merged))
    if not any(isinstance(each.event, Overridden) for each in outcome.events):
        raise Conflict("This key was used for another command.", hint="Send a new UUID.", code="key_used")
    return OverrideStarted(run=run, of=wanted.run, tree=tree, work=chosen.work, missing=chosen.missing, seq=outcome.seq)


def confirm(text: str) -> None:
    """Raise Invalid if a person has not typed that the work is not verified."""
    if text.strip().lower() != CONFIRMATION:
        raise Invalid(
            "An override releases work that is not verified, and it needs a typed confirmation.",
            hint=f'Add --confirm "{CONFIRMATION}".',
            code="not_confirmed",
        )


def submission_of(was: run_messages.Submitted, run: UUID, command: UUID) -> dict[str, Any]:
    """Return the fields of a submission that repeats another one as the run `run`."""
    fields = {name: getattr(was, name) for name in run_messages.Submitted.__struct_fields__}
    known = {name: value for name, value in fields.items() if name in Submit.__struct_fields__}
    return {**known, "id": command, "at": now(), "run": run, "estimate": None, "consent": None}


def _chosen(wanted: OverrideRequest, state: RunState, events: Iterable[Recorded]) -> _Chosen:
    """Return the recorded work: verified work, and else the last work that was handed in.

    Raises Refused, Invalid, NotFound.
    """
    if state.override is not None:
        raise Refused("This run is an override itself.", hint=f"Override the run {state.override.of}.")
    if state.phase != "ended" or state.outcome == "delivered":
        raise Refused(
            f"The run is {state.outcome or state.phase}, so there is nothing to override.",
            hint="Override a run that ended without a release. To end an open run: aura reject RUN --reason ...",
        )
    parts = [task for task in state.tasks.values() if not is_review(task)]
    if wanted.task and wanted.task not in {part.name for part in parts}:
        raise NotFound(
            f"The run has no task {wanted.task}.", hint=f"Its tasks: {', '.join(part.name for part in parts)}."
        )
    if wanted.attempt and not wanted.task:
        raise Invalid("An attempt belongs to a task.", hint="Add --task TASK.")
    orders = list(record_of(events).orders.values())
    files: dict[str, Entry] = {}
    work: list[ReleasedWork] = []
    missing: list[str] = []
    for part in parts:
        named = part.name == wanted.task
        found = _work_of(part, orders, wanted.attempt if named else 0, verified=not named)
        if found is None and named:
            raise NotFound(
                f"Task {part.name} has no work of attempt {wanted.attempt or 'any'} on record.",
                hint="`aura run show` lists its attempts. An attempt that ended without a hand-in has no work.",
            )
        if found is None:
            missing.append(part.name)
            continue
        work.append(found[0])
        files |= found[1]
    return _Chosen(files, tuple(work), tuple(missing))


def _work_of(
    part: TaskState, orders: Iterable[OrderRecord], attempt: int, *, verified: bool
) -> tuple[ReleasedWork, dict[str, Entry]] | None:
    """Return the work of a task to release: its verified work, or its last hand-in of this attempt (0: of any)."""
    mine = [order for order in orders if order.assigned.task == part.id and order.submitted is not None]
    if verified and part.phase == "verified":
        last = next(_reversed(order for order in mine if isinstance(order.verdict, Verified)), None)
        return (_released(part, last), dict(part.files)) if last is not None else None
    last = next(_reversed(order for order in mine if attempt in (0, order.assigned.attempt)), None)
    if last is None or last.submitted is None:
        return None
    return _released(part, last), dict(last.submitted.files)


def _reversed(orders: Iterable[OrderRecord]) -> Iterator[OrderRecord]:
    return reversed(list(orders))


def _released(part: TaskState, order: OrderRecord) -> ReleasedWork:
    verdict = order.verdict
    return ReleasedWork(
        task=part.id,
        name=part.name,
        attempt=order.assigned.attempt,
        employee=order.assigned.employee,
        verdict="verified"
        if isinstance(verdict, Verified)
        else "rejected"
        if isinstance(verdict, Rejected)
        else "none",
    )


class OverriddenWork(msgspec.Struct, frozen=True, kw_only=True):
    """Work of an employee that an override released. `run`: the override. `verdict`: of the verifier, before it."""

    run: UUID
    of: UUID
    task: str
    attempt: int
    verdict: str
    reason: str


async def overrides_of(store: Store, employee: UUID) -> tuple[OverriddenWork, ...]:
    """Return the work of an employee that overrides released, the oldest first. No number of a scorecard counts it."""
    found = [each.event for each in await store.read_types((Overridden.type,), FAR) if each.void is None]
    return tuple(
        OverriddenWork(
            run=event.run,
            of=event.of,
            task=part.name,
            attempt=part.attempt,
            verdict=part.verdict,
            reason=event.reason,
        )
        for event in found
        if isinstance(event, Overridden)
        for part in event.work
        if part.employee == employee and part.verdict != "verified"
    )
