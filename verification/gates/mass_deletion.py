"""Gate against mass deletion. It finds changed files in which an employee's work removed most of the lines."""

from domain.wording import counted
from verification.gates.base import GateReport, Subject, VerdictGate, verdict_on
from verification.source_scan.mass_deletion import mass_deletions


class MassDeletion(VerdictGate):
    """The gate fails for the work of one task.

    For a merged tree or a folder it only adds a note, because a person has seen the change.
    """

    name = "mass_deletion"

    async def ask(self, subject: Subject) -> GateReport:
        asked = "\n\n".join([subject.requirement.prose, *(criterion.says for criterion in subject.criteria)])
        findings = mass_deletions(subject.changed, subject.tree, subject.base, asked)
        evidence = {"deleted_from": [finding.path for finding in findings]}
        if findings and subject.whole:
            return GateReport(result="noted", text=findings[0].detail[:300], evidence=evidence)
        return verdict_on(
            findings,
            text=counted(len(findings), "file lost most of its lines", "files lost most of their lines"),
            evidence=evidence,
        )
