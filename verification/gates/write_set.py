"""Gate of the write set. Every path that differs from the base must be a path that the author may write."""

from domain.wording import counted
from verification.gates.base import GateReport, Subject, VerdictGate, verdict_on
from verification.source_scan.write_set import extension_findings, scope_findings
from verification.verdict.model import Finding


class WriteSet(VerdictGate):
    name = "write_set"
    needs_fit = False

    async def ask(self, subject: Subject) -> GateReport:
        findings = scope_findings(subject.changed, subject.scope, subject.tree, subject.base)
        findings += extension_findings(subject.changed, subject.origin.generated)
        if subject.whole and subject.origin.files and not subject.changed:
            text = "no file differs from the base, so nothing was solved"
            findings.append(Finding(kind="nothing_changed", detail=text, for_author=text))
        evidence = {"changed": list(subject.changed), "scope": list(subject.scope)}
        return verdict_on(findings, text=f"{counted(len(subject.changed), 'path')} changed", evidence=evidence)
