"""Scorecards as text."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from director.cli.career_text import PERCENT, careers_text
from director.terminal.text import money, table

ID_CHARS = 8
"""The number of shown characters of a version's id, which is a hash."""


def scorecard_text(name: str, found: Mapping[str, Any]) -> str:
    """Return the numbers of an employee as a table, its career, and the events behind the numbers."""
    cards: Sequence[Mapping[str, Any]] = found["cards"]
    overrides = [
        f"NOT VERIFIED: run {each['run']} released task {each['task']}, attempt {each['attempt']} ({each['verdict']}) "
        f"of run {each['of']} by override. No number counts it."
        for each in found.get("overrides", ())
    ]
    if not cards:
        return "\n".join([f"{name} has no attempt with a result yet.", *overrides])
    lines = [
        (
            str(card["version"])[:ID_CHARS],
            card["skill"] or "not known",
            f"{card['verified']}/{card['verified'] + card['rejected'] + card['failed'] + card['declined']}",
            f"{_percent(card['accuracy'])} ({_percent(card['low'])} to {_percent(card['high'])})",
            _percent(card["first_attempt_rate"]),
            _usd(card["usd_per_verified"]),
            "-" if card["seconds_per_verified"] is None else f"{card['seconds_per_verified']} s",
            _percent(card["scope_adherence"]),
            card["retries"],
            card["declined"],
            f"{card['false_claims']}/{card['claims']}",
            card["faults"],
        )
        for card in cards
    ]
    header = (
        *("version", "skill", "verified", "accuracy", "first attempts", "cost", "time", "in scope"),
        *("retries", "declined", "false claims", "faults"),
    )
    career = careers_text([{"name": name, "career": found["career"]}])
    events = [
        f"{str(each['version'])[:ID_CHARS]} {each['skill'] or 'not known'} {each['number']} ({each['count']}): "
        + ", ".join(str(event) for event in each["events"])
        for each in found["events"]
    ]
    notes = ["cost and time are those of all attempts, per verified task."]
    return "\n".join([table(header, lines), *notes, *overrides, *career, *events])


def suppliers_text(found: Sequence[Mapping[str, Any]], by: str) -> str:
    """Return one line for each supplier."""
    if not found:
        return "Nobody has worked yet."
    lines = [
        (
            str(each["name"])[:ID_CHARS] if by == "version" else each["name"],
            each["attempts"],
            f"{each['false_done']}/{each['handed_in']}",
            _percent(each["false_done_rate"]),
            each["criteria"],
            money(each["usd"]),
            _usd(each["usd_per_criterion"]),
        )
        for each in found
    ]
    header = (by, "attempts", "false done", "rate", "accepted criteria", "cost", "cost per criterion")
    return table(header, lines)


def _percent(rate: int | None) -> str:
    return "-" if rate is None else f"{rate / PERCENT:.0f}%"


def _usd(usd: Decimal | None) -> str:
    return "-" if usd is None else money(usd)
