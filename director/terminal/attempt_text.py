"""One attempt of a run as text for people: prompt, answer, changes and findings."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from director.terminal.escape import visible
from director.terminal.text import money

INDENT = "    "


def attempt_text(data: Mapping[str, Any]) -> str:
    """Return an attempt (`director/services/attempt.py`) as text. Text from outside Aura is escaped and indented."""
    standing = {None: "not judged", True: "verified", False: "rejected"}[data["verified"]]
    lines = [f"{data['task']}, attempt {data['attempt']}: {standing}"]
    for number, call in enumerate(data["calls"], start=1):
        cost = money(Decimal(call["cost_usd"])) if call["cost_usd"] is not None else "no known price"
        ended = ": ".join(filter(None, (call["outcome"] or "at work", call["message"])))
        who = f"{call['employee']}{' (' + call['model'] + ')' if call['model'] else ''}"
        lines.append(visible(f"\ncall {number}: {who} {ended}; {call['tokens']} tokens, {cost}"))
        lines += _part("prompt", call["prompt"]) + _part("answer", call["answer"])
    lines += _part("changes", data["diff"] or "none")
    if data["findings"]:
        lines.append("\nfindings:")
    for finding in data["findings"]:
        place = finding.get("path") or finding.get("criterion") or ""
        lines.append(_set_back(f"{finding['kind']}{f' ({place})' if place else ''}: {finding['detail']}"))
    return "\n".join(lines)


def _part(name: str, text: str | None) -> list[str]:
    return [f"\n{name}:", _set_back(text if text is not None else "not on record, or purged")]


def _set_back(text: str) -> str:
    """Escape and indent each line, so that the text cannot imitate a line of Aura."""
    return "\n".join(f"{INDENT}{line}".rstrip() for line in visible(text).split("\n"))
