"""The check of each kind of property: its calls, and the comparison of their answers outside every sandbox.

Each answer of a sandbox becomes a plain value before it goes into another sandbox or into a comparison. The code under
test never gets an expected value.
"""

import base64
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from domain.errors import Invalid
from verification.execution.case_runner import CaseProblem
from verification.execution.comparison import SHOWN_CHARS_MAX
from verification.properties.calls import Calls, Seen, unusable
from verification.properties.inputs import Arguments
from verification.requirements.property_model import Property, PropertyKind
from verification.requirements.tags import tag_of
from verification.requirements.values import key_of, matches, show


class Passed(msgspec.Struct, frozen=True):
    """The property holds for an input. `judged` is False if the code refused the input, as `may_raise` allows."""

    judged: bool = True


Outcome = Passed | CaseProblem
_HELD, _PASSED_OVER = Passed(), Passed(judged=False)


async def outcomes(one: Property, inputs: Sequence[Arguments], calls: Calls) -> list[Outcome]:
    """Check the property with each input. Raises Unavailable without a sandbox, Invalid for an unusable requirement."""
    if one.kind == "sorted":
        for arguments in inputs:
            _ordered(one, arguments[0])
    first = await calls.under_test(one.call, inputs, one)
    found: list[Outcome | None] = [
        _refused(one, arguments, seen) for arguments, seen in zip(inputs, first, strict=True)
    ]
    if one.kind == "matches_reference":
        found = [each if isinstance(each, CaseProblem) and each.kind != "property_failed" else None for each in found]
    left = [index for index, each in enumerate(found) if each is None]
    given, seen = [inputs[index] for index in left], [first[index] for index in left]
    told = await _LAWS[one.kind](one, given, seen, calls) if left else []
    for index, outcome in zip(left, told, strict=True):
        found[index] = outcome
    return [each for each in found if each is not None]


def _refused(one: Property, arguments: Arguments, seen: Seen) -> Outcome | None:
    """Return the outcome if the first call alone decides it; None if the property's check must decide."""
    if isinstance(seen, CaseProblem):
        return seen
    if seen.did == "returned":
        if one.kind == "never_raises":
            return _HELD
        return None if key_of(seen.value) is not None else _problem(one, arguments, _unreadable(seen.value))
    if seen.stage != "call":
        return CaseProblem("did_not_start", f"{one.call} could not be called: {_raised(seen)}")
    if {name for names in seen.names for name in names} & set(one.may_raise):
        return _HELD if one.kind == "never_raises" else _PASSED_OVER
    return _problem(one, arguments, f"raised {_raised(seen)}")


def _unreadable(value: Any) -> str:
    return f"returned {show(value, SHOWN_CHARS_MAX)}, which is not a plain value"


def _raised(seen: Any) -> str:
    return f"{seen.name}: {seen.message}"[:SHOWN_CHARS_MAX] if seen.message else str(seen.name)


def _problem(one: Property, arguments: Arguments, text: str) -> CaseProblem:
    return CaseProblem("property_failed", f"{called(one.call, arguments)} {text}")


def called(target: str, arguments: Arguments) -> str:
    """Return a call as text, in Python's notation."""
    return f"{target.partition(':')[2]}({', '.join(show(value, SHOWN_CHARS_MAX) for value in arguments)})"


def _same(expected: Any, found: Any, approx: float | None) -> bool:
    """Return whether two plain values are equal. An invalid value, which only a forged answer has, equals no value."""
    return key_of(expected) is not None and matches(expected, found, approx=approx)


async def _again(
    one: Property, target: str, inputs: Sequence[Arguments], seen: Sequence[Any], calls: Calls, wanted: Sequence[Any]
) -> list[Outcome]:
    """Call the target with the first answers, in new sandboxes. Compare the new answers with `wanted`."""
    second = [(each.value, *arguments[1:]) for arguments, each in zip(inputs, seen, strict=True)]
    told = await calls.under_test(target, second, one)
    found: list[Outcome] = []
    for arguments, before, after, want in zip(inputs, seen, told, wanted, strict=True):
        if isinstance(after, CaseProblem):
            found.append(after)
            continue
        step = f"returned {show(before.value, SHOWN_CHARS_MAX)}, and {target.partition(':')[2]} of this result"
        if after.stage != "call":
            found.append(CaseProblem("did_not_start", f"{target} could not be called: {_raised(after)}"))
        elif after.did != "returned":
            found.append(_problem(one, arguments, f"{step} raised {_raised(after)}"))
        elif _same(want, after.value, one.approx):
            found.append(_HELD)
        else:
            found.append(_problem(one, arguments, f"{step} returned {show(after.value, SHOWN_CHARS_MAX)}"))
    return found


async def _idempotent(one: Property, inputs: Sequence[Arguments], seen: Sequence[Any], calls: Calls) -> list[Outcome]:
    return await _again(one, one.call, inputs, seen, calls, [each.value for each in seen])


async def _round_trip(one: Property, inputs: Sequence[Arguments], seen: Sequence[Any], calls: Calls) -> list[Outcome]:
    assert one.back is not None
    return await _again(one, one.back, inputs, seen, calls, [arguments[0] for arguments in inputs])


async def _compared(
    one: Property, inputs: Sequence[Arguments], seen: Sequence[Any], calls: Calls, *, turned: bool
) -> list[Outcome]:
    """Repeat the calls in another sandbox, with reversed arguments if `turned`, and compare the answers."""
    others = [tuple(reversed(arguments)) if turned else arguments for arguments in inputs]
    told = await calls.under_test(one.call, others[::-1], one, anew=True)
    found: list[Outcome] = []
    for arguments, other, before, after in zip(inputs, others, seen, reversed(told), strict=True):
        if isinstance(after, CaseProblem):
            found.append(after)
            continue
        if after.did == "returned" and _same(before.value, after.value, one.approx):
            found.append(_HELD)
            continue
        got = (
            f"raised {_raised(after)}" if after.did != "returned" else f"returned {show(after.value, SHOWN_CHARS_MAX)}"
        )
        where = called(one.call, other) if turned else "in another process it"
        text = f"returned {show(before.value, SHOWN_CHARS_MAX)}, and {where} {got}"
        found.append(_problem(one, arguments, text))
    return found


async def _deterministic(
    one: Property, inputs: Sequence[Arguments], seen: Sequence[Any], calls: Calls
) -> list[Outcome]:
    return await _compared(one, inputs, seen, calls, turned=False)


async def _commutative(one: Property, inputs: Sequence[Arguments], seen: Sequence[Any], calls: Calls) -> list[Outcome]:
    return await _compared(one, inputs, seen, calls, turned=True)


async def _sorted(one: Property, inputs: Sequence[Arguments], seen: Sequence[Any], _: Calls) -> list[Outcome]:
    return [_is_sorted(one, arguments, each.value) for arguments, each in zip(inputs, seen, strict=True)]


def _is_sorted(one: Property, arguments: Arguments, value: Any) -> Outcome:
    told = f"returned {show(value, SHOWN_CHARS_MAX)}"
    if type(value) is not list:
        return _problem(one, arguments, f"{told}, which is not a list")
    if Counter(map(key_of, value)) != Counter(map(key_of, arguments[0])):
        return _problem(one, arguments, f"{told}, which does not contain the same items")
    # The returned items equal the items of the input, but their types may differ. So the input's items give the order.
    places = {key_of(item): _place(one, item) for item in arguments[0]}
    if [places[key_of(item)] for item in value] != _ordered(one, arguments[0]):
        return _problem(one, arguments, f"{told}, which is not in order")
    return _HELD


def _ordered(one: Property, items: Any) -> list[Any]:
    """Return the sort keys of all items, in the required order."""
    try:
        return sorted((_place(one, item) for item in items), reverse=one.reverse)
    except (TypeError, InvalidOperation, LookupError) as error:
        raise Invalid(
            f"The property in line {one.line} cannot be judged: the items of its list have no order ({error}).",
            hint="Draw items that can be compared with one another. `by` must name a field or an index of every item.",
            code="requirement_unusable",
        ) from error


def _place(one: Property, item: Any) -> Any:
    return _native(_part(item, one.by) if one.by is not None else item)


def _part(item: Any, by: str | int) -> Any:
    held = item["$tuple"] if tag_of(item) == "$tuple" else item
    return held[by]


def _native(value: Any) -> Any:
    """Return the Python value of a drawn value that can be ordered."""
    if type(value) is list:
        return [_native(item) for item in value]
    tag = tag_of(value)
    return value if tag is None else _NATIVE[tag](value[tag])


_NATIVE: dict[str, Callable[[Any], Any]] = {
    "$tuple": lambda payload: tuple(map(_native, payload)),
    "$bytes": base64.b64decode,
    "$decimal": Decimal,
    "$date": date.fromisoformat,
    "$datetime": datetime.fromisoformat,
    "$float": float,
    "$int": int,
}


async def _matches_reference(
    one: Property, inputs: Sequence[Arguments], seen: Sequence[Any], calls: Calls
) -> list[Outcome]:
    told = await calls.given(one, inputs)
    for answer in told:
        if isinstance(answer, CaseProblem) or (answer.did == "returned" and key_of(answer.value) is None):
            said = answer.text if isinstance(answer, CaseProblem) else _unreadable(answer.value)
            raise unusable(one, said)
    return [_as_reference(one, *each) for each in zip(inputs, seen, told, strict=True)]


def _as_reference(one: Property, arguments: Arguments, seen: Any, wanted: Any) -> Outcome:
    got = f"raised {_raised(seen)}" if seen.did == "raised" else f"returned {show(seen.value, SHOWN_CHARS_MAX)}"
    if wanted.did == "raised":
        same = seen.did == "raised" and bool(set(seen.names[0]) & set(wanted.names[0])) if seen.names else False
        return _HELD if same else _problem(one, arguments, f"{got}, and the reference raised {_raised(wanted)}")
    if seen.did == "returned" and _same(wanted.value, seen.value, one.approx):
        return _HELD
    text = f"{got}, and the reference returned {show(wanted.value, SHOWN_CHARS_MAX)}"
    return _problem(one, arguments, text)


async def _holds(one: Property, inputs: Sequence[Arguments], seen: Sequence[Any], calls: Calls) -> list[Outcome]:
    assert one.given is not None
    values = [each.value for each in seen]
    told = await calls.given(one, [(value, *rest) for value, rest in zip(values, inputs, strict=True)])
    found: list[Outcome] = []
    for arguments, value, answer in zip(inputs, values, told, strict=True):
        if isinstance(answer, CaseProblem):
            said = answer.text
        elif answer.did == "raised":
            said = f"raised {_raised(answer)}"
        else:
            said = f"answered {show(answer.value, SHOWN_CHARS_MAX)}"
        held = not isinstance(answer, CaseProblem) and answer.did == "returned" and answer.value is True
        text = f"returned {show(value, SHOWN_CHARS_MAX)}, for which {one.given.function} {said}"
        found.append(_HELD if held else _problem(one, arguments, text))
    return found


async def _none(_: Property, inputs: Sequence[Arguments], __: Sequence[Any], ___: Calls) -> list[Outcome]:
    return [_HELD for _ in inputs]


_Law = Callable[[Property, Sequence[Arguments], Sequence[Any], Calls], Awaitable[list[Outcome]]]
_LAWS: dict[PropertyKind, _Law] = {
    "idempotent": _idempotent,
    "round_trip": _round_trip,
    "sorted": _sorted,
    "matches_reference": _matches_reference,
    "holds": _holds,
    "deterministic": _deterministic,
    "commutative": _commutative,
    "never_raises": _none,
}
