"""The duties at the end of a run: merge the verified work, build the repository, create the release ref.

All three duties are idempotent: the same events give the same tree, the same commit and the same ref. After a crash the
duties run again, and nothing is created twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from uuid import UUID

import msgspec

from agents.delivery import repository
from agents.delivery.commit_plan import BaseClone, ProofPlan
from agents.delivery.commits import Delivery, branch_of, delivery_of, release_of
from agents.delivery.override import Sign, override_delivery
from agents.delivery.proof import PROOF_BRANCH, PROOF_FOLDER, notes_of, write_folder
from agents.duty import either, persevere, wake_at
from agents.run_content import Library
from bus.blobs import Blobs
from bus.clock import now
from bus.fault_points import Fault
from bus.projection_rows import Rows
from domain import run_messages
from domain.message import Command, Recorded, derive
from domain.registry import Scope
from domain.review import objection
from domain.run import Phase, RunState, files_of
from domain.run_act_messages import Overridden
from domain.run_messages import Proof
from domain.tree import Manifest
from governance.gate import Outcome
from projections import manager as manager_view
from projections.openrun import RUN_KEY, OpenRun, open_in, open_state
from verification.requirements.model import Requirement

SETTLE_S = 0.1
"""Seconds to wait after a step, so that the step's event arrives before the rows are read again."""
STEPS: tuple[Phase, ...] = ("planned", "delivering", "approved")
"""Phases that a step of this duty ends."""


class Delivering:
    """The duty for merges, deliveries and releases of all open runs. Each run has at most one step in progress per
    phase.
    """

    def __init__(
        self,
        history: Callable[[Scope], Awaitable[Sequence[Recorded]]],
        blobs: Blobs,
        library: Library,
        send: Callable[[Command], Awaitable[Outcome]],
        folder: Path,
        *,
        sign: Sign,
        fault: Fault = lambda _: None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._history = history
        self._blobs = blobs
        self._library = library
        self._send = send
        self._folder = folder
        self._sign = sign
        self._fault = fault
        self._say = say
        self._open: dict[UUID, tuple[RunState, UUID]] = {}
        self._busy: set[tuple[UUID, Phase]] = set()
        self._tries: dict[tuple[UUID, str], int] = {}
        self._held = False
        self._noted: Rows | None = None
        self._wake = asyncio.Event()

    def note(self, rows: Rows, live: bool) -> None:
        was_held, anew = self._held, rows is not self._noted
        self._held = not live or manager_view.organisation_phase(rows) == "halted"
        if anew:
            self._noted = rows
            self._open = {row.scope: (state, row.moved_by) for row, state in open_in(rows, *STEPS)}
        changed = rows.changed_scopes(OpenRun)
        for run in changed:
            self._renew(run, rows)
        if not self._held and any(map(self._is_due, list(self._open) if anew or was_held else changed)):
            self._wake.set()

    def _renew(self, run: UUID, rows: Rows) -> None:
        row = rows.get(OpenRun, run, RUN_KEY)
        if row is not None and row.phase in STEPS:
            self._open[run] = (open_state(rows, row), row.moved_by)
        else:
            self._open.pop(run, None)

    async def run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(wake_at(stop, self._wake))
            while not stop.is_set():
                for run, (state, cause) in self._open.items():
                    step = self._step(run, state, cause)
                    if step is not None and (run, state.phase) not in self._busy and not self._held:
                        self._busy.add((run, state.phase))
                        group.create_task(self._do(run, state.phase, step, stop))
                self._wake.clear()
                await self._wake.wait()

    def _is_due(self, run: UUID) -> bool:
        """Return whether a step of this run can begin."""
        if run not in self._open:
            return False
        state, _ = self._open[run]
        return (run, state.phase) not in self._busy and _has_step(state)

    def _step(self, run: UUID, state: RunState, cause: UUID) -> Callable[[], Awaitable[object]] | None:
        """Return the next step for a run in this state, or None if no step is due."""
        if not _has_step(state):
            return None
        if state.phase == "planned":
            return lambda: self._merge(run, state, cause)
        if state.phase == "delivering":
            return lambda: self._deliver(run, state, cause)
        return lambda: self._release(run, state, cause)

    async def _do(self, run: UUID, phase: Phase, step: Callable[[], Awaitable[object]], stop: asyncio.Event) -> None:
        try:
            await persevere(
                step, stop, wanted=lambda: run in self._open and self._open[run][0].phase == phase, say=self._say
            )
        finally:
            await either(stop, wait_s=SETTLE_S)
            self._busy.discard((run, phase))
            self._wake.set()

    def _place(self, run: UUID, state: RunState) -> Path:
        """Return the folder of a delivery. Each time a run returns to work, its next delivery gets a new folder."""
        return self._folder / (f"{run}.{state.returns + 1}" if state.returns else str(run))

    def _id(self, run: UUID, step: str, state: RunState) -> UUID:
        """Return the command id of a step. The id stays the same after a restart. It changes if the step's event was
        void, or if the run returned to work and does its steps again.
        """
        again = (state.returns,) if state.returns else ()
        return derive(run, step, *again, self._tries.get((run, step), 0))

    async def _sent(self, run: UUID, step: str, command: Command) -> None:
        outcome = await self._send(command)
        if outcome.void:
            self._tries[run, step] = self._tries.get((run, step), 0) + 1

    async def _merge(self, run: UUID, state: RunState, cause: UUID) -> None:
        _, tree = await self._library.merged(state, files_of(state))
        await self._sent(
            run,
            "merge",
            run_messages.Merge(id=self._id(run, "merge", state), at=now(), cause=cause, run=run, tree=tree),
        )

    async def _deliver(self, run: UUID, state: RunState, cause: UUID) -> None:
        assert state.submitted is not None
        events = await self._history(Scope("run", run))
        requirement = await self._library.requirement(state.submitted)
        manifest, _ = await self._library.merged(state, files_of(state))
        if state.override is not None:
            delivery = await self._overridden(requirement, events, state, manifest)
        else:
            delivery = await delivery_of(requirement, events, state, manifest, self._blobs)
        base = None
        if state.submitted.base_repo and state.submitted.base_commit:
            base = BaseClone(repo=Path(state.submitted.base_repo), ref=state.submitted.base_commit)
        folder, branch = self._place(run, state), branch_of(run, base is not None)
        self._fault("delivering:before-git")
        commit = await asyncio.to_thread(built, folder, delivery, state.submitted.proof, branch, base)
        self._fault("delivering:before-receipt")
        command = run_messages.FinishDelivery(
            id=self._id(run, "delivered", state),
            at=now(),
            cause=cause,
            run=run,
            commit=commit,
            folder=str(folder),
            branch=branch,
        )
        await self._sent(run, "delivered", command)

    async def _overridden(
        self, requirement: Requirement, events: Sequence[Recorded], state: RunState, manifest: Manifest
    ) -> Delivery:
        """Return the delivery of an override, which has no verdict."""
        recorded = next(each for each in events if isinstance(each.event, Overridden) and each.void is None)
        made = await override_delivery(requirement, recorded, state, manifest, self._blobs, self._sign)
        return Delivery([made.commit], made.proof)

    async def _release(self, run: UUID, state: RunState, cause: UUID) -> None:
        assert state.commit is not None
        folder, tag = self._place(run, state), release_of(run)
        await asyncio.to_thread(repository.put_release_ref, folder, state.commit, tag)
        self._fault("delivering:before-release")
        command = run_messages.FinishRelease(
            id=self._id(run, "released", state),
            at=now(),
            cause=cause,
            run=run,
            commit=state.commit,
            ref=f"refs/tags/{tag}",
        )
        await self._sent(run, "released", command)


def _has_step(state: RunState) -> bool:
    """Return whether this duty has a step for a run in this state."""
    if state.phase != "planned":
        return state.phase in STEPS
    if state.submitted is not None and state.submitted.shadow is not None:
        return False  # a shadow run is never merged
    return bool(state.tasks) and not state.tasks.unverified and not objection(state.tasks.values())


def built(folder: Path, delivery: Delivery, place: Proof, branch: str, base: BaseClone | None) -> str:
    """Write the repository and its proof. Return the hex id of the delivered commit. This function blocks."""
    plan = ProofPlan(at_us=delivery.commits[-1].at_us)
    if place == "notes":
        plan = msgspec.structs.replace(plan, notes=notes_of(delivery.proof))
    elif place == "branch":
        plan = msgspec.structs.replace(plan, files=delivery.proof, branch=f"{branch}{PROOF_BRANCH}")
    elif place == "folder":
        write_folder(folder.with_name(f"{folder.name}{PROOF_FOLDER}"), delivery.proof)
    return repository.build_repository(folder, delivery.commits, branch=branch, base=base, proof=plan)
