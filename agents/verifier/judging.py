"""The Verifier judges every submitted tree in the sandbox. No other role produces verdicts."""

import asyncio
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Protocol
from uuid import UUID

import msgspec

from agents.delivery.packaging import delivered_tree, packaging_manifest
from agents.delivery.proof import proof_manifest
from agents.duty import insist, persevere, wake_at
from agents.halt_receipts import receipt
from agents.run_content import Library
from agents.verifier.recorded_verdict import judgement_of
from agents.verifier.verdict_queue import VerdictQueue, Waiting
from bus.blobs import Blobs
from bus.clock import now
from bus.fault_points import Fault
from bus.outbox import Send
from bus.projection_rows import Rows
from domain import run_messages, task
from domain.errors import NotFound
from domain.judgement import Judgement
from domain.message import Command, derive
from domain.review import is_review, vendor_of, vendors
from domain.run import RunState, files_of
from domain.run_messages import Proof
from domain.task import TaskState
from domain.tree import Manifest, algorithm_of, overlay, tree_digest
from projections import verifier as verifier_view
from projections.halts import halt_in
from projections.openrun import RUN_KEY, OpenRun, open_state
from verification.gates.base import Origin
from verification.judge import Candidate, judge
from verification.packages.libraries import libraries_of
from verification.requirements.model import Requirement
from verification.sandbox.base import Sandbox
from verification.verdict.attestation import Basis
from verification.verdict.model import Verdict
from verification.verdict.repeat import repeated
from verification.verdict.review import judge_review

PARALLEL_MAX = 2
SEED_MAX = 2**31
Attest = Callable[[Verdict, Requirement, Basis], bytes]
"""Function that returns the signed statement about a verdict in its envelope."""


class Judge(Protocol):
    """The signature of verification.judge.judge."""

    async def __call__(
        self, candidate: Candidate, *, sandbox: Sandbox, seed: int, allow_degraded: bool, accepted: Collection[str]
    ) -> Verdict: ...


class Judging:
    """The duty that judges trees. The id of a verdict's command is derived from the event that submitted the tree. So
    there is only one verdict for each event.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        blobs: Blobs,
        library: Library,
        send: Send,
        *,
        judge: Judge = judge,
        attest: Attest | None = None,
        libraries: Path | None = None,
        outcomes: Path | None = None,
        allow_degraded: bool = False,
        machine: str = "",
        keep_boxes: Callable[[bool], None] = lambda _: None,
        fault: Fault = lambda _: None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Create the duty. `keep_boxes` is told whether boxes may wait: not while the organisation is halted."""
        self._sandbox = sandbox
        self._keep_boxes = keep_boxes
        self._halt: UUID | None = None
        self._unsaid: UUID | None = None  # a halt that this duty has not acknowledged yet
        self._ended_boxes: tuple[str, ...] = ()
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self._blobs = blobs
        self._library = library
        self._send = send
        self._judge_tree = judge
        self._attest = attest
        self._libraries = libraries
        self._outcomes = outcomes
        self._allow_degraded = allow_degraded
        self._machine = machine
        self._accepted: frozenset[str] = frozenset()
        self._fault = fault
        self._say = say
        self._queue = VerdictQueue()
        self._busy: set[UUID] = set()
        self._wake = asyncio.Event()

    def note(self, rows: Rows, live: bool) -> None:
        self._accepted = verifier_view.accepted_on(rows, self._machine)
        self._stop_at(halt_in(rows))
        waiting = rows.all(verifier_view.Pending) if live else []
        runs = [(row, rows.get(OpenRun, row.scope, RUN_KEY)) for row in waiting]
        trees = {row.cause: Waiting(row, open_state(rows, run)) for row, run in runs if run is not None}
        self._queue.renew(trees)
        self._busy &= trees.keys()
        if trees.keys() - self._busy or self._unsaid:
            self._wake.set()

    def _stop_at(self, halt: UUID | None) -> None:
        """Cancel all verdicts at a halt. After the resume, the same trees are judged again."""
        if (self._halt is None) != (halt is None):
            self._keep_boxes(halt is None)
        if halt is not None and halt != self._halt:
            self._unsaid = halt
            self._ended_boxes = tuple(f"verdict {cause}" for cause in self._tasks)
            for work in self._tasks.values():
                work.cancel()
        self._halt = halt

    async def run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(wake_at(stop, self._wake))
            while not stop.is_set():
                while (
                    self._halt is None
                    and len(self._tasks) < PARALLEL_MAX
                    and (waiting := self._queue.take(self._busy)) is not None
                ):
                    self._busy.add(waiting.pending.cause)
                    cause = waiting.pending.cause
                    self._tasks[cause] = group.create_task(self._judge(waiting, stop))
                    self._tasks[cause].add_done_callback(partial(self._ended, cause))
                if self._unsaid is not None and not self._tasks:
                    said, self._unsaid = receipt(self._unsaid, "verifier", now(), boxes=self._ended_boxes), None
                    group.create_task(insist(lambda said=said: self._send(said), stop))  # type: ignore[misc]  # early binding
                self._wake.clear()
                await self._wake.wait()

    async def _judge(self, waiting: Waiting, stop: asyncio.Event) -> None:
        """Judge one tree. It stays busy until its verdict is in the rows, so that it is not judged twice."""
        cause = waiting.pending.cause
        await persevere(lambda: self._verdict(*waiting), stop, wanted=lambda: cause in self._queue, say=self._say)

    def _ended(self, cause: UUID, work: "asyncio.Task[None]") -> None:
        """Forget a verdict that has ended. A task that is cancelled before it begins would run no `finally`."""
        self._tasks.pop(cause, None)
        if work.cancelled():
            self._busy.discard(cause)  # a halt has ended it. Nobody has seen a verdict
        self._wake.set()

    async def _verdict(self, pending: verifier_view.Pending, state: RunState) -> None:
        self._fault("verifier:before-verdict")
        judgement = await self.judgement(pending, state)
        self._fault("verifier:after-verdict")
        await self._send(_command(pending, judgement))

    async def judgement(self, pending: verifier_view.Pending, state: RunState) -> Judgement:
        """Judge a tree. Store the verdict and its evidence, and return the judgement for the event."""
        assert state.submitted is not None
        requirement = await self._library.requirement(state.submitted)
        merged = pending.key == verifier_view.MERGED
        part = None if merged else state.tasks[UUID(pending.key)]
        origin = await self._library.base_manifest(state.submitted)
        before = origin if merged else {}
        if part is not None:
            before = await self._library.before(state, part.id)
        manifest = overlay(before, files_of(state) if part is None else part.files)
        if part is not None and is_review(part):
            verdict = await self._review(pending, state, part, manifest)
        elif part is not None and (former := await self._again(pending, part, requirement)) is not None:
            verdict = msgspec.structs.replace(former, tree=tree_digest(manifest))
        else:
            tree = await self._library.contents(manifest)
            candidate = Candidate(
                requirement=requirement,
                tree=tree,
                base=await self._library.contents(before),
                criteria=part.criteria if part else None,
                earlier=self._library.earlier(state, part.id) if part else (),
                scope=part.scope if part else None,
                whole=merged,
                libraries=await libraries_of(requirement, self._libraries, self._say) if self._libraries else None,
                packaged=delivered_tree(requirement, tree) if merged and state.submitted.proof == "inside" else None,
                origin=Origin(
                    files=await self._library.contents(origin),
                    described=requirement.described,
                    generated=requirement.generated,
                    outcomes=self._outcomes,
                ),
            )
            verdict = await self._judge_tree(
                candidate,
                sandbox=self._sandbox,
                seed=pending.cause.int % SEED_MAX,
                allow_degraded=self._allow_degraded or state.submitted.allow_degraded,
                accepted=self._accepted,
            )
        if verdict.tree != tree_digest(manifest) or pending.tree != tree_digest(manifest, algorithm_of(pending.tree)):
            raise NotFound(
                "The stored tree is not the submitted tree.", hint="`aura replay --check` lists the rows that differ."
            )
        verdict = msgspec.structs.replace(verdict, tree=pending.tree)  # its format may be that of an earlier release
        judged = Basis(
            evidence="",
            files=manifest if merged else None,
            delivered=_around(requirement, manifest, state.submitted.proof) if merged else {},
            base_commit=state.submitted.base_commit,
        )
        return await self._recorded(verdict, requirement, judged)

    async def _again(self, pending: verifier_view.Pending, part: TaskState, requirement: Requirement) -> Verdict | None:
        """Return the earlier verdict if this tree was already rejected, or None if the tree must be judged."""
        known = part.rejected.get(pending.tree)
        if known is None:
            return None
        try:
            former = await self._library.verdict(known.evidence)
        except NotFound:  # the verdict was purged
            return None
        seed = pending.cause.int % SEED_MAX
        return repeated(former, requirement, attempt=known.attempt, evidence=known.evidence, seed=seed)

    async def _review(
        self, pending: verifier_view.Pending, state: RunState, part: TaskState, manifest: Manifest
    ) -> Verdict:
        """Return the verdict about the form of a review. The opinions in the review are not judged."""
        return judge_review(
            await self._library.contents(manifest),
            seed=pending.cause.int % SEED_MAX,
            reviewer=vendor_of(part.model),
            authors=vendors(state.tasks.values()),
            changed=files_of(state),
        )

    async def _recorded(self, verdict: Verdict, requirement: Requirement, judged: Basis) -> Judgement:
        """Store the verdict and its evidence as blobs. Return the judgement for the event with the digests of these
        blobs.
        """
        rests_on = [gate.evidence for gate in verdict.gates]
        parts = [verdict, *(evidence for evidence in rests_on if evidence)]
        whole, *named = blobs = self._blobs.named(msgspec.json.encode(part, order="sorted") for part in parts)
        waiting = iter(named)
        gates = [next(waiting).digest if evidence else "" for evidence in rests_on]
        attestation = ""
        if self._attest is not None:
            statement = self._attest(verdict, requirement, msgspec.structs.replace(judged, evidence=whole.digest))
            (signed,) = self._blobs.named([statement], redact=False)
            attestation = signed.digest
            blobs.append(signed)
        await self._blobs.store(blobs)
        return judgement_of(verdict, whole.digest, attestation=attestation, gates=gates)


def _around(requirement: Requirement, manifest: Manifest, proof: Proof) -> Manifest:
    """Return the files that a delivery adds to the tree or stores next to the tree."""
    return packaging_manifest(requirement, manifest) if proof == "inside" else proof_manifest(requirement)


def _command(pending: verifier_view.Pending, judgement: Judgement) -> Command:
    id, at = derive(pending.cause, "verifier.verdict"), now()
    if pending.key == verifier_view.MERGED:
        return run_messages.JudgeMerged(id=id, at=at, cause=pending.cause, run=pending.scope, judgement=judgement)
    assert pending.employee is not None, "a task's tree has an author"
    assert pending.order_id is not None, "a task's tree belongs to an order"
    return task.Judge(
        id=id,
        at=at,
        cause=pending.cause,
        run=pending.scope,
        task=UUID(pending.key),
        employee=pending.employee,
        order=pending.order_id,
        judgement=judgement,
    )
