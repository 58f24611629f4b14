"""Weak criteria: criteria that code can meet without solving the task. They are reported before any employee works."""

from collections.abc import Iterator
from itertools import product

import msgspec

from verification.adequacy.trivial_stubs import Stub, StubService, commands, functions, services
from verification.execution.case_runner import CaseAnswer
from verification.execution.comparison import problem_of
from verification.execution.response_comparison import problem_of_reply, saved_from
from verification.requirements.model import Case, Criterion, Requirement, Step
from verification.requirements.placeholders import NUMBER, Scalar
from verification.requirements.property_model import Property

_CALLS = ("call", "new")


class Weak(msgspec.Struct, frozen=True, kw_only=True):
    """A weak criterion, and the trivial stubs that meet it: they pass all its cases, and its properties hold for them.

    `refused_by`: other criteria about the same code that the first stub does not meet. They keep wrong code out of the
    delivery, but a task with only the weak criterion would be verified.
    """

    criterion: str
    stubs: tuple[str, ...]
    remedy: str
    refused_by: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """One or two sentences for people."""
        told = f"{self.criterion} is met by code that {self.stubs[0]}: {self.remedy}."
        others = ", ".join(self.refused_by)
        return f"{told} ({others} would refuse it.)" if others else told


class _Tree:
    """A combination of stubs, with one stub for each kind of step."""

    def __init__(self, stubs: tuple[Stub | StubService, ...]) -> None:
        self.name = " and ".join(stub.name for stub in stubs)
        self.remedy = f"add a case {stubs[0].remedy}"
        self._stubs = stubs

    def passes(self, case: Case) -> bool:
        if case.asks_service:
            return any(_served(case, stub) for stub in self._stubs if isinstance(stub, StubService))
        return played(case, [stub for stub in self._stubs if isinstance(stub, Stub)])

    def meets(self, criterion: Criterion) -> bool:
        keeps = frozenset[str]().union(*(stub.keeps for stub in self._stubs if isinstance(stub, Stub)))
        if not {one.kind for one in _properties(criterion)} <= keeps:
            return False
        return all(self.passes(case) for case in (*criterion.cases, *criterion.sealed))


def weak_criteria(requirement: Requirement) -> tuple[Weak, ...]:
    """Return the criteria that a trivial stub meets, in the order of the requirement.

    A criterion with a given suite is never reported, because the judge checks that the suite fails on a stub.
    """
    return tuple(weak for criterion in requirement.criteria if (weak := _weak(criterion, requirement)))


def _weak(criterion: Criterion, requirement: Requirement) -> Weak | None:
    if criterion.suites:
        return None
    met = [tree for tree in _trees(criterion) if tree.meets(criterion)]
    if not met:
        return None
    others = [other for other in requirement.criteria if other is not criterion and _about(other) & _about(criterion)]
    refusing = tuple(other.id for other in others if not met[0].meets(other))
    names = tuple(dict.fromkeys(tree.name for tree in met))
    return Weak(criterion=criterion.id, stubs=names, remedy=met[0].remedy, refused_by=refusing)


def _steps(criterion: Criterion) -> list[Step]:
    return [step for case in (*criterion.cases, *criterion.sealed) for step in case.steps]


def _properties(criterion: Criterion) -> tuple[Property, ...]:
    return (*criterion.properties, *criterion.sealed_properties)


def _about(criterion: Criterion) -> set[str]:
    """Return the modules, commands and services that a criterion tests."""
    steps = _steps(criterion)
    names = {step.target.split(":")[0] for step in steps if step.action in _CALLS and ":" in step.target}
    names |= {one.call.split(":")[0] for one in _properties(criterion)}
    names |= {f"${step.argv[0]}" for step in steps if step.action == "run"}
    return names | {"$service" for step in steps if step.action == "request"}


def _trees(criterion: Criterion) -> Iterator[_Tree]:
    steps = _steps(criterion)
    actions = {step.action for step in steps}
    kinds: list[list[Stub | StubService]] = []
    if actions & set(_CALLS) or _properties(criterion):
        kinds.append([*functions(steps)])
    if "run" in actions:
        kinds.append([*commands(steps)])
    if "request" in actions:
        kinds.append([*services(steps)])
    yield from map(_Tree, product(*kinds) if kinds else ())


def played(case: Case, stubs: list[Stub]) -> bool:
    """Return whether stubs pass a case. The last stub answers commands; the first stub answers all other steps."""
    written: dict[str, str] = {}
    seen = []
    for step in case.steps:
        written.update(step.files_before)
        expect = step.expect
        watched = {*expect.files_after, *expect.files_unchanged, *expect.files_absent}
        files = {path: written.get(path) for path in watched}
        stub = stubs[-1] if step.action == "run" else stubs[0]
        seen.append(msgspec.structs.replace(stub.play(step), before=files, files=files))
    return problem_of(case, CaseAnswer(seen, 0.0)) is None


def _served(case: Case, stub: StubService) -> bool:
    saved: dict[str, Scalar] = {}
    for request in [step.request for step in case.steps if step.request is not None]:
        response = stub.answer(request, saved)
        if problem_of_reply(request.reply, response, {**saved, NUMBER: 1}) is not None:
            return False
        for name, path in request.save.items():
            value = saved_from(response, path)
            if value is None:
                return False
            saved[name] = value
    return True
