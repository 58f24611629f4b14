"""The form of a tree. A tree that does not fit into a sandbox is not judged further."""

from domain.tree import Tree
from verification.gates.base import GateReport, Subject, VerdictGate, verdict_on
from verification.source_scan.write_set import compiled_findings, form_findings, twin_findings


class Form(VerdictGate):
    """Plain paths, links that stay inside, bounded size, no path below a file, no compiled Python.

    No two paths may be the same file on a system that ignores case.
    """

    name = "form"
    needs_fit = False

    async def ask(self, subject: Subject) -> GateReport:
        tree = Tree.of(subject.tree)
        files = len(tree)
        evidence = {"files": files, "bytes": sum(map(len, tree.values()))}
        beside = {"links": len(tree.links), "submodules": len(tree.submodules)}
        evidence |= {name: number for name, number in beside.items() if number}
        findings = form_findings(tree, subject.changed)
        findings += compiled_findings(subject.changed, subject.tree) + twin_findings(subject.changed, subject.tree)
        return verdict_on(findings, text=f"{files} files", evidence=evidence)
