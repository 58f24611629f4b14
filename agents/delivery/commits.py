"""The commits of a delivery, from its run's events: one per verified task in order of verdict, then the packaging."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from agents.delivery.commit_plan import CommitPlan
from agents.delivery.packaging import Signed, delivery_files
from agents.run_content import tree_of
from bus.blobs import Blobs
from domain import run_messages, task
from domain.message import Recorded
from domain.tree import Entry, Manifest, Tree
from governance.signing import public_pem
from verification.requirements.model import Requirement
from verification.verdict.attestation import named_key

TRAILER_RUN = "Aura-Run"


def branch_of(run: UUID, has_base: bool) -> str:
    """`main` of a repository of its own; on a base a branch that is certainly not the user's."""
    return f"aura/{run}" if has_base else "main"


async def delivery_commits(
    requirement: Requirement, events: Sequence[Recorded], manifest: Manifest, blobs: Blobs
) -> list[CommitPlan]:
    """Commit plans whose last tree is the merged one and the delivery's own files. Void events count for nothing."""
    counted = [recorded for recorded in events if recorded.void is None]
    names: dict[UUID, str] = {}  # of the tasks that wrote code: a review has no criteria and is no part of the tree
    handed_in: dict[UUID, task.Submitted] = {}
    commits: list[CommitPlan] = []
    written = Tree({})
    changed: dict[str, Entry] = {}
    exact = True  # whether all of it says modes: events of release 0.1.0 do not, and then the base's modes stand
    for recorded in counted:
        match recorded.event:
            case run_messages.Planned(tasks=planned):
                names = {part.id: part.name for part in planned if part.criteria}
            case task.Submitted() as submitted:
                handed_in[submitted.task] = submitted
                exact = exact and recorded.envelope.version > 1
            case task.Verified() as verified if verified.task in names:
                changed |= handed_in[verified.task].files
                written = await tree_of(changed, blobs)
                commits.append(
                    _commit(recorded, verified, names[verified.task], written if exact else dict(written), changed)
                )
    last = next(recorded for recorded in counted if isinstance(recorded.event, run_messages.Verified))
    assert isinstance(last.event, run_messages.Verified)
    verdict = await blobs.get(last.event.judgement.evidence)
    signed = await _signed(last.event.judgement.attestation, blobs)
    extra = delivery_files(requirement, manifest, verdict, _summary(commits, last), signed)
    commits.append(
        CommitPlan(
            files=written.with_files(extra) if exact else {**written, **extra},
            deleted=_deleted(changed),
            message=f"Delivery of {requirement.title}\n\nPackaging, acceptance cases and the merged tree's verdict.",
            trailers=(
                (TRAILER_RUN, str(last.envelope.run)),
                ("Aura-Verdict", str(last.envelope.id)),
                ("Aura-Tree", last.event.judgement.tree),
            ),
            at_us=last.envelope.occurred_at,
        )
    )
    return commits


async def _signed(attestation: str, blobs: Blobs) -> Signed | None:
    """The verifier's statement with the key that it names; None where the verifier signed nothing."""
    if not attestation:
        return None
    envelope = await blobs.get(attestation)
    return Signed(statement=envelope + b"\n", key=public_pem(named_key(envelope)))


def _deleted(changed: Manifest) -> frozenset[str]:
    return frozenset(path for path, entry in changed.items() if entry.kind == "deleted")


def _commit(
    recorded: Recorded, verified: task.Verified, name: str, files: Mapping[str, bytes], changed: Manifest
) -> CommitPlan:
    return CommitPlan(
        files=files,
        deleted=_deleted(changed),
        message=f"Task {name}, verified",
        trailers=(
            (TRAILER_RUN, str(verified.run)),
            ("Aura-Task", str(verified.task)),
            ("Aura-Employee", str(verified.employee)),
            ("Aura-Verdict", str(recorded.envelope.id)),
            ("Aura-Tree", verified.judgement.tree),
        ),
        at_us=recorded.envelope.occurred_at,
    )


def _summary(commits: Sequence[CommitPlan], last: Recorded) -> str:
    day = datetime.fromtimestamp(last.envelope.occurred_at / 1_000_000, UTC).date().isoformat()
    return (
        f"{len(commits)} tasks, each verified by running it outside its author's reach, and the merged tree once more "
        f"on {day}. Each commit names its task, employee, verdict and tree; `verdict.json` holds the last verdict."
    )
