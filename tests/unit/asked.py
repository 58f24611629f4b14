"""One gate on one tree, for gates that need no box."""

from collections.abc import Callable, Mapping

from tests.cheats.solutions import requirement
from verification.execution.case_runner import Project
from verification.gates.base import GateReport, Subject, VerdictGate
from verification.requirements.model import Requirement
from verification.sandbox.bubblewrap import Bubblewrap
from verification.source_scan.write_set import changed_paths


async def asked(
    gate: VerdictGate,
    tree: Mapping[str, bytes],
    *,
    base: Mapping[str, bytes] | None = None,
    of: Callable[[Requirement], Requirement] = lambda of: of,
) -> GateReport:
    """Return the gate's report on a tree for the example hello-slug. `of` changes the tree."""
    asked_for = of(requirement("hello-slug"))
    subject = Subject(
        requirement=asked_for,
        tree=tree,
        base=base or {},
        changed=changed_paths(tree, base or {}),
        criteria=asked_for.criteria,
        earlier=(),
        scope=("**",),
        whole=True,
        project=Project(tree, None),
        sandbox=Bubblewrap(),
        seed=1,
    )
    return await gate.ask(subject)
