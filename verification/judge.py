"""The judge of grade C: runs each case in a box of its own, compares outside, and says what it found."""

import asyncio
import random
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from domain.errors import Invalid, Refused
from domain.tree import manifest_of, tree_digest
from verification.casebox import Problem, Project, play
from verification.comparison import problem_of
from verification.hardcoding import hard_coded_path
from verification.requirement import Case, Criterion, Requirement
from verification.sandbox.base import Sandbox
from verification.servicebox import service_problem
from verification.verdict import INTEGRITY, CriterionResult, Finding, Verdict
from verification.writeset import changed_paths, form_findings, scope_findings

BOXES_AT_ONCE = 2
TIMEOUTS_MAX = 2  # after so many the rest is not run: it could only make a refusal slower
FINDINGS_MAX = 50
DETAIL_CHARS_MAX = 2000
_STRIKES: dict[str, str] = {
    "forged_answer": "something wrote to the judge's answer channel",
    "tampering": "something searched the judge's own frames",
}


NOT_RUN = Problem("timeout", "was not run, because others had not ended in time")


@dataclass
class Trial:
    """One case and how it went: `problem` is None once it has passed."""

    criterion: str
    sealed: bool
    case: Case
    problem: Problem | None = NOT_RUN


async def judge(
    requirement: Requirement,
    tree: Mapping[str, bytes],
    *,
    sandbox: Sandbox,
    seed: int,
    base: Mapping[str, bytes] | None = None,
    criteria: Collection[str] | None = None,
    scope: tuple[str, ...] | None = None,
    allow_degraded: bool = False,
) -> Verdict:
    """The verdict about the whole `tree`, of which `base` (nothing, if None) was there before its author came.

    `criteria` and `scope` narrow it to one task; `seed` shuffles the cases. Raises Invalid for an unknown criterion,
    Unavailable without a sandbox, and Refused when the machine cannot hold every limit, unless `allow_degraded`.
    """
    chosen = _chosen(requirement, criteria)
    started = time.monotonic()
    held = await sandbox.probe()
    if held.not_held and not allow_degraded:
        raise Refused(
            f"This machine cannot hold: {', '.join(held.not_held)}.",
            hint="Run as root, or as a user with systemd and delegated memory control; or accept it: --allow-degraded.",
            code="sandbox_degraded",
        )
    before = base or {}
    changed = changed_paths(tree, before)
    findings = scope_findings(changed, requirement.scope if scope is None else scope)
    unfit = form_findings(tree)
    trials = _trials(chosen)
    if unfit:
        findings = [*unfit, *findings]
    else:
        await _run_all(trials, Project(tree, requirement.command, requirement.serve), sandbox, seed)
        findings += [finding for criterion in chosen for finding in _findings(criterion.id, trials)]
        findings += _hard_coded(chosen, trials, changed, tree, before)
    results = tuple(_result(criterion.id, trials) for criterion in chosen)
    return Verdict(
        verified=not findings and all(result.passed for result in results),
        tree=tree_digest(manifest_of(tree)),
        grade="C",
        criteria=results,
        findings=_most_telling(findings),
        seed=seed,
        sandbox=held.backend,
        not_held=held.not_held,
        wall_s=round(time.monotonic() - started, 3),
    )


def _chosen(requirement: Requirement, criteria: Collection[str] | None) -> list[Criterion]:
    known = {criterion.id: criterion for criterion in requirement.criteria}
    unknown = sorted(set(criteria or ()) - set(known))
    if unknown or (criteria is not None and not criteria):
        raise Invalid(
            f"no such criterion: {', '.join(unknown) or 'none was named'}", hint=f"Choose from {', '.join(known)}."
        )
    return [criterion for criterion in requirement.criteria if criteria is None or criterion.id in criteria]


def _trials(chosen: list[Criterion]) -> list[Trial]:
    return [
        Trial(criterion.id, sealed, case)
        for criterion in chosen
        for sealed, cases in ((False, criterion.cases), (True, criterion.sealed))
        for case in cases
    ]


async def _run_all(trials: list[Trial], project: Project, sandbox: Sandbox, seed: int) -> None:
    """Runs the trials in an order drawn from `seed`, a few boxes at once, until too many did not end in time."""
    waiting = list(trials)
    random.Random(seed).shuffle(waiting)
    late: list[bool] = []

    def hopeless() -> bool:
        return sum(late) >= TIMEOUTS_MAX or (any(late) and all(late))

    async def take() -> None:
        while waiting and not hopeless():
            trial = waiting.pop()
            trial.problem = await _tried(trial.case, project, sandbox)
            late.append(trial.problem is not None and trial.problem.kind == "timeout")

    try:
        async with asyncio.TaskGroup() as boxes:
            for _ in range(BOXES_AT_ONCE):
                boxes.create_task(take())
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed  # callers know kinds of errors, not groups of them


async def _tried(case: Case, project: Project, sandbox: Sandbox) -> Problem | None:
    if case.asks_service:
        return await service_problem(case, project, sandbox)
    answer = await play(case, project, sandbox)
    return answer if isinstance(answer, Problem) else problem_of(case, answer)


def _failed(criterion: str, trials: list[Trial], *, sealed: bool) -> list[tuple[Case, Problem]]:
    return [
        (each.case, each.problem)
        for each in trials
        if each.criterion == criterion
        and each.sealed == sealed
        and each.problem is not None
        and each.problem is not NOT_RUN
    ]


def _findings(criterion: str, trials: list[Trial]) -> list[Finding]:
    """One finding for each visible case that failed; of the sealed ones, one for the criterion and one per strike."""
    found: list[Finding] = []
    for case, problem in _failed(criterion, trials, sealed=False):
        text = f"line {case.line}: {problem.text}"
        found.append(Finding(kind=problem.kind, criterion=criterion, detail=text, for_author=text))
    hidden = _failed(criterion, trials, sealed=True)
    strikes = {problem.kind: problem.text for _, problem in hidden if problem.kind in INTEGRITY}
    for kind, text in strikes.items():
        found.append(Finding(kind=kind, criterion=criterion, detail=text, for_author=_STRIKES[kind]))
    if hidden:
        detail = "; ".join(f"sealed line {case.line}: {problem.kind}: {problem.text}" for case, problem in hidden)
        shown = f"criterion {criterion} failed on cases you cannot see"
        text = detail[:DETAIL_CHARS_MAX]
        found.append(Finding(kind="sealed_failed", criterion=criterion, detail=text, for_author=shown))
    return found


def _hard_coded(
    chosen: list[Criterion],
    trials: list[Trial],
    changed: tuple[str, ...],
    tree: Mapping[str, bytes],
    base: Mapping[str, bytes],
) -> list[Finding]:
    found: list[Finding] = []
    for criterion in chosen:
        if not _failed(criterion.id, trials, sealed=True):
            continue
        path = hard_coded_path(criterion, changed, tree, base)
        if path:
            text = f"{path} holds arguments and results of the visible cases of {criterion.id} as literals"
            shown = f"{text}; solve the criterion instead"
            found.append(Finding(kind="hard_coded", criterion=criterion.id, path=path, detail=text, for_author=shown))
    return found


def _result(criterion: str, trials: list[Trial]) -> CriterionResult:
    mine = [each for each in trials if each.criterion == criterion]
    visible = [each.problem is None for each in mine if not each.sealed]
    sealed = [each.problem is None for each in mine if each.sealed]
    return CriterionResult(
        id=criterion,
        passed=bool(mine) and all(visible) and all(sealed),
        visible_passed=sum(visible),
        visible_total=len(visible),
        sealed_passed=sum(sealed),
        sealed_total=len(sealed),
    )


def _most_telling(findings: list[Finding]) -> tuple[Finding, ...]:
    """Strikes first, and not more than anybody reads."""
    return tuple(sorted(findings, key=lambda finding: not finding.integrity)[:FINDINGS_MAX])
