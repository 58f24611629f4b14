"""Gate of the visible and sealed cases, the main evidence of a verdict. Results are compared outside the sandbox."""

from collections.abc import Iterable

from verification.execution.case_runner import CaseProblem
from verification.execution.trials import Trial, run_all, trials_of
from verification.gates.base import GateReport, Subject, VerdictGate, nothing_to_do, verdict_on
from verification.requirements.model import Case, Criterion
from verification.verdict.model import INTEGRITY, Finding

DETAIL_CHARS_MAX = 2000
STRIKES: dict[str, str] = {
    "forged_answer": "something wrote to the judge's answer channel",
    "tampering": "something searched the stack frames of the judge's worker",
}


class Cases(VerdictGate):
    """Gate that runs the cases of the judged criteria."""

    name = "cases"

    async def ask(self, subject: Subject) -> GateReport:
        subject.trials += (trials := trials_of(subject.criteria))
        if not trials:
            return nothing_to_do("no criterion has cases")
        await run_all(trials, subject.project, subject.sandbox, subject.seed)
        findings = [finding for criterion in subject.criteria for finding in findings_of(criterion.id, trials)]
        passed = sum(trial.problem is None for trial in trials)
        return verdict_on(findings, text=f"{passed} of {len(trials)} passed", evidence=counts(subject.criteria, trials))


def counts(criteria: Iterable[Criterion], trials: list[Trial]) -> dict[str, dict[str, int]]:
    """Return the numbers of visible and sealed cases for each criterion, and the numbers of passed cases."""
    told: dict[str, dict[str, int]] = {}
    for criterion in criteria:
        mine = [trial for trial in trials if trial.criterion == criterion.id]
        told[criterion.id] = {
            f"{name}_{what}": sum(
                trial.sealed is sealed and (what == "total" or trial.problem is None) for trial in mine
            )
            for name, sealed in (("visible", False), ("sealed", True))
            for what in ("passed", "total")
        }
    return told


def findings_of(criterion: str, trials: list[Trial]) -> list[Finding]:
    """Return one finding for each failed visible case, one for all failed sealed cases, one for each kind of strike."""
    found: list[Finding] = []
    for case, problem in failed(criterion, trials, sealed=False):
        text = f"line {case.line}: {problem.text}"
        found.append(Finding(kind=problem.kind, criterion=criterion, detail=text, for_author=text))
    hidden = failed(criterion, trials, sealed=True)
    strikes = {problem.kind: problem.text for _, problem in hidden if problem.kind in INTEGRITY}
    for kind, text in strikes.items():
        found.append(Finding(kind=kind, criterion=criterion, detail=text, for_author=STRIKES[kind]))
    if hidden:
        detail = "; ".join(f"sealed line {case.line}: {problem.kind}: {problem.text}" for case, problem in hidden)
        shown = f"criterion {criterion} failed on cases you cannot see"
        text = detail[:DETAIL_CHARS_MAX]
        kinds = tuple(dict.fromkeys(problem.kind for _, problem in hidden))
        found.append(Finding(kind="sealed_failed", criterion=criterion, detail=text, for_author=shown, reasons=kinds))
    return found


def failed(criterion: str, trials: list[Trial], *, sealed: bool) -> list[tuple[Case, CaseProblem]]:
    """Return the cases of a criterion that ran and did not pass."""
    mine = [trial for trial in trials if trial.criterion == criterion and trial.sealed is sealed]
    return [(trial.case, trial.problem) for trial in mine if trial.failed and trial.problem is not None]
