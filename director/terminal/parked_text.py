"""Parked events as text: the event that a consumer could not process, the run or entity that waits, and the remedy."""

from collections.abc import Sequence
from typing import Any


def parked_text(found: Sequence[dict[str, Any]]) -> str:
    """Return the parked events as text, with the remedy below; empty if nothing is parked."""
    if not found:
        return ""
    lines = [f"parked: {sentence(one)}" for one in found]
    return "\n".join([*lines, f"        {cure(found)}"])


def sentence(one: dict[str, Any]) -> str:
    where = f"later events of {one['scope']} wait"
    return f"{one['consumer']} cannot process event {one['seq']} ({one['error']}); {where}"


def cure(found: Sequence[dict[str, Any]]) -> str:
    """Return the commands that update Aura's processes and then process the parked events again."""
    replays = "".join(f" && aura replay {name}" for name in dict.fromkeys(one["consumer"] for one in found))
    return f"This is a defect of aura: install a newer release, then run `aura down{replays} && aura up`."
