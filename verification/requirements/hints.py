"""Hints about a valid requirement: things that are allowed but perhaps not intended."""

from collections.abc import Iterator

from verification.requirements.model import Criterion, Requirement
from verification.requirements.scope import in_scope

EVALUATING = frozenset({"builtins:eval", "builtins:exec"})


def check_notes(requirement: Requirement) -> tuple[str, ...]:
    """Return notes for `aura check`, one or two sentences each."""
    return (
        *_of_budget(requirement),
        *_of_cases(requirement),
        *_of_evaluated(requirement),
        *_of_scope(requirement),
    )


def _of_budget(requirement: Requirement) -> Iterator[str]:
    budget = requirement.budget
    for name, cap in (("usd", budget.usd), ("tokens", budget.tokens), ("minutes", budget.minutes)):
        if cap == 0:
            yield f'budget.{name} is 0: 0 means stop, never "no limit", so no model will be called.'


def _of_cases(requirement: Requirement) -> Iterator[str]:
    open_ones = [criterion.id for criterion in requirement.criteria if not _has_unseen(criterion)]
    if len(open_ones) == len(requirement.criteria):
        yield (
            "There are no sealed cases and no properties: code that only repeats the visible answers would pass. "
            "Write NAME.sealed.yaml."
        )
    elif open_ones:
        names = ", ".join(open_ones)
        yield f"No sealed cases and no properties for {names}: code that only repeats the visible answers would pass."
    for criterion in requirement.criteria:
        if criterion.suites and not criterion.judged_outside:
            yield f"Only a given suite judges {criterion.id} (grade B): code could forge its results. Add cases."


def _of_evaluated(requirement: Requirement) -> Iterator[str]:
    """Yield hints about cases that call `eval` or `exec` with code as text. Steps test objects better."""
    for criterion in requirement.criteria:
        steps = [step for case in (*criterion.cases, *criterion.sealed) for step in case.steps]
        for target in dict.fromkeys(step.target for step in steps if step.target in EVALUATING):
            yield (
                f"{criterion.id} calls `{target}`: the case contains code as text. Test objects with steps: "
                '[{new: "module:Class", as: it}, {call: "$it.method", returns: 1}].'
            )


def _has_unseen(criterion: Criterion) -> bool:
    """Return whether a criterion has a check that an author cannot know: a sealed check, or a property."""
    return bool(criterion.sealed or criterion.sealed_suite or criterion.properties or criterion.sealed_properties)


def _of_scope(requirement: Requirement) -> Iterator[str]:
    for pattern in requirement.scope:
        last = pattern.rsplit("/", 1)[-1]
        if not {"*", "?", "."} & set(last):
            yield f"The scope `{pattern}` means a single file with this name. For a folder, write `{pattern}/**`."
    if requirement.base is not None:
        return
    targets = [step.target for criterion in requirement.criteria for case in criterion.cases for step in case.steps]
    targets += [one.call for criterion in requirement.criteria for one in criterion.properties]
    modules = dict.fromkeys(target.split(":")[0] for target in targets if ":" in target)
    for module in modules:
        if module == "builtins":
            continue
        path = module.replace(".", "/")
        places = (f"{path}.py", f"{path}/__init__.py", f"src/{path}.py", f"src/{path}/__init__.py")
        if not any(in_scope(place, requirement.scope) for place in places):
            yield f"The cases import `{module}`, but the scope allows no file of this module, such as {path}.py."
