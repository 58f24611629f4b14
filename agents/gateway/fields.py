"""Rules for the fields of a request, as data. A request is built again from the fields that a rule knows.

The stated rule for a field that no rule knows: it is removed, and its path is noted. A known field with a value that is
not allowed is refused, and so is a list item or a content part of an unknown kind.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from agents.gateway.limits import IMAGES_MAX
from agents.gateway.refusals import NotAllowed

REMOVED_MAX = 100  # paths of removed fields that are noted
NAME_CHARS_MAX = 80  # of an unknown name in a message
_IMAGE_TYPES = ("image/png", "image/jpeg", "image/webp")
_DATA_URL = re.compile(r"data:([a-z]+/[a-z]+);base64,([A-Za-z0-9+/]+={0,2})")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_PLACES = re.compile(r"\[\d+\]")
_ABSENT: Any = object()


class Notes:
    """The removed fields of one request, and the number of its images."""

    def __init__(self) -> None:
        self.removed: dict[str, None] = {}
        self.images = 0

    def remove(self, path: str) -> None:
        """Note a removed field. The places of list items are left out, so that a long conversation has one note."""
        if len(self.removed) < REMOVED_MAX:
            self.removed[_PLACES.sub("[]", path)[:NAME_CHARS_MAX]] = None

    def image(self, at: str) -> None:
        self.images += 1
        if self.images > IMAGES_MAX:
            raise NotAllowed(at, f"a request may have at most {IMAGES_MAX} images.")


class Rule(Protocol):
    """A check of one value. `at`: the path of the value. Returns the value to send. Raises NotAllowed."""

    def check(self, value: Any, at: str, notes: Notes) -> Any: ...


class Text(msgspec.Struct, frozen=True):
    """A text. Without `chars_max`, only the size of the request limits it."""

    chars_max: int | None = None

    def check(self, value: Any, at: str, notes: Notes) -> Any:
        del notes
        if not isinstance(value, str):
            raise NotAllowed(at, "it must be a text.")
        if self.chars_max is not None and len(value) > self.chars_max:
            raise NotAllowed(at, f"it may have at most {self.chars_max} characters.")
        return value


class Number(msgspec.Struct, frozen=True):
    """A number from `low` to `high`."""

    low: float
    high: float
    whole: bool = False

    def check(self, value: Any, at: str, notes: Notes) -> Any:
        del notes
        kinds = (int,) if self.whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not math.isfinite(value):
            raise NotAllowed(at, "it must be a whole number." if self.whole else "it must be a number.")
        if not self.low <= value <= self.high:
            raise NotAllowed(at, f"it must be from {self.low:g} to {self.high:g}.")
        return value


class Flag(msgspec.Struct, frozen=True):
    """True or false."""

    def check(self, value: Any, at: str, notes: Notes) -> Any:
        del notes
        if not isinstance(value, bool):
            raise NotAllowed(at, "it must be true or false.")
        return value


class OneOf(msgspec.Struct, frozen=True):
    """One of these values."""

    values: tuple[str, ...]

    def check(self, value: Any, at: str, notes: Notes) -> Any:
        del notes
        if not isinstance(value, str) or value not in self.values:
            raise NotAllowed(at, f"it must be one of: {', '.join(self.values)}.")
        return value


class Neutral(msgspec.Struct, frozen=True):
    """A field that is not sent on. Only the values that change nothing are accepted; `reason` refuses all others."""

    values: tuple[Any, ...]
    reason: str

    def check(self, value: Any, at: str, notes: Notes) -> Any:
        del notes
        if not any(type(value) is type(neutral) and value == neutral for neutral in self.values):
            raise NotAllowed(at, self.reason)
        return _ABSENT


class Items(msgspec.Struct, frozen=True):
    """A list of at most `items_max` items."""

    rule: Rule
    items_max: int = 100_000

    def check(self, value: Any, at: str, notes: Notes) -> Any:
        if not isinstance(value, list):
            raise NotAllowed(at, "it must be a list.")
        if len(value) > self.items_max:
            raise NotAllowed(at, f"it may have at most {self.items_max} items.")
        return [self.rule.check(item, f"{at}[{number}]", notes) for number, item in enumerate(value)]


class Fields(msgspec.Struct, frozen=True):
    """An object. `known` fields are checked and sent on. `refused` maps a field to the reason why it is refused."""

    known: Mapping[str, Rule]
    refused: Mapping[str, str] = {}
    required: tuple[str, ...] = ()

    def check(self, value: Any, at: str, notes: Notes) -> Any:
        if not isinstance(value, dict):
            raise NotAllowed(at or "body", "it must be an object.")
        checked = {}
        for name, item in value.items():
            path = f"{at}.{name}" if at else name
            if item is not None and name in self.refused:
                raise NotAllowed(path, self.refused[name])
            rule = self.known.get(name)
            if rule is None:
                notes.remove(path)
                continue
            item = item if item is None else rule.check(item, path, notes)
            if item is not _ABSENT and not (item is None and isinstance(rule, Neutral)):
                checked[name] = item
        for name in self.required:
            if checked.get(name) is None:
                raise NotAllowed(f"{at}.{name}" if at else name, "it is missing.")
        return checked


class Kinds(msgspec.Struct, frozen=True):
    """An object whose field `key` names its kind. `refused` maps an unknown kind to a reason, by its beginning."""

    key: str
    kinds: Mapping[str, Fields]
    default: str | None = None
    refused: Mapping[str, str] = {}

    def check(self, value: Any, at: str, notes: Notes) -> Any:
        if not isinstance(value, dict):
            raise NotAllowed(at, "it must be an object.")
        kind = value.get(self.key, self.default)
        fields = self.kinds.get(kind) if isinstance(kind, str) else None
        if fields is None:
            raise NotAllowed(f"{at}.{self.key}", self._reason(kind))
        rest = {name: item for name, item in value.items() if name != self.key}
        checked = fields.check(rest, at, notes)
        return {self.key: kind, **checked} if self.key in value else checked

    def _reason(self, kind: Any) -> str:
        if isinstance(kind, str):
            for beginning, reason in self.refused.items():
                if kind.startswith(beginning):
                    return reason
        shown = str(kind)[:NAME_CHARS_MAX]
        return f"{shown!r} is not a known kind. Known are: {', '.join(self.kinds)}."


class Either(msgspec.Struct, frozen=True):
    """A text, a list or an object, each with a rule of its own."""

    text: Rule | None = None
    items: Rule | None = None
    fields: Rule | None = None

    def check(self, value: Any, at: str, notes: Notes) -> Any:
        kinds = ((str, self.text), (list, self.items), (dict, self.fields))
        for kind, rule in kinds:
            if isinstance(value, kind) and rule is not None:
                return rule.check(value, at, notes)
        raise NotAllowed(at, "it has a form that is not known.")


class Free(msgspec.Struct, frozen=True):
    """A JSON object that only the model reads, such as the arguments of a tool."""

    def check(self, value: Any, at: str, notes: Notes) -> Any:
        del notes
        if not isinstance(value, dict):
            raise NotAllowed(at, "it must be an object.")
        return value


class Schema(msgspec.Struct, frozen=True):
    """A JSON schema. A reference must be to a part of the same schema."""

    def check(self, value: Any, at: str, notes: Notes) -> Any:
        del notes
        if not isinstance(value, dict | bool):
            raise NotAllowed(at, "it must be a JSON schema.")
        waiting: list[Any] = [value]
        while waiting:
            item = waiting.pop()
            if isinstance(item, dict):
                _check_local(item, at)
                waiting += item.values()
            elif isinstance(item, list):
                waiting += item
        return value


def _check_local(part: Mapping[str, Any], at: str) -> None:
    """Raise NotAllowed for a reference to another document."""
    for name in ("$ref", "$dynamicRef"):
        reference = part.get(name)
        if isinstance(reference, str) and not reference.startswith("#"):
            raise NotAllowed(f"{at}.{name}", "a schema may only refer to itself, with `#`.")


class DataUrl(msgspec.Struct, frozen=True):
    """An image inside the request, as a data URL."""

    def check(self, value: Any, at: str, notes: Notes) -> Any:
        found = _DATA_URL.fullmatch(value) if isinstance(value, str) else None
        if found is None or found[1] not in _IMAGE_TYPES:
            kinds = ", ".join(_IMAGE_TYPES)
            raise NotAllowed(at, f"an image must be inside the request, as a base64 data URL of one of: {kinds}.")
        notes.image(at)
        return value


class ImageBytes(msgspec.Struct, frozen=True):
    """The bytes of an image inside the request, in base64."""

    def check(self, value: Any, at: str, notes: Notes) -> Any:
        if not isinstance(value, str) or not _BASE64.fullmatch(value):
            raise NotAllowed(at, "an image must be inside the request, in base64.")
        notes.image(at)
        return value


IMAGE_TYPES = OneOf(_IMAGE_TYPES)


def alternatives(names: Sequence[str], reason: str) -> dict[str, str]:
    """Return one reason for several refused names."""
    return dict.fromkeys(names, reason)
