"""The commits of a delivery, made from the events of its run. There is one commit for each verified task in the order
of the verdicts. The last commit is the packaging.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from agents.delivery.commit_plan import CommitPlan
from agents.delivery.packaging import Signed, delivery_files
from agents.delivery.proof import proof_files
from agents.run_content import tree_of
from bus.blobs import Blobs
from domain import run_messages, task
from domain.message import Recorded
from domain.run import RunState, files_of
from domain.tree import Entry, Manifest, Tree
from domain.wording import counted
from governance.signing import public_pem
from verification.requirements.model import Requirement
from verification.verdict.attestation import named_key

TRAILER_RUN = "Aura-Run"


def branch_of(run: UUID, has_base: bool) -> str:
    """Return `main` for a new repository. On a base, return a name with the run's id, which no other branch has."""
    return f"aura/{run}" if has_base else "main"


def release_of(run: UUID) -> str:
    """Return the tag that marks a release. Each run has its own tag, so that one repository can hold many releases."""
    return f"aura-release-{run}"


class Delivery(NamedTuple):
    """The commits of a delivery, and its proof by path if the proof is not part of the commits."""

    commits: list[CommitPlan]
    proof: dict[str, bytes]


class _Work(NamedTuple):
    """The files of one task, and the verdict that verified them."""

    recorded: Recorded
    verified: task.Verified
    files: Manifest


async def delivery_of(
    requirement: Requirement, events: Sequence[Recorded], state: RunState, manifest: Manifest, blobs: Blobs
) -> Delivery:
    """Return the delivery of the tree with this manifest. Void events are ignored."""
    assert state.submitted is not None
    counted = [recorded for recorded in events if recorded.void is None]
    names, done, exact = _work(counted)
    commits: list[CommitPlan] = []
    changed: dict[str, Entry] = {}
    written = Tree({})
    for number, (id, work) in enumerate(done.items(), 1):
        changed |= work.files
        if number == len(done) and state.submitted.proof != "inside":
            changed = files_of(state)  # the judged files, in the order of the plan
        written = await tree_of(changed, blobs)
        commits.append(_commit(work, names[id], written if exact else dict(written), changed))
    last = [recorded for recorded in counted if isinstance(recorded.event, run_messages.Verified)][-1]
    assert isinstance(last.event, run_messages.Verified)
    verdict = await blobs.get(last.event.judgement.evidence)
    signed = await _signed(last.event.judgement.attestation, blobs)
    summary, place = _summary(commits, last), state.submitted.proof
    if place == "inside":
        extra = delivery_files(requirement, manifest, verdict, summary, signed)
        files = written.with_files(extra) if exact else {**written, **extra}
        commits.append(_packaging(requirement, last, files, changed))
        return Delivery(commits, {})
    return Delivery(commits, proof_files(requirement, verdict, summary, signed, place))


def _work(events: Sequence[Recorded]) -> tuple[dict[UUID, str], dict[UUID, _Work], bool]:
    """Return the names of tasks that wrote code, their verified work, and whether all this work has file modes.

    The work is in the order of the verdicts. A review has no criteria and is not part of the tree. Events of release
    0.1.0 have no modes; then the base's modes are used.
    """
    names: dict[UUID, str] = {}
    handed_in: dict[UUID, Manifest] = {}
    done: dict[UUID, _Work] = {}
    exact = True
    for recorded in events:
        match recorded.event:
            case run_messages.Planned(tasks=planned):
                names = {part.id: part.name for part in planned if part.criteria}
            case task.Submitted() as submitted:
                handed_in[submitted.task] = submitted.files
                exact = exact and recorded.envelope.version > 1
            case task.Verified() as verified if verified.task in names:
                done[verified.task] = _Work(recorded, verified, handed_in[verified.task])
            case run_messages.Returned(tasks=again, files=merged):
                done = {id: work for id, work in done.items() if id not in again}
                for part in merged:
                    if part.task in done:
                        work = done[part.task]
                        done[part.task] = work._replace(files={**work.files, **part.files})
    return names, done, exact


def _packaging(requirement: Requirement, last: Recorded, files: Mapping[str, bytes], changed: Manifest) -> CommitPlan:
    assert isinstance(last.event, run_messages.Verified)
    return CommitPlan(
        files=files,
        deleted=_deleted(changed),
        message=f"Delivery of {requirement.title}\n\nPackaging, acceptance cases and the merged tree's verdict.",
        trailers=(
            (TRAILER_RUN, str(last.envelope.run)),
            ("Aura-Verdict", str(last.envelope.id)),
            ("Aura-Tree", last.event.judgement.tree),
        ),
        at_us=last.envelope.occurred_at,
    )


async def _signed(attestation: str, blobs: Blobs) -> Signed | None:
    """Return the verifier's statement and the public key that it contains, or None if the verifier signed nothing."""
    if not attestation:
        return None
    envelope = await blobs.get(attestation)
    return Signed(statement=envelope + b"\n", key=public_pem(named_key(envelope)))


def _deleted(changed: Manifest) -> frozenset[str]:
    return frozenset(path for path, entry in changed.items() if entry.kind == "deleted")


def _commit(work: _Work, name: str, files: Mapping[str, bytes], changed: Manifest) -> CommitPlan:
    verified = work.verified
    return CommitPlan(
        files=files,
        deleted=_deleted(changed),
        message=f"Task {name}, verified",
        trailers=(
            (TRAILER_RUN, str(verified.run)),
            ("Aura-Task", str(verified.task)),
            ("Aura-Employee", str(verified.employee)),
            ("Aura-Verdict", str(work.recorded.envelope.id)),
            ("Aura-Tree", verified.judgement.tree),
        ),
        at_us=work.recorded.envelope.occurred_at,
    )


def _summary(commits: Sequence[CommitPlan], last: Recorded) -> str:
    day = datetime.fromtimestamp(last.envelope.occurred_at / 1_000_000, UTC).date().isoformat()
    return (
        f"{counted(len(commits), 'task was', 'tasks were')} verified in a sandbox that their authors "
        "cannot reach. The merged tree was "
        f"verified again on {day}. Each commit names its task, employee, verdict and tree. "
        f"`verdict.json` contains the last verdict."
    )
