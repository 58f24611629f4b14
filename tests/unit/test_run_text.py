"""A run on one screen: the reason of a failed call in the provider's words, the remedy, and estimated costs."""

from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from rich.console import Console

from agents.employees.call_errors import HINTS
from director.cli.live_view import Watch
from director.cli.output import Door
from director.terminal.text import attempt_line, remedies

SAID = "https://x.example/v1 answered 402: Insufficient Balance"
ROW: dict[str, Any] = {
    "task_name": "T1",
    "attempt": 1,
    "employee_name": "ada",
    "scripted": False,
    "verified": None,
    "outcome": "payment",
    "message": SAID,
    "hint": HINTS["payment"],
    "estimated": False,
    "findings": [],
}


def test_a_failed_call_is_shown_in_the_provider_s_own_words() -> None:
    assert attempt_line(ROW) == ("T1", 1, "ada", "payment", SAID)
    assert attempt_line(ROW | {"verified": True, "message": ""})[3] == "verified"


def test_each_kind_has_its_remedy_once() -> None:
    timed_out = ROW | {"outcome": "timeout", "hint": HINTS["timeout"]}
    assert remedies([ROW, ROW, timed_out]) == [f"payment: {HINTS['payment']}", f"timeout: {HINTS['timeout']}"]
    assert remedies([ROW | {"verified": True, "outcome": "answered", "hint": ""}]) == []


def test_estimated_costs_are_said_to_be() -> None:
    answered = ROW | {"verified": True, "outcome": "answered", "hint": "", "estimated": True}
    assert remedies([answered])[0].startswith("The cost of 1 call is estimated")
    assert remedies([answered, answered]) == [
        "The cost of 2 calls is estimated from the bytes: the server did not report the tokens."
    ]


def test_the_moving_table_shows_the_last_call_s_message() -> None:
    watch = Watch(cast(Any, None), UUID(int=1), Door("watch", as_json=False))
    data = {
        "run": {"title": "Adders", "spent_usd": Decimal(0), "spent_tokens": 0},
        "attempts": [ROW],
        "tasks": [{"name": "T1", "phase": "waiting", "attempts": 0, "employee_name": "ada", "reason": "payment"}],
    }
    console = Console(width=200)
    with console.capture() as shown:
        console.print(watch._table(data))
    assert f"payment: {SAID}" in shown.get()
