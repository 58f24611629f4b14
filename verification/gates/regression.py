"""Gate against regressions. The criteria of tasks that were verified earlier must still hold after this task's work."""

from typing import Any

from domain.wording import counted
from verification.execution.trials import run_all, trials_of
from verification.gates.base import GateReport, Subject, VerdictGate, nothing_to_do, verdict_on
from verification.gates.cases import counts, failed
from verification.gates.properties import evidence_of
from verification.properties.runner import Tried, properties_of, try_all
from verification.verdict.model import Finding


class Regression(VerdictGate):
    """Criteria of earlier tasks must still hold.

    Another employee may have done those tasks, so the finding's text for the author names only the criterion.
    """

    name = "regression"

    async def ask(self, subject: Subject) -> GateReport:
        if not subject.earlier:
            return nothing_to_do("no task was verified before")
        trials = trials_of(subject.earlier)
        await run_all(trials, subject.project, subject.sandbox, subject.seed)
        tried = await try_all(properties_of(subject.earlier), subject.project, subject.sandbox, subject.seed)
        findings: list[Finding] = []
        for criterion in subject.earlier:
            lost = [
                (case, problem)
                for sealed in (False, True)
                for case, problem in failed(criterion.id, trials, sealed=sealed)
            ]
            told = [f"line {case.line}: {problem.kind}: {problem.text}" for case, problem in lost]
            told += [
                f"line {one.property.line}: {one.property.kind}: {one.problem.text}"
                for one in tried
                if one.criterion == criterion.id and one.problem is not None
            ]
            if told:
                detail = "; ".join(told)
                shown = f"criterion {criterion.id} of an earlier task held before your change and does not hold now"
                findings.append(
                    Finding(kind="regression", criterion=criterion.id, detail=detail[:2000], for_author=shown)
                )
        text = f"{counted(len(subject.earlier), 'criterion', 'criteria')} of earlier tasks"
        evidence: dict[str, Any] = {**counts(subject.earlier, trials), **_properties(tried)}
        return verdict_on(findings, text=text, evidence=evidence)


def _properties(tried: list[Tried]) -> dict[str, Any]:
    return {"properties": evidence_of(tried)} if tried else {}
