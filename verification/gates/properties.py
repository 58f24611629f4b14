"""Gate of properties. Each verdict draws new inputs outside the sandbox. A property must hold for all its inputs."""

from typing import Any

from verification.gates.base import GateReport, Subject, VerdictGate, nothing_to_do, verdict_on
from verification.gates.cases import DETAIL_CHARS_MAX, STRIKES
from verification.properties.runner import Tried, properties_of, try_all
from verification.verdict.model import INTEGRITY, Finding, FindingKind

_RUNS = frozenset({"wrong_result", "not_accepted"})
"""Kinds of case failures that do not prevent the runs of the criterion's properties."""


class Properties(VerdictGate):
    """Gate that runs the visible and sealed properties of the judged criteria with new inputs."""

    name = "properties"

    async def ask(self, subject: Subject) -> GateReport:
        if not any(properties_of(subject.criteria)):
            return nothing_to_do("no criterion has properties")
        broken = {
            trial.criterion
            for trial in subject.trials
            if trial.problem is not None and (not trial.failed or trial.problem.kind not in _RUNS)
        }
        wanted = properties_of(each for each in subject.criteria if each.id not in broken)
        if not wanted:
            told = {"not_tried": sorted(broken)}
            return GateReport(
                result="not_run",
                text="no property was tried, because cases of their criteria did not run to their end",
                evidence=told,
            )
        tried = await try_all(wanted, subject.project, subject.sandbox, subject.seed, shrink=True)
        subject.tried += tried
        held = sum(one.problem is None for one in tried)
        text = f"{held} of {len(tried)} properties held, tried with {sum(one.inputs for one in tried)} new inputs"
        evidence = {"seed": subject.seed, "properties": evidence_of(tried), "not_tried": sorted(broken)}
        return verdict_on(findings_of(tried), text=text, evidence=evidence)


def evidence_of(tried: list[Tried]) -> list[dict[str, Any]]:
    """Return, for each property, the numbers of drawn inputs, of failures, and of inputs that the code may refuse."""
    return [
        {
            "criterion": one.criterion,
            "sealed": one.sealed,
            "line": one.property.line,
            "property": one.property.kind,
            "tries": one.inputs,
            "failures": one.failed,
            "passed_over": one.passed_over,
        }
        for one in tried
    ]


def findings_of(tried: list[Tried]) -> list[Finding]:
    """Return one finding for each failed visible property, one for each criterion with failed sealed properties.

    Each strike is one more finding.
    """
    found: list[Finding] = []
    for one in tried:
        if one.problem is None:
            continue
        text = f"line {one.property.line}: {one.property.kind}: {one.problem.text}"[:DETAIL_CHARS_MAX]
        if one.problem.kind in INTEGRITY:
            shown = STRIKES.get(one.problem.kind, text) if one.sealed else text
            found.append(Finding(kind=one.problem.kind, criterion=one.criterion, detail=text, for_author=shown))
        if not one.sealed:
            kinds: tuple[FindingKind, ...] = (one.problem.kind,)
            found.append(
                Finding(kind="property_failed", criterion=one.criterion, detail=text, for_author=text, reasons=kinds)
            )
    hidden: dict[str, list[Tried]] = {}
    for one in tried:
        if one.problem is not None and one.sealed:
            hidden.setdefault(one.criterion, []).append(one)
    for criterion, lost in hidden.items():
        shown = f"criterion {criterion} failed on cases you cannot see"
        told = [
            f"sealed line {one.property.line}: {one.property.kind}: {one.problem.text}" for one in lost if one.problem
        ]
        detail = "; ".join(told)[:DETAIL_CHARS_MAX]
        kinds = tuple(dict.fromkeys(one.problem.kind for one in lost if one.problem))
        found.append(Finding(kind="sealed_failed", criterion=criterion, detail=detail, for_author=shown, reasons=kinds))
    return found
