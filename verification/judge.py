"""The judge runs the gates on one tree and returns their findings. It never imports the code under test."""

import time
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from domain.errors import Invalid
from domain.tree import Tree, manifest_of, tree_digest
from verification.execution.case_runner import Project
from verification.execution.trials import Trial
from verification.gates.base import Origin, Subject
from verification.gates.pipeline import ask_all
from verification.packages.project_environment import environment_of
from verification.properties.runner import Tried
from verification.requirements.model import Criterion, Requirement, modules_named
from verification.sandbox.acceptance import probed
from verification.sandbox.base import Capabilities, Sandbox
from verification.source_scan.write_set import changed_paths
from verification.suites.outcome_store import OutcomeStore
from verification.verdict.model import CriterionResult, Finding, GateResult, Verdict

FINDINGS_MAX = 50
MUTANTS_MAX = (
    12  # maximum number of mutants: copies of the accepted code with one small mistake, about one sandbox each
)


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A tree to judge, with the requirement and the settings of its verdict.

    `base` is the tree before the author's work; None means an empty tree. `criteria` and `scope` narrow the verdict to
    one task, and `earlier` names criteria of earlier tasks. If `whole` is False, the tree is the work of one task, and
    expensive gates run later, on the merged tree. `libraries` is the folder of installed dependencies. `packaged` is
    the whole tree with the files that a delivery adds. `origin` is the commit that the run builds on. It differs from
    `base` if `base` also contains the work of earlier tasks. If `advice` is False, gates that only advise do not run.
    """

    requirement: Requirement
    tree: Mapping[str, bytes]
    base: Mapping[str, bytes] | None = None
    criteria: Collection[str] | None = None
    earlier: Collection[str] = ()
    scope: tuple[str, ...] | None = None
    whole: bool = True
    libraries: Path | None = None
    packaged: Mapping[str, bytes] | None = None
    origin: Origin | None = None
    advice: bool = True
    mutants_max: int = MUTANTS_MAX


async def judge(
    candidate: Candidate,
    *,
    sandbox: Sandbox,
    seed: int,
    allow_degraded: bool = False,
    accepted: Collection[str] = (),
) -> Verdict:
    """Return the verdict about a tree. All random numbers follow from `seed`.

    Raises Invalid for an unknown criterion, and Unavailable if there is no sandbox. Raises Refused if the machine
    cannot enforce a limit, unless that limit is in `accepted` or `allow_degraded` is True.
    """
    started = time.monotonic()
    _chosen(candidate.requirement, candidate.criteria)  # an unknown criterion raises before a sandbox is made
    held = await probed(sandbox, allow_degraded=allow_degraded, accepted=accepted)
    subject = _subject(candidate, sandbox, held, seed)
    gates = await ask_all(subject)
    return _verdict(subject, gates, held, wall_s=round(time.monotonic() - started, 3))


def _subject(candidate: Candidate, sandbox: Sandbox, held: Capabilities, seed: int) -> Subject:
    """Return the subject of the gates: the candidate with its parsed trees, criteria and sandbox."""
    requirement = candidate.requirement
    tree, before = Tree.of(candidate.tree), Tree.of(candidate.base or {})
    chosen = _chosen(requirement, candidate.criteria)
    allowed = requirement.scope if candidate.scope is None else candidate.scope
    origin = candidate.origin or Origin(files=before)
    return Subject(
        requirement=requirement,
        tree=tree,
        base=before,
        changed=changed_paths(tree, before),
        criteria=tuple(chosen),
        earlier=tuple(_chosen(requirement, candidate.earlier)) if candidate.earlier else (),
        scope=allowed,
        whole=candidate.whole,
        project=project_of(requirement, tree, origin, candidate.libraries, modules_named(chosen, allowed)),
        sandbox=sandbox,
        origin=origin,
        advice=candidate.advice,
        outcomes=OutcomeStore(origin.outcomes, held.image),
        seed=seed,
        mutants_max=candidate.mutants_max,
        packaged=candidate.packaged,
    )


def _verdict(subject: Subject, gates: tuple[GateResult, ...], held: Capabilities, wall_s: float) -> Verdict:
    results = tuple(_result(criterion, subject) for criterion in subject.criteria)
    return Verdict(
        verified=subject.sound and all(result.passed for result in results),
        tree=tree_digest(manifest_of(subject.tree)),
        grade=max((result.grade for result in results), key="CBA".index),
        criteria=results,
        findings=_most_telling(subject.findings),
        seed=subject.seed,
        sandbox=held.backend,
        not_held=held.not_held,
        wall_s=wall_s,
        gates=gates,
        image=held.image,
    )


def project_of(
    requirement: Requirement,
    tree: Mapping[str, bytes],
    origin: Origin,
    libraries: Path | None,
    named: tuple[str, ...],
) -> Project:
    """Return the project for the sandboxes: the tree, and the files that an installation of its base would add."""
    project = Project(tree, requirement.command, requirement.serve, libraries=libraries, named=named)
    project = replace(project, suite_limits=requirement.suite_limits)
    if not origin.files:
        return project
    environment = environment_of(origin.files, libraries, described=origin.described, generated=origin.generated)
    return replace(project, environment=environment).with_files(tree)


def _chosen(requirement: Requirement, criteria: Collection[str] | None) -> list[Criterion]:
    known = {criterion.id: criterion for criterion in requirement.criteria}
    unknown = sorted(set(criteria or ()) - set(known))
    if unknown or (criteria is not None and not criteria):
        message = f"There is no criterion {', '.join(unknown)}." if unknown else "No criterion is named."
        raise Invalid(message, hint=f"Choose from {', '.join(known)}.")
    return [criterion for criterion in requirement.criteria if criteria is None or criterion.id in criteria]


def _result(criterion: Criterion, subject: Subject) -> CriterionResult:
    """Return a criterion's result. Each property that was tried counts as one case."""
    asked: list[Trial | Tried] = [*subject.trials, *subject.tried]
    mine = [each for each in asked if each.criterion == criterion.id]
    visible = [each.problem is None for each in mine if not each.sealed]
    sealed = [each.problem is None for each in mine if each.sealed]
    given = [subject.suites.get((criterion.id, is_sealed)) for is_sealed, _ in (*criterion.suites, *criterion.changes)]
    suites = [each and each.standing for each in given]
    outside = criterion.judged_outside
    held = bool(mine) if outside else "passed" in suites
    return CriterionResult(
        id=criterion.id,
        passed=all(visible) and all(sealed) and held and not {"failed", None} & set(suites),
        visible_passed=sum(visible),
        visible_total=len(visible),
        sealed_passed=sum(sealed),
        sealed_total=len(sealed),
        grade="C" if outside or not suites else "B",
    )


def _most_telling(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return at most FINDINGS_MAX findings, strikes first."""
    return tuple(sorted(findings, key=lambda finding: not finding.integrity)[:FINDINGS_MAX])
