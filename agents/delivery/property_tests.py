"""Visible properties of a requirement as a pytest file. The file needs neither Aura nor Hypothesis."""

import re
from collections.abc import Callable

from agents.briefs.property_text import described
from agents.delivery.acceptance_tests import literal, support_file
from verification.requirements.model import Requirement
from verification.requirements.property_model import Generator, GeneratorKind, Property

_HEAD = """# The properties of the requirement, one test for each. A property must hold for every input.
# The verdict checked these properties, and sealed properties if there are any, with different inputs.
# ruff: noqa: F401, E501

from datetime import date, datetime
from decimal import Decimal

from aura_properties import (
    Trying,
    binary,
    choice,
    day,
    decimal,
    given,
    integer,
    many,
    mapping,
    one_of,
    parts,
    real,
    record,
    text,
)
"""


def property_files(requirement: Requirement, folder: str, test_name: str) -> dict[str, bytes]:
    """Return the files of `folder` by path, or {} if there are no visible properties. This function reads no sealed
    properties.
    """
    visible = [(criterion, one) for criterion in requirement.criteria for one in criterion.properties]
    if not visible:
        return {}
    tests = [_HEAD]
    found: dict[str, bytes] = {}
    for number, (criterion, one) in enumerate(visible, 1):
        word = re.sub(r"\W+", "_", criterion.id, flags=re.ASCII).strip("_").lower()
        tests.append(f"\n\ndef test_{number}_{word}_{one.kind}() -> None:\n")
        tests.append(f"    {literal(f'{criterion.id}: {described(one)}')}\n    {_trying(one)}\n")
        if one.given is not None:
            found[f"{folder}/given/{one.given.path}"] = one.given.source
    support = support_file("aura_properties.py")
    return {**found, f"{folder}/aura_properties.py": support, f"{folder}/{test_name}": "".join(tests).encode()}


def _trying(one: Property) -> str:
    draws = ", ".join(map(_drawn, one.inputs))
    more = f", may_raise={one.may_raise!r}" if one.may_raise else ""
    more += f", approx={one.approx!r}" if one.approx is not None else ""
    return f"Trying({one.call!r}, {draws}, tries={one.tries}{more}).{one.kind}({_asked(one)})"


def _asked(one: Property) -> str:
    if one.kind == "round_trip":
        return repr(one.back)
    if one.given is not None:
        return f"given({one.given.path!r}, {one.given.function!r})"
    if one.kind == "sorted":
        return f"{one.by!r}, reverse=True" if one.reverse else "" if one.by is None else repr(one.by)
    return ""


def _drawn(made: Generator) -> str:
    return _DRAWS[made.kind](made)


def _listed(made: Generator) -> str:
    return ", ".join(map(_drawn, made.of))


def _text(made: Generator) -> str:
    more = f", {made.alphabet!r}" if made.alphabet else ""
    return f"text({made.min}, {made.max}{more})"


def _float(made: Generator) -> str:
    odd = ['float("nan")'] * made.nan + ['float("inf")', 'float("-inf")'] * made.inf
    return f"real({', '.join([repr(float(made.min)), repr(float(made.max)), *odd])})"


def _record(made: Generator) -> str:
    fields = ", ".join(f"{name!r}: {_drawn(part)}" for name, part in zip(made.names, made.of, strict=True))
    return f"record({{{fields}}})"


_DRAWS: dict[GeneratorKind, Callable[[Generator], str]] = {
    "integer": lambda made: f"integer({made.min}, {made.max})",
    "float": _float,
    "text": _text,
    "bytes": lambda made: f"binary({made.min}, {made.max})",
    "boolean": lambda _: "choice(False, True)",
    "none": lambda _: "choice(None)",
    "choice": lambda made: f"choice({', '.join(map(literal, made.values))})",
    "list": lambda made: f"many({_listed(made)}, {made.min}, {made.max}{', unique=True' if made.unique else ''})",
    "tuple": lambda made: f"parts({_listed(made)})",
    "dict": lambda made: f"mapping({_listed(made)}, {made.min}, {made.max})",
    "record": _record,
    "one_of": lambda made: f"one_of({_listed(made)})",
    "decimal": lambda made: f"decimal({made.min!r}, {made.max!r}, {made.places})",
    "date": lambda made: f"day({made.min!r}, {made.max!r})",
}
