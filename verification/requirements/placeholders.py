"""Placeholders `${name}` in requests and expectations. Values of earlier responses replace them outside the sandbox.

Saved values come from untrusted code. So only scalars are saved, and they never become tags or patterns.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
NUMBER = "n"  # the name of the request's number in a parallel step: 1 for the first request, 2 for the second
_PLACE = re.compile(rf"(\$?)\$\{{({NAME})\}}")

Scalar = str | int | float | bool
Saved = Mapping[str, Scalar]


def names_in(value: Any) -> Iterator[str]:
    """Yield the name of every placeholder in a value. Placeholders in tagged values do not count."""
    if isinstance(value, str):
        yield from (name for escaped, name in _PLACE.findall(value) if not escaped)
    elif isinstance(value, Mapping):
        for key, item in value.items() if not _is_tagged(value) else ():
            yield from names_in(key)
            yield from names_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from names_in(item)


def filled(value: Any, saved: Saved) -> Any:
    """Return the value with its placeholders replaced. A text that is one placeholder becomes the saved value."""
    if isinstance(value, str):
        whole = _PLACE.fullmatch(value)
        return saved[whole[2]] if whole and not whole[1] else filled_text(value, saved)
    if isinstance(value, Mapping):
        if _is_tagged(value):
            return value
        return {filled_text(key, saved): filled(item, saved) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [filled(item, saved) for item in value]
    return value


def filled_text(text: str, saved: Saved) -> str:
    """Return a text with its placeholders replaced. `$${name}` becomes the text `${name}`."""
    return _PLACE.sub(lambda found: found[0][1:] if found[1] else shown(saved[found[2]]), text)


def filled_target(target: str, saved: Saved) -> str:
    """Return a path and query with placeholders replaced. Saved values are percent-encoded, so they add no parts."""
    return _PLACE.sub(lambda found: found[0][1:] if found[1] else quote(shown(saved[found[2]]), safe=""), target)


def shown(value: Scalar) -> str:
    """Return a scalar in the notation of JSON, but a text without quotes."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_tagged(value: Mapping[Any, Any]) -> bool:
    return len(value) == 1 and str(next(iter(value))).startswith("$") and not _PLACE.match(str(next(iter(value))))
