"""Regression: what tasks that were verified earlier can do must hold on the tree with this one's work on top."""

from verification.gates.base import Gate, Report, Subject, nothing_to_do, verdict_on
from verification.gates.cases import counts, failed
from verification.trials import run_all, trials_of
from verification.verdict import Finding


class Regression(Gate):
    """The cases of the criteria before. Their author may be another one, so a failure names the criterion only."""

    name = "regression"

    async def ask(self, subject: Subject) -> Report:
        if not subject.earlier:
            return nothing_to_do("no task was verified before")
        trials = trials_of(subject.earlier)
        await run_all(trials, subject.project, subject.sandbox, subject.seed)
        findings: list[Finding] = []
        for criterion in subject.earlier:
            lost = [
                (case, problem)
                for sealed in (False, True)
                for case, problem in failed(criterion.id, trials, sealed=sealed)
            ]
            if lost:
                detail = "; ".join(f"line {case.line}: {problem.kind}: {problem.text}" for case, problem in lost)
                shown = f"criterion {criterion.id} of an earlier task held before your change and does not now"
                findings.append(
                    Finding(kind="regression", criterion=criterion.id, detail=detail[:2000], for_author=shown)
                )
        text = f"{len(subject.earlier)} criteria of earlier tasks"
        return verdict_on(findings, text=text, evidence=counts(subject.earlier, trials))
