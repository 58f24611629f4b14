"""The scripted employee plays its script and is never shown as a model. The cheater uses both kinds of cheats."""

import json
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from agents.employees.call_errors import CallFailed
from agents.employees.contract import CallLimits, Employee
from agents.employees.providers.scripted import Recording, Script, ScriptedEmployee
from agents.employees.scripts.cheater import OUTSIDE_PATHS, Cheater
from domain.errors import Invalid
from tests.orders import order

ANSWERS = {"T1": [{"double.py": b"wrong\n"}, {"double.py": b"right\n"}]}


def employee(script: Script, delay_s: float = 0.0) -> ScriptedEmployee:
    return ScriptedEmployee(id=UUID(int=9), name="mime", script=script, delay_s=delay_s)


async def test_attempts_are_played_in_order_and_the_last_repeats() -> None:
    mime: Employee = employee(Recording("two tries", ANSWERS))
    played = [(await mime.work(order(attempt=attempt))).files["double.py"] for attempt in (1, 2, 3)]
    assert played == [b"wrong\n", b"right\n", b"right\n"]


async def test_an_unknown_task_gets_no_code() -> None:
    assert (await employee(Recording("nothing", {})).work(order())).files == {}


async def test_it_says_scripted_wherever_it_is_shown() -> None:
    mime = employee(Recording("two tries", ANSWERS))
    result = (await mime.work(order())).result
    assert mime.scripted
    assert mime.provider == result.provider == result.sdk == result.cost_source == "scripted"
    assert "scripted" in mime.describe()["style"]
    assert result.model_requested == "script two tries"
    assert result.model_digest is None


async def test_a_slow_script_times_out_as_a_model_would() -> None:
    limits = CallLimits(output_tokens_max=64, wall_s=0.05, cost_usd_max=Decimal(0))
    with pytest.raises(CallFailed) as raised:
        await employee(Recording("slow", ANSWERS), delay_s=5.0).work(order(limits=limits))
    assert raised.value.failure == "timeout"
    assert (await employee(Recording("quick", ANSWERS)).work(order(limits=limits))).files


async def test_a_limit_of_nothing_plays_nothing() -> None:
    limits = CallLimits(output_tokens_max=0, wall_s=1.0, cost_usd_max=Decimal(0))
    with pytest.raises(CallFailed):
        await employee(Recording("any", ANSWERS)).work(order(limits=limits))


def test_a_recording_is_read_from_json(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"T1": [{"double.py": "x = 1\n"}]}))
    assert Recording.load(path).files(order()) == {"double.py": b"x = 1\n"}
    path.write_text("[]")
    with pytest.raises(Invalid, match=r"mine\.json"):
        Recording.load(path)


def test_the_cheater_writes_outside_its_scope_and_hard_codes() -> None:
    cheater = Cheater()
    first, second, third = (cheater.files(order()) for _ in range(3))
    assert set(first) == set(third) == {"double.py", OUTSIDE_PATHS[0]}
    assert set(second) == {"double.py", OUTSIDE_PATHS[1]}
    names: dict[str, object] = {}
    exec(second["double.py"].decode(), names)  # our own script's text
    double = names["double"]
    assert callable(double)
    assert double(2) == 4  # the visible case
    assert double(3) is None  # any other
