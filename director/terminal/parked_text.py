"""Events that a consumer could not take, in words: what waits because of them, and the cure."""

from collections.abc import Sequence
from typing import Any


def parked_text(found: Sequence[dict[str, Any]]) -> str:
    """Render the parked events as text, with the cure below; empty when nothing is parked."""
    if not found:
        return ""
    lines = [f"parked: {sentence(one)}" for one in found]
    return "\n".join([*lines, f"        {cure(found)}"])


def sentence(one: dict[str, Any]) -> str:
    return f"{one['consumer']} cannot take event {one['seq']} ({one['error']}); what follows of {one['scope']} waits"


def cure(found: Sequence[dict[str, Any]]) -> str:
    """The commands that take it up again, once aura can."""
    replays = "".join(f" && aura replay {name}" for name in dict.fromkeys(one["consumer"] for one in found))
    return f"This is a defect: update aura, then run `aura down{replays} && aura up`."
