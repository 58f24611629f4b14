"""The form of a tree: what no box can hold is judged no further."""

from verification.gates.base import GateReport, Subject, VerdictGate, verdict_on
from verification.source_scan.write_set import compiled_findings, form_findings, twin_findings


class Form(VerdictGate):
    """Plain paths, bounded count and size, nothing that lies below a file, no compiled Python, no twins."""

    name = "form"
    needs_fit = False

    async def ask(self, subject: Subject) -> GateReport:
        files = len(subject.tree)
        evidence = {"files": files, "bytes": sum(map(len, subject.tree.values()))}
        findings = form_findings(subject.tree)
        findings += compiled_findings(subject.changed, subject.tree) + twin_findings(subject.changed, subject.tree)
        return verdict_on(findings, text=f"{files} files", evidence=evidence)
