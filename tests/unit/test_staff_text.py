"""The staff as text: facts of probes, fallback chains, stand-ins, and the changes of employees.toml."""

from decimal import Decimal
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from director.cli.staff_changes_text import staff_changes_text
from director.cli.staff_text import staff_text
from director.services.staff_changes import ChainChange, DeclaredChange, Difference, StaffChanges
from director.terminal.stand_in_text import REASONS, stand_in_lines
from domain.fallback import PassedOver
from tests.unit.samples import EMPLOYEE, ORDER, OTHER_EMPLOYEE, OTHER_ORDER, uuid

PROBED = {
    "seconds": 0.84,
    "tokens": 52,
    "cost_usd": Decimal("0.0000520"),
    "estimated": True,
    "price": "genai-prices 0.2.3",
    "context_tokens": 33_792,
    "server_context_tokens": 8192,
    "tools": "yes",
}


def person(**changes: Any) -> dict[str, Any]:
    shown = {"name": "coder", "employee": EMPLOYEE, "version": uuid(9), "provider": "openai", "model": "m"}
    return (
        shown
        | {"scripted": False, "phase": "working", "strikes": 0, "session": None, "probe": None, "probed": None}
        | changes
    )


def test_the_facts_of_a_probe_are_a_table_with_a_warning_below() -> None:
    text = staff_text([person(probe="ok, 0.8 s", probed=PROBED), person(name="far", probe="No worker")], [])
    assert "0.8 s" in text
    assert "0.000052 USD for 52 tokens (estimated)" in text
    for shown in ("genai-prices 0.2.3", "33792", "8192", "yes"):
        assert shown in text
    assert "coder: its prompt and answer may have 33792 tokens together. The server's context has only 8192." in text
    assert "aura hire coder --update --prompt-tokens N" in text
    enough = staff_text([person(probe="ok, 0.8 s", probed=PROBED | {"server_context_tokens": 33_792})], [])
    assert "only" not in enough, "the control"


def test_a_probe_without_an_answer_shows_no_cost() -> None:
    silent = {"seconds": None, "tokens": None, "cost_usd": None, "server_context_tokens": None, "tools": "unknown"}
    line = staff_text([person(probe="refused", probed=PROBED | silent)], []).splitlines()[-1]
    assert line.split("  ")[0] == "coder"
    for shown in ("no answer", "none", "not stated", "unknown"):
        assert shown in line
    priceless = staff_text([person(probe="ok", probed=PROBED | {"cost_usd": None})], [])
    assert "not known" in priceless


def test_without_a_probe_there_is_no_second_table() -> None:
    chains = [{"role": "implementer", "names": ("coder", "backup (dismissed)")}]
    lines = staff_text([person()], [], chains).splitlines()
    assert len(lines) == 3
    assert lines[-1] == "fallback chain of the role implementer: coder, then backup (dismissed)"


def stand_in(order: object, passed_over: str, reason: str, **changes: Any) -> dict[str, Any]:
    row = {"order_id": order, "task_name": "T1", "attempt": 2, "employee": EMPLOYEE, "employee_name": "ben"}
    return row | {"passed_over": OTHER_EMPLOYEE, "passed_over_name": passed_over, "reason": reason} | changes


def test_a_stand_in_has_one_line_for_each_order() -> None:
    rows = [
        stand_in(ORDER, "ada", "resting"),
        stand_in(ORDER, "cara", "suspended"),
        stand_in(OTHER_ORDER, "ada", "new reason", employee_name=None, attempt=3),
    ]
    first, second = stand_in_lines(rows)
    assert first == (
        "T1, attempt 2: ben stood in for ada, cara (ada rested after a fault of its server; cara was suspended)"
    )
    assert second == f"T1, attempt 3: {str(EMPLOYEE)[:13]} stood in for ada (ada new reason)"
    assert stand_in_lines([]) == []


def test_every_reason_has_words() -> None:
    assert set(REASONS) == set(get_args(PassedOver))


CHANGES = StaffChanges(
    file="employees.toml",
    dry_run=False,
    employees=(
        DeclaredChange(name="ada", change="hired", employee=EMPLOYEE),
        DeclaredChange(
            name="ben",
            change="updated",
            employee=OTHER_EMPLOYEE,
            differences=(Difference(option="slots", before="1", after="2"),),
            suspended=True,
        ),
        DeclaredChange(name="cara", change="stays_dismissed", employee=uuid(9)),
    ),
    others=("dora", "eva"),
    dismissed=("eva",),
    chains=(
        ChainChange(role="implementer", before=(), after=("ada", "ben")),
        ChainChange(role="reviewer", before=(), after=()),
    ),
)


def test_the_changes_of_a_file_are_told() -> None:
    lines = staff_changes_text(CHANGES).splitlines()
    assert lines == [
        "ada: hired",
        "ben: updated (slots 1 -> 2). It stays suspended: aura reinstate ben --reason …",
        "cara: stays dismissed",
        "fallback chain of the role implementer: ada, then ben (set)",
        "fallback chain of the role reviewer: none: everybody may work (unchanged)",
        "dismissed: eva",
        'not in the file: dora. They stay. To dismiss them for good: aura staff apply --dismiss-others --reason "…"',
    ]


@pytest.mark.parametrize("words", ["ada: would be hired", "would be dismissed: eva", "Nothing was changed."])
def test_a_dry_run_says_that_nothing_was_changed(words: str) -> None:
    assert words in staff_changes_text(replace(CHANGES, dry_run=True))
    assert words not in staff_changes_text(CHANGES), "the control"
