"""Gate of a tree's form. If a tree does not fit into a sandbox, most other gates do not run."""

from domain.tree import Tree
from domain.wording import counted
from verification.gates.base import GateReport, Subject, VerdictGate, verdict_on
from verification.source_scan.write_set import compiled_findings, form_findings, twin_findings


class Form(VerdictGate):
    """A tree must have plain paths, links only to its own files, a limited size, and no compiled Python.

    No path may be below a file. Two paths must not differ only in upper or lower case of letters.
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
        return verdict_on(findings, text=counted(files, "file"), evidence=evidence)
