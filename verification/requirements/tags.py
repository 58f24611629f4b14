"""Tagged values: mappings with one key that begins with `$`. They represent values that JSON cannot express.

A value with a scalar tag has a canonical form. Two values are equal if their canonical forms are equal. The canonical
form is a string because the hashes of strings are randomised. An author could choose numbers with equal hashes, and a
set of such numbers could take quadratic time.
"""

import base64
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

VALUE_DEPTH_MAX = 64  # levels of nested collections; a deeper value equals no value
OBSERVED_DEPTH_MAX = 5 * VALUE_DEPTH_MAX  # levels of nested JSON; an instance of a subclass of dict takes five levels
INT_DIGITS_MAX = 4000
DECIMAL_CHARS_MAX = 10_000
PATTERN_CHARS_MAX = 1000
REGEX_MEMORY_BYTES = 1 << 20
EXACT_INT_MAX = 2**53  # JSON parsers of other languages lose digits of larger numbers

COLLECTIONS = ("$tuple", "$set", "$frozenset")
SUBCLASS = "$of"  # only in observed values: [class, contents] of an instance of a subclass
LOOSE = ("$any", "$matches")  # tags that match more than one value; they are allowed only in expectations


def tag_of(value: Any) -> str | None:
    """Return the tag of a tagged value; None for anything else."""
    if type(value) is dict and len(value) == 1:
        key = next(iter(value))
        if type(key) is str and key.startswith("$"):
            return key
    return None


def plain(observed: Any) -> Any:
    """Return an observed value, with each instance of a subclass replaced by its contents."""
    return _plain(observed, 0)


def _plain(value: Any, depth: int) -> Any:
    """Replace the instances in a value. Parts deeper than OBSERVED_DEPTH_MAX stay unchanged, and equal no value."""
    if depth > OBSERVED_DEPTH_MAX:
        return value
    if tag_of(value) == SUBCLASS and type(value[SUBCLASS]) is list and len(value[SUBCLASS]) == 2:
        return _plain(value[SUBCLASS][1], depth + 1)
    if type(value) is list:
        return [_plain(item, depth + 1) for item in value]
    if type(value) is dict:
        return {key: _plain(item, depth + 1) for key, item in value.items()}
    return value


def _text(payload: Any, example: str, chars_max: int) -> str:
    if type(payload) is not str or len(payload) > chars_max:
        raise ValueError(f"the value must be a short text such as {example}")
    return payload


def _decimal(payload: Any) -> str:
    text = _text(payload, '"1.5"', DECIMAL_CHARS_MAX)
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError('the value must be a decimal number in quotes, such as "1.5"') from error
    sign, digits, exponent = number.as_tuple()
    if isinstance(exponent, str) or not any(digits):
        return str(number) if isinstance(exponent, str) else "0"
    figures = "".join(map(str, digits)).lstrip("0")
    short = figures.rstrip("0")
    return f"{'-' if sign else ''}{short}e{exponent + len(figures) - len(short)}"


def _bytes(payload: Any) -> str:
    if type(payload) is not str:
        raise ValueError('the value must be base64 in quotes, such as "aGVsbG8="')
    try:
        return base64.b64decode(payload, validate=True).hex()
    except ValueError as error:
        raise ValueError('the value must be base64 in quotes, such as "aGVsbG8="') from error


def _date(payload: Any) -> str:
    text = _text(payload, '"2026-11-22"', 10)
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise ValueError('the value must be a date such as "2026-11-22"')
    return date.fromisoformat(text).isoformat()


def _datetime(payload: Any) -> str:
    text = _text(payload, '"2026-11-22T09:30:00+00:00"', 40)
    if not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", text, re.ASCII):
        raise ValueError('the value must be a date and time such as "2026-11-22T09:30:00+00:00"')
    try:
        moment = datetime.fromisoformat(text)
        return moment.isoformat() if moment.tzinfo is None else moment.astimezone(UTC).isoformat()
    except OverflowError as error:
        raise ValueError("the date and time are out of range") from error


def _float(payload: Any) -> str:
    if payload not in ("nan", "inf", "-inf") or type(payload) is not str:
        raise ValueError("the value must be one of nan, inf and -inf")
    return str(payload)


def _int(payload: Any) -> str:
    text = _text(payload, '"9007199254740993"', INT_DIGITS_MAX)
    if not re.fullmatch(r"-?\d+", text, re.ASCII):
        raise ValueError('the value must be digits in quotes, such as "9007199254740993"')
    return hex(int(text))


SCALARS: dict[str, Callable[[Any], str]] = {
    "$decimal": _decimal,
    "$bytes": _bytes,
    "$date": _date,
    "$datetime": _datetime,
    "$float": _float,
    "$int": _int,
}


def canonical(tag: str, payload: Any) -> str:
    """Return the canonical form of a value with a scalar tag. Raises ValueError, which names the allowed content."""
    return f"{tag}({SCALARS[tag](payload)})"


def pattern_fault(pattern: Any) -> str | None:
    """Return why a regular expression is not allowed, or None. RE2 supports no look-around and no back-references."""
    if type(pattern) is not str:
        return "a regular expression must be text"
    if len(pattern) > PATTERN_CHARS_MAX:
        return f"the regular expression has more than {PATTERN_CHARS_MAX} characters"
    try:
        _compile(pattern)
    except ValueError as error:
        return f"this is not a regular expression that RE2 supports: {error}"
    return None


def text_matches(pattern: str, text: Any) -> bool:
    """Return whether the pattern occurs in the text, in linear time. ^ and $ match only the text's start and end."""
    if type(text) is not str:
        return False
    try:
        return _compile(pattern).search(text) is not None
    except (ValueError, TypeError):  # a bad pattern, or a text with lone surrogates
        return False


def _compile(pattern: str) -> Any:
    """Return a compiled pattern. RE2 itself caches compiled patterns."""
    import re2  # type: ignore[import-untyped]  # the wheel ships no types

    options = re2.Options()
    options.log_errors = False
    options.max_mem = REGEX_MEMORY_BYTES
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0] if error.args else "unreadable"
        raise ValueError(said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)) from error
