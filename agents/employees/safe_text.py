"""Functions that make external text safe to store and to show: valid Unicode, no control characters, no key, limited
length.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

CUT = " […]"
DEPTH_MAX = 64
"""Limit for the nesting of a server's JSON. Deeper values are removed, because a later reader may use recursion."""
INTEGER_MAX = 2**63 - 1
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060\ufeff]")
_TAGS = re.compile(r"<(?:script|style)\b.*?</(?:script|style)>|<[^<>]{0,2000}>", re.DOTALL | re.IGNORECASE)


def safe(text: str) -> str:
    """Return the text as valid Unicode without NUL. Half of a surrogate pair becomes the replacement character."""
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def safe_json(value: Any, depth: int = DEPTH_MAX) -> Any:
    """Return a JSON value in which every text is safe. Values that are nested too deep become None."""
    if isinstance(value, str):
        return safe(value)
    if isinstance(value, Mapping):
        return {safe(str(key)): safe_json(item, depth - 1) for key, item in value.items()} if depth > 0 else None
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [safe_json(item, depth - 1) for item in value] if depth > 0 else None
    if isinstance(value, int) and not -INTEGER_MAX <= value <= INTEGER_MAX:
        return str(value)[:DEPTH_MAX]
    return value


def one_line(text: str, chars_max: int, secret: str | None = None) -> str:
    """Return the text in one line for people: no markup, no control characters, no key, at most `chars_max` long."""
    if secret:
        text = text.replace(secret, "[key]")
    line = " ".join(_CONTROLS.sub(" ", safe(text)).split())
    return line if len(line) <= chars_max else line[: chars_max - len(CUT)] + CUT


def without_markup(text: str) -> str:
    """Return the text of an HTML page without its tags."""
    return _TAGS.sub(" ", text) if "<" in text and ">" in text else text
