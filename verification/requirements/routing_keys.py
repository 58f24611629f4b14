"""Parser of the keys for routing: parts of the skill that a task needs, and the value of a verified task."""

import re
from collections.abc import Mapping as Map
from decimal import Decimal
from typing import get_args

from domain.attempt import Form
from domain.routing.skill import Risk, SizeClass
from verification.requirements.fields import Fields
from verification.requirements.problems import listed
from verification.requirements.yaml_tree import Scalar, kind

USD = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?", re.ASCII)
WORD = re.compile(r"[a-z][a-z0-9_+#.-]{0,39}", re.ASCII)
"""The form of a part that is not one of a few words."""
SKILL = {"deliver": "library", "language": "python", "size": "large", "form": "session", "risk": "high"}
WORDS: Map[str, tuple[str, ...]] = {"size": get_args(SizeClass), "form": get_args(Form), "risk": get_args(Risk)}
"""The parts of a skill that have only a few possible words."""


def read_skill(fields: Fields) -> dict[str, str]:
    """Return the parts of the skill that the key `skill` states. Wrong parts are reported and not returned."""
    node = fields.mapping("skill")
    if node is None:
        return {}
    inner = Fields(node, fields.report, SKILL, "`skill`")
    parts: dict[str, str] = {}
    for name in SKILL:
        text, at = inner.text(name), inner.get(name)
        if text is None or at is None:
            continue
        words = WORDS.get(name)
        if words is not None and text not in words:
            inner.report.add(at, f"a skill cannot have `{name}: {text[:60]}`", f"one of {listed(words)}")
        elif words is None and not WORD.fullmatch(text):
            message = f"`{name}` of a skill must be one word in small letters, not `{text[:60]}`"
            inner.report.add(at, message, inner.line(name))
        else:
            parts[name] = text
    return parts


def read_value(fields: Fields) -> Decimal | None:
    """Return the value of a verified task in US dollars; None if the key `value_usd` is missing or wrong."""
    value = read_usd(fields, "value_usd")
    at = fields.get("value_usd")
    if value is not None and at is not None and not value:
        fields.report.add(at, "the value of a verified task must be more than 0", fields.line("value_usd"))
        return None
    return value


def read_usd(fields: Fields, name: str, *, required: bool = False) -> Decimal | None:
    """Return an amount of US dollars, which must be in quotes."""
    node = fields.require(name) if required else fields.get(name)
    if node is None:
        return None
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        number = isinstance(node, Scalar) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
        plain = node.text if isinstance(node, Scalar) and number and USD.fullmatch(node.text) else "1.00"
        said = "a number, which can lose cents" if number else kind(node)
        fields.report.add(node, f"`{name}` must be an amount in quotes, not {said}", f'{name}: "{plain}"')
        return None
    if not USD.fullmatch(node.value):
        message = f"`{node.value[:60]}` is not an amount of US dollars: a number from 0, with at most 6 decimal places"
        fields.report.add(node, message, f'{name}: "1.00"')
        return None
    return Decimal(node.value)
