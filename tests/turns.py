"""Turns of a scripted session, as the file of a script has them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Turn = dict[str, Any]


def turn(tool: str, *, says: str = "", **arguments: Any) -> Turn:
    """Return a turn with one tool call, and with the words of the model before it."""
    return {"text": says, "calls": [{"name": tool, "arguments": arguments}]}


def script_of(path: Path, turns: Mapping[str, Sequence[Turn]]) -> str:
    """Write a script with these turns (task -> turns), and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"turns": turns}))
    return str(path)
