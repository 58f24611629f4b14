"""The scripted model of a session: it plays its turns, and everything that it reports says that it is scripted."""

import json
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from msgspec.structs import replace

from agents.employees.call_errors import CallFailed
from agents.employees.contract import ModelResult
from agents.employees.conversation import CallRequest, Message, Model
from agents.employees.providers.scripted import Recording, ScriptedEmployee
from agents.employees.providers.scripted_model import NO_MORE, ScriptedCall, ScriptedModel, Turn
from agents.employees.scripts.cheater import Cheater
from domain.errors import Invalid
from tests.orders import order

ASKED = CallRequest(messages=(Message(role="user", text="Write double.py."),), output_tokens_max=64, wall_s=5.0, seed=7)
LOOK = Turn(
    text="Let me look.", calls=(ScriptedCall(name="run", arguments={"command": "ls"}), ScriptedCall(name="read"))
)
DONE = Turn(calls=(ScriptedCall(name="submit"),))
FILE = {
    "T1": [{"double.py": "x = 1\n"}],
    "turns": {
        "T1": [
            {"text": "Let me look.", "calls": [{"name": "run", "arguments": {"command": "ls"}}, {"name": "read"}]},
            {"calls": [{"name": "submit"}]},
        ]
    },
}


async def played(model: Model, count: int) -> list[ModelResult]:
    return [await model.complete(ASKED) for _ in range(count)]


async def test_each_call_gets_the_next_turn_and_the_end_is_said() -> None:
    first, second, third = await played(ScriptedModel("two", [LOOK, DONE]), 3)
    assert (first.text, first.finish) == ("Let me look.", "tool")
    assert [(call.name, call.arguments) for call in first.calls] == [("run", {"command": "ls"}), ("read", {})]
    assert len({call.id for result in (first, second) for call in result.calls}) == 3
    assert [call.name for call in second.calls] == ["submit"]
    assert (third.text, third.calls, third.finish) == (NO_MORE, (), "stop")


async def test_it_says_scripted_wherever_it_is_shown() -> None:
    model: Model = ScriptedModel("two", [LOOK])
    result = await model.complete(ASKED)
    assert model.scripted
    assert result.provider == model.provider == result.sdk == result.cost_source == "scripted"
    assert result.model_requested == model.model == "script two"
    assert "scripted" in model.describe()["price"]
    assert (result.cost, model.bound(ASKED).usd) == (Decimal(0), Decimal(0))
    assert (result.input_tokens or 0) + (result.output_tokens or 0) <= model.bound(ASKED).tokens


async def test_the_turns_of_a_file_are_those_of_its_task_and_each_order_begins_with_the_first(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(FILE))
    mime = ScriptedEmployee(id=UUID(int=9), name="mime", script=Recording.load(path))
    for _ in range(2):
        first, second = await played(mime.model_for(order()), 2)
        assert first.text == "Let me look."
        assert [call.name for call in second.calls] == ["submit"]
    assert (await mime.work(order())).files == {"double.py": b"x = 1\n"}, "answers are beside the turns"
    without_turns = ScriptedEmployee(id=UUID(int=9), name="c", script=Cheater())
    (only,) = await played(without_turns.model_for(order()), 1)
    assert only.text == NO_MORE


@pytest.mark.parametrize(
    "odd",
    [
        {"turns": [{"T1": "text"}], "T1": {"x": []}},
        {"turns": {"T1": [{"text": 5}]}},
        {"turns": {"T1": [{"texts": "x"}]}},
        {"turns": {"T1": [{"calls": [{"arguments": {}}]}]}},
        {"turns": {"T1": [{"calls": [{"name": "run", "arguments": []}]}]}},
        {"T1": {"T1": []}},
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, odd: object) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(odd))
    with pytest.raises(Invalid, match=r"mine\.json") as refused:
        Recording.load(path)
    assert "turns" in refused.value.hint


async def test_a_slow_script_times_out_and_a_limit_of_nothing_plays_nothing() -> None:
    slow = ScriptedModel("slow", [LOOK], delay_s=5.0)
    for asked, failure in (
        (replace(ASKED, wall_s=0.05), "timeout"),
        (replace(ASKED, output_tokens_max=0), "bad_settings"),
    ):
        with pytest.raises(CallFailed) as raised:
            await slow.complete(asked)
        assert raised.value.failure == failure
    assert (await ScriptedModel("quick", [LOOK]).complete(ASKED)).text == "Let me look."
