"""Gate against stubs. It fails if a function that a case calls has no implementation. Other stubs are only noted."""

import asyncio

from domain.wording import counted
from verification.adequacy.trivial_stubs import NOT_IMPLEMENTED, NOTHING
from verification.adequacy.weak_criteria import played
from verification.gates.base import GateReport, Subject, VerdictGate, verdict_on
from verification.gates.syntax import own_lines
from verification.requirements.model import Case, Criterion
from verification.source_scan.unwritten import Unwritten, reminders, unwritten
from verification.source_scan.write_set import NAMED_MAX, is_test
from verification.verdict.model import Finding


class Stubs(VerdictGate):
    """The gate fails only for functions that cases or properties call. Any other function may be empty."""

    name = "stubs"

    async def ask(self, subject: Subject) -> GateReport:
        files = [
            path for path in subject.changed if path in subject.tree and path.endswith(".py") and not is_test(path)
        ]
        found = await asyncio.to_thread(unwritten, [subject.tree[path] for path in files])
        is_own = own_lines(subject)
        whole = [(path, each) for path, inside in zip(files, found, strict=True) for each in inside]
        bare = [(path, each) for path, each in whole if is_own(path, each.line)]
        findings = [_finding(path, each) for path, each in bare if _is_asked_for(path, each, subject.criteria)]
        said = [f"{path}, line {each.line}: {each.name} is {each.how}" for path, each in bare]
        marked = await asyncio.to_thread(lambda: [(path, reminders(subject.tree[path])) for path in files])
        said += [
            f"{path}, line {line}: {word}" for path, inside in marked for line, word in inside if is_own(path, line)
        ]
        evidence = {"files": len(files), "found": said[:NAMED_MAX]}
        if said and not findings:
            return GateReport(result="noted", text="; ".join(said)[:500], evidence=evidence)
        return verdict_on(findings[:NAMED_MAX], text=counted(len(files), "file"), evidence=evidence)


def _finding(path: str, found: Unwritten) -> Finding:
    text = f"{path}, line {found.line}: {found.name} has no implementation: its body is {found.how}"
    return Finding(kind="stub", path=path, detail=text, for_author=text)


def _is_asked_for(path: str, found: Unwritten, criteria: tuple[Criterion, ...]) -> bool:
    """Return whether a case or property calls the function and could not pass with the body that it has."""
    stub = NOT_IMPLEMENTED if found.how == "NotImplementedError" else NOTHING
    steps = [step for each in criteria for case in (*each.cases, *each.sealed) for step in case.steps]
    properties = [one for each in criteria for one in (*each.properties, *each.sealed_properties)]
    if any(one.kind not in stub.keeps for one in properties if _is_in(one.call, path, found.name)):
        return True
    calls = [step for step in steps if step.action == "call" and _is_in(step.target, path, found.name)]
    return any(not played(Case(steps=(step,), line=0), [stub]) for step in calls)


def _is_in(target: str, path: str, name: str) -> bool:
    module, _, function = target.partition(":")
    place = module.replace(".", "/")
    return function == name and path.removeprefix("src/") in (f"{place}.py", f"{place}/__init__.py")
