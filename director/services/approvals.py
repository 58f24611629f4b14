"""The Director's inbox, and the commands that approve, decline or cancel a run."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

from bus.clock import now
from bus.store import Store
from director.services.base_notes import with_notes
from director.services.estimates import comparison_of
from director.services.left_out import left_out
from director.services.moved_base import moved_base, return_to_work, unreadable_base
from director.services.session import DirectorSession, new_id, run_state
from director.services.views import RUN, rows
from domain.errors import NotFound, Unavailable
from domain.run_messages import Approve, End
from governance.gate import Outcome

FOLLOW_S = 60.0
POLL_S = 0.1


async def waiting_runs(store: Store, detailed: int | None = None) -> list[dict[str, Any]]:
    """Return the deliveries that wait for the Director, the oldest first.

    Each has its left-out files, its estimate, and the notes about its base. `detailed`: only so many have them.
    """
    lines = await rows(store, "door_inbox")
    shown = lines[:detailed]
    return [*[await _detailed(store, line) for line in shown], *lines[len(shown) :]]


async def _detailed(store: Store, line: dict[str, Any]) -> dict[str, Any]:
    more = {"left_out": await left_out(store, line["run"]), "estimate": await comparison_of(store, line["run"])}
    return await with_notes(store, line | more)


async def approve_run(
    opened: DirectorSession,
    run: UUID,
    *,
    commit: str | None = None,
    reason: str = "",
    note: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Approve a delivery and wait for its release ref. Return the run's line.

    Raises Refused (code base_moved) if the base has moved. The delivery is then not approved, but judged again on the
    base's new commit.
    """
    await decide_approval(opened, run, commit=commit, reason=reason, note=note)
    return await _ended(opened, run)


async def decide_approval(
    opened: DirectorSession,
    run: UUID,
    *,
    commit: str | None,
    reason: str,
    note: Callable[[str], None] = lambda _: None,
    id: UUID | None = None,
) -> Outcome:
    """Approve a delivery, and do not wait for its release ref. `id`: of the command.

    Raises Refused (code base_moved) as `approve_run` does.
    """
    state = await run_state(opened.store, run)
    if state.phase == "delivered" and commit in (None, state.commit):
        try:
            moved = await moved_base(opened.blobs, state)
        except NotFound as error:
            note(unreadable_base(error))
            moved = None
        if moved is not None:
            raise await return_to_work(opened, state, moved)
    return await opened.done(Approve(id=id or new_id(), at=now(), run=run, commit=commit, reason=reason))


async def reject_run(opened: DirectorSession, run: UUID, reason: str) -> dict[str, Any]:
    """Decline a delivery, or cancel a run that is not delivered. Return the run's line."""
    line = await RUN.first(opened.store, run)
    delivered = line is not None and line.phase == "delivered"
    outcome = "declined" if delivered else "cancelled"
    await opened.done(End(id=new_id(), at=now(), run=run, outcome=outcome, reason=reason))  # type: ignore[arg-type]  # one of two literals
    return await _ended(opened, run)


async def _ended(opened: DirectorSession, run: UUID) -> dict[str, Any]:
    deadline = asyncio.get_running_loop().time() + FOLLOW_S
    while True:
        found = await rows(opened.store, "door_run", run)
        if found and found[0]["phase"] == "ended":
            return await with_notes(opened.store, found[0])
        if asyncio.get_running_loop().time() > deadline:
            raise Unavailable(
                "Your decision is recorded, but the run has not ended within a minute.",
                hint="See whether the organisation runs: `aura status`. The run ends as soon as the organisation runs.",
            )
        await asyncio.sleep(POLL_S)
