"""The brief is the text that describes a task to an employee.

It contains criteria, visible examples, signatures and files. It contains no sealed cases.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from agents.briefs.property_text import described, function_of
from agents.briefs.surroundings import listed, neighbour_texts, scope_texts
from agents.briefs.visible_tests import lines_of_tests, texts_of_tests
from domain.errors import NotFound
from verification.execution.service_session import READY_WAIT_S
from verification.requirements.model import Case, Criterion, Request, Requirement, Step

EXAMPLES_MAX = 12  # per criterion; more examples would not fit into the context of a small model
_LETTERS = "abcdefghijkmnpqrstuvwxyz"
_PARAMETERS = r"\(\s*([A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)*)?\s*\)"


class BriefCriterion(msgspec.Struct, frozen=True, kw_only=True):
    """One criterion in the form that the employee sees. Each example and each property is one line."""

    id: str
    says: str
    examples: tuple[str, ...] = ()


class PreviousAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of the previous attempt: its unchanged text, and the files that the parser found in it."""

    text: str
    files: Mapping[str, str] = {}


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """One task for one employee. `paths` are scope patterns. `feedback` has the earlier rejections, oldest first.

    `definitions`: module -> the names in it that visible cases use. `base_files`: the whole files in scope.
    `not_shown`: path in scope -> the reason why its text is omitted. `neighbours`: files that the files in scope
    import. `listing`: the paths of the project. `instructions`: our own text about the task, which is no data.
    `comments`: of a director or an operator on the task, oldest first.
    """

    title: str
    prose: str
    task: str
    criteria: tuple[BriefCriterion, ...]
    paths: tuple[str, ...]
    signatures: tuple[str, ...] = ()
    base_files: Mapping[str, str] = {}
    feedback: tuple[str, ...] = ()
    suites: Mapping[str, str] = {}  # path -> text of test files that must pass and that the employee must not write
    definitions: Mapping[str, tuple[str, ...]] = {}
    not_shown: Mapping[str, str] = {}
    neighbours: Mapping[str, str] = {}
    listing: tuple[str, ...] = ()
    previous: PreviousAnswer | None = None
    instructions: str = ""
    comments: tuple[str, ...] = ()

    @property
    def single_path(self) -> str | None:
        """The only file of the task, or None if the scope can match several files."""
        return self.paths[0] if len(self.paths) == 1 and is_concrete(self.paths[0]) else None


def is_concrete(pattern: str) -> bool:
    """Return whether a scope pattern names exactly one file."""
    return not any(mark in pattern for mark in "*?")


def brief_of(
    requirement: Requirement,
    task_id: str,
    *,
    base: Mapping[str, bytes],
    listing: Iterable[str] = (),
    feedback: tuple[str, ...] = (),
    previous: PreviousAnswer | None = None,
    comments: tuple[str, ...] = (),
) -> Brief:
    """Return the brief of one planned task.

    `base`: all files at the start of the task, or only the files that the brief needs. `listing`: the paths of all
    files, if `base` does not contain all files.

    :raises NotFound: if the requirement has no such task.
    """
    task = next((planned for planned in requirement.tasks if planned.id == task_id), None)
    if task is None:
        known = ", ".join(planned.id for planned in requirement.tasks)
        raise NotFound(f"The requirement has no task {task_id}.", hint=f"Its tasks are: {known}.")
    criteria = [criterion for criterion in requirement.criteria if criterion.id in task.criteria]
    texts, not_shown = scope_texts(base, task.scope)
    return Brief(
        title=requirement.title,
        prose="\n\n".join([_prose(requirement), *_libraries(requirement), *_contract(requirement)]),
        task=task.id,
        criteria=tuple(criterion_of(criterion) for criterion in criteria),
        paths=task.scope,
        signatures=_signatures(criteria, requirement.prose),
        base_files=texts,
        feedback=feedback,
        suites=texts_of_tests(criteria, base),
        definitions=_definitions(criteria),
        not_shown=not_shown,
        neighbours=neighbour_texts(texts, base),
        listing=listed({*base, *listing}),
        previous=previous,
        comments=comments,
    )


def _prose(requirement: Requirement) -> str:
    return requirement.prose.strip().removesuffix("## Acceptance").strip()


def _libraries(requirement: Requirement) -> list[str]:
    """Return a sentence that lists the installed packages outside the standard library."""
    if requirement.from_base:
        return ["The libraries that the project declares for itself and for its tests are installed."]
    if not requirement.dependencies:
        return []
    named = ", ".join(requirement.dependencies)
    return [f"These libraries are installed, with what they need, and nothing else but Python's own: {named}."]


def _contract(requirement: Requirement) -> list[str]:
    """Return a paragraph that states how a service is started, called and restarted."""
    serve = requirement.serve
    if serve is None:
        return []
    libraries = ", the libraries named above" if requirement.dependencies else ""
    lost = "Nothing survives a restart."
    if serve.data is not None:
        lost = (
            f"What must survive a restart is kept as plain files in the folder that the environment variable DATA "
            f"names ({serve.data}), at the latest when the request is answered; everything else is lost."
        )
    return [
        f"The service is started in the project's folder with `{' '.join(serve.run)}` and stays in the foreground. "
        f"It listens on 127.0.0.1, on the port that the environment variable PORT names, speaks HTTP/1.1 and answers "
        f"GET {serve.ready} with a status of 200 to 299 within {READY_WAIT_S:g} seconds of its start. {lost} "
        f"SIGTERM asks it to end. It has Python's standard library{libraries} and no network."
    ]


def criterion_of(criterion: Criterion) -> BriefCriterion:
    """Return a criterion with its visible examples and properties."""
    examples = [_example(case) for case in criterion.cases[:EXAMPLES_MAX]]
    examples += [described(one) for one in criterion.properties]
    change = criterion.over_base
    if change is not None:
        examples += lines_of_tests(change.must_pass, "must pass; it does not now")
        examples += lines_of_tests(change.keep_passing, "must keep passing")
    return BriefCriterion(id=criterion.id, says=criterion.says, examples=tuple(examples))


def _example(case: Case) -> str:
    return "; ".join(_step(step) for step in case.steps)


def _step(step: Step) -> str:
    if step.request is not None:
        return _request(step.request)
    if step.action == "restart":
        return "the service is stopped and started again"
    if step.action == "run":
        return f"$ {' '.join(step.argv)} -> {_run_outcome(step)}"
    shown = [_literal(value) for value in step.args]
    shown += [f"{name}={_literal(value)}" for name, value in step.kwargs.items()]
    called = f"{step.target.rpartition(':')[2].lstrip('$')}({', '.join(shown)})"
    made = f"{step.bind} = {called}" if step.bind else called
    return f"{made}{_call_outcome(step)}"


def _request(request: Request) -> str:
    parts = [f"{name}: {value}" for name, value in request.headers]
    if request.json is not msgspec.UNSET:
        parts.append(f"JSON {_literal(request.json)}")
    elif request.send is not None:
        parts.append(f"body {_literal(request.send)}")
    times = f" ({request.parallel} at once)" if request.parallel > 1 else ""
    asked = " with ".join([f"{request.method} {request.target}{times}", ", ".join(parts)][: 2 if parts else 1])
    reply = request.reply
    seen = [str(reply.status) if reply.status is not None else "2xx"]
    seen += [f"{name}: {_literal(value)}" for name, value in reply.headers.items()]
    if reply.body is not msgspec.UNSET:
        seen.append(f"body {_literal(reply.body)}")
    if reply.body_contains is not None:
        seen.append(f"a body that contains {reply.body_contains!r}")
    saved = "".join(f"; {name} = {path}" for name, path in request.save.items())
    return f"{asked} -> {', '.join(seen)}{saved}"


def _call_outcome(step: Step) -> str:
    expect = step.expect
    if expect.raises is not None:
        matching = f" with a message that matches {expect.message_matches!r}" if expect.message_matches else ""
        return f" raises {expect.raises}{matching}"
    if expect.returns is msgspec.UNSET:
        return ""
    exactly = " (of exactly this type, not of a subclass)" if expect.exact_type else ""
    return f" == {_literal(expect.returns)}{exactly}"


def _run_outcome(step: Step) -> str:
    expect = step.expect
    parts = [f"exit {expect.exit}"]
    for name, value in (
        ("stdout", expect.stdout),
        ("stdout matching", expect.stdout_matches),
        ("stderr", expect.stderr),
    ):
        if value is not None:
            parts.append(f"{name} {value!r}")
    return ", ".join(parts)


def _literal(value: Any) -> str:
    """Return a case's value as Python source. A tagged value is written as a value of its type."""
    if isinstance(value, Mapping):
        if len(value) == 1 and (tag := next(iter(value))).startswith("$"):
            return _tagged(tag[1:], value[tag])
        return "{" + ", ".join(f"{key!r}: {_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_literal(item) for item in value) + "]"
    return repr(value)


def _tagged(tag: str, value: Any) -> str:
    if tag in ("tuple", "set") and isinstance(value, list | tuple):
        inside = ", ".join(_literal(item) for item in value)
        comma = "," if tag == "tuple" and len(value) == 1 else ""
        return f"({inside}{comma})" if tag == "tuple" else f"{{{inside}}}" if value else "set()"
    if tag == "any":
        return "<anything>"
    return f"<{tag} {value!r}>"


def _definitions(criteria: Iterable[Criterion]) -> dict[str, tuple[str, ...]]:
    """Return module -> names that the module must define, because visible cases or properties use these names."""
    steps = [step for criterion in criteria for case in criterion.cases for step in case.steps]
    targets = [step.target for step in steps]
    for stated in (stated for criterion in criteria for stated in criterion.properties):
        targets += [target for target in (stated.call, stated.back) if target]
    names: dict[str, dict[str, None]] = {}
    for module, _, name in (target.partition(":") for target in targets):
        first = name.partition(".")[0]
        if module and first.isidentifier() and module != "builtins":
            names.setdefault(module, {})[first] = None
    return {module: tuple(found) for module, found in names.items()}


def _signatures(criteria: Iterable[Criterion], prose: str) -> tuple[str, ...]:
    """Return one line for each function or class that the visible cases and properties name, in the same order."""
    text = "\n".join([prose, *(criterion.says for criterion in criteria)])
    uses: dict[tuple[str, str], list[Step]] = {}
    for step in (step for criterion in criteria for case in criterion.cases for step in case.steps):
        name = step.target.partition(":")[2]
        if name.isidentifier():
            uses.setdefault((step.action, name), []).append(step)
    for one in (one for criterion in criteria for one in criterion.properties):
        for target, count in ((one.call, len(one.inputs)), *(((one.back, len(one.inputs)),) if one.back else ())):
            if ("call", name := function_of(target)) not in uses and name.isidentifier():
                uses["call", name] = [Step(action="call", target=target, args=(None,) * count)]
    return tuple(
        f"class {name}" if action == "new" else f"def {name}({', '.join(_parameters(name, steps, text))})"
        for (action, name), steps in uses.items()
    )


def _parameters(name: str, steps: list[Step], text: str) -> list[str]:
    counts = {len(step.args) for step in steps}
    most, least = max(counts), min(counts)
    for found in re.finditer(rf"\b{re.escape(name)}{_PARAMETERS}", text):
        named = [part.strip() for part in (found.group(1) or "").split(",") if part.strip()]
        if len(named) >= most:
            return named
    positional = [letter if index < least else f"{letter}=None" for index, letter in enumerate(_LETTERS[:most])]
    keywords = dict.fromkeys(keyword for step in steps for keyword in step.kwargs)
    return positional + [f"{keyword}=None" for keyword in keywords]
