"""Gate about shadowing. It reports files of the project that hide a library's module of the same name."""

from domain.tree import Tree
from domain.wording import counted
from verification.gates.base import GateReport, Subject, VerdictGate, nothing_to_do
from verification.packages.libraries import modules_in


class Shadowing(VerdictGate):
    """This gate only advises, because the project comes first on Python's path here.

    In another environment, the library may come first.
    """

    name = "shadowing"
    grade = "A"

    async def ask(self, subject: Subject) -> GateReport:
        if subject.project.libraries is None:
            return nothing_to_do("there are no dependencies")
        theirs = modules_in(subject.project.libraries)
        inside = [path.removeprefix("src/") for path in Tree.of(subject.tree).paths() if path.endswith(".py")]
        ours = {path.partition("/")[0].removesuffix(".py") for path in inside}
        hidden = sorted(ours & theirs)
        if not hidden:
            return GateReport(result="passed", text=f"{counted(len(theirs), 'module')} of libraries")
        text = f"the project's {', '.join(hidden)} hides a library's module of the same name"
        return GateReport(result="noted", text=text[:300], evidence={"hidden": hidden})
