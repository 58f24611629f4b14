"""The loop of a session, with a scripted model and a working copy in memory: every end, and what the model sees."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from agents.employees.call_errors import CallFailed
from agents.employees.contract import ModelResult, ToolCall
from agents.employees.conversation import Bound, CallRequest, Message
from agents.permits import PermitRefused
from agents.sessions import loop
from agents.sessions.actions import ACTIONS_MAX, Action, BadAction, actions_of
from agents.sessions.loop import REPEATS_MAX, REPEATS_TOLD, WORDLESS_MAX, CallSettings, Session
from agents.sessions.transcript import MESSAGES_KEPT_AT_END, Transcript
from domain.money import Amount
from tests.unit.answers_of_models import result

Turn = ModelResult | CallFailed


def call(name: str, *, id: str = "c1", **arguments: Any) -> ToolCall:
    return ToolCall(id=id, name=name, arguments=arguments)


def turn(*calls: ToolCall, text: str = "") -> ModelResult:
    return result(text=text, calls=calls)


@dataclass
class Scripted:
    """A model that answers with these turns, and the queue of permits, receipts and actions of one session."""

    turns: list[Turn]
    has_tools: bool = True
    price: Decimal | None = Decimal("0.01")
    permits_max: int = 100
    provider: str = "scripted"
    model: str = "turns"
    scripted: bool = True
    requests: list[CallRequest] = field(default_factory=list)
    prompts: list[Sequence[bytes]] = field(default_factory=list)
    receipts: list[str] = field(default_factory=list)
    acted: list[Action] = field(default_factory=list)

    def describe(self) -> dict[str, str]:
        return {}

    def bound(self, request: CallRequest) -> Bound:
        return Bound(sum(len(message.text) for message in request.messages), self.price)

    async def complete(self, request: CallRequest) -> ModelResult:
        self.requests.append(request)
        answer = self.turns.pop(0)
        if isinstance(answer, CallFailed):
            raise answer
        return answer

    async def probe(self) -> ModelResult:
        raise AssertionError("nobody probes")

    async def close(self) -> None:
        """Nothing is open."""

    async def ask(self, bound: Amount) -> int:
        assert bound.usd == self.price
        index = len(self.prompts)
        if index >= self.permits_max:
            raise PermitRefused("calls_used_up", "The attempt has had its calls.")
        return index

    async def finished(self, index: int, prompt: Sequence[bytes], answer: ModelResult) -> None:
        assert index == len(self.prompts)
        self.prompts.append(prompt)
        self.receipts.append(answer.finish)

    async def failed(self, index: int, prompt: Sequence[bytes], failure: CallFailed) -> None:
        assert index == len(self.prompts)
        self.prompts.append(prompt)
        self.receipts.append(failure.failure)

    async def act(self, action: Action) -> str:
        self.acted.append(action)
        return f"did {action.name}"


FIRST = (Message(role="system", text="You work in a folder."), Message(role="user", text="Write double.py."))
SETTINGS = CallSettings(output_tokens_max=100, wall_s=10.0, seed=7)


async def played(*turns: Turn, prompt_tokens_max: int = 10_000, **settings: Any) -> tuple[loop.SessionEnd, Scripted]:
    model = Scripted(list(turns), **settings)
    transcript = Transcript(FIRST, prompt_tokens_max=prompt_tokens_max)
    return await Session(model, transcript, model, model, model.act, SETTINGS).run(), model


async def test_a_session_acts_until_it_hands_in() -> None:
    end, model = await played(
        turn(call("run", command="ls")), turn(call("write", path="double.py", content="x = 1\n")), turn(call("submit"))
    )
    assert end.outcome == "answered"
    assert [action.name for action in model.acted] == ["run", "write"]
    last = model.requests[-1].messages
    assert [message.role for message in last] == ["system", "user", "assistant", "tool", "assistant", "tool"]
    assert (last[3].text, last[3].call_id) == ("did run", "c1")
    assert model.receipts == ["stop"] * 3


async def test_a_model_without_tools_writes_one_fenced_command() -> None:
    end, model = await played(
        result(text="I look.\n```sh\nls -l\n```"), result(text="```bash\naura-submit\n```"), has_tools=False
    )
    assert end.outcome == "answered"
    assert [action.arguments["command"] for action in model.acted] == ["ls -l"]
    assert model.requests[0].tools == ()
    assert model.requests[1].messages[-1] == Message(role="user", text="did run")


async def test_a_session_can_decline() -> None:
    end, _ = await played(turn(call("decline", reason="There is no such file.")))
    assert (end.outcome, end.message) == ("declined", "There is no such file.")


async def test_several_calls_of_one_answer_are_done_in_order() -> None:
    calls = [call("read", id=f"c{number}", path=f"{number}.py") for number in range(3)]
    _, model = await played(turn(*calls), turn(call("submit")))
    assert [action.arguments["path"] for action in model.acted] == ["0.py", "1.py", "2.py"]
    assert [message.call_id for message in model.requests[1].messages[-3:]] == ["c0", "c1", "c2"]


@pytest.mark.parametrize(("count", "outcome"), [(REPEATS_MAX, "stuck"), (REPEATS_MAX - 1, "answered")])
async def test_the_same_action_again_and_again_ends_the_session(count: int, outcome: str) -> None:
    end, model = await played(*[turn(call("run", command="ls"))] * count, turn(call("submit")))
    assert end.outcome == outcome
    told = [message.text for message in model.requests[-1].messages if message.role == "tool"]
    assert [("same action" in text) for text in told[: REPEATS_TOLD + 1]] == [False, False, True, True]


async def test_another_action_between_them_is_no_repetition() -> None:
    turns = [turn(call("run", command=f"ls {number % 2}")) for number in range(3 * REPEATS_MAX)]
    end, _ = await played(*turns, turn(call("submit")))
    assert end.outcome == "answered"


@pytest.mark.parametrize(("count", "outcome"), [(WORDLESS_MAX, "no_code"), (WORDLESS_MAX - 1, "answered")])
async def test_answers_without_an_action_end_the_session(count: int, outcome: str) -> None:
    end, model = await played(*[result(text="I think about it.")] * count, turn(call("submit")))
    assert end.outcome == outcome
    assert "has no action" in model.requests[1].messages[-1].text


async def test_a_refused_permit_ends_the_session_before_the_call() -> None:
    end, model = await played(*[turn(call("run", command=str(number))) for number in range(5)], permits_max=2)
    assert (end.outcome, len(model.requests)) == ("calls_used_up", 2)


async def test_without_a_price_no_call_is_made() -> None:
    end, model = await played(turn(call("submit")), price=None)
    assert (end.outcome, model.requests) == ("bad_settings", [])


async def test_a_passing_fault_is_tried_again_with_a_permit_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "RETRY_WAIT_S", 0.0)
    fault = CallFailed("overloaded", "busy")
    end, model = await played(fault, fault, turn(call("submit")))
    assert (end.outcome, model.receipts) == ("answered", ["overloaded", "overloaded", "stop"])
    end, model = await played(*[fault] * 9)
    assert (end.outcome, len(model.receipts)) == ("overloaded", loop.CALL_RETRIES_MAX + 1)
    end, model = await played(CallFailed("auth", "no key"), turn(call("submit")))
    assert (end.outcome, model.receipts) == ("auth", ["auth"]), "control: a lasting fault is not tried again"


async def test_a_session_that_is_cancelled_in_a_call_sends_its_receipt() -> None:
    begun = asyncio.Event()

    class Slow(Scripted):
        async def complete(self, request: CallRequest) -> ModelResult:
            begun.set()
            await asyncio.Event().wait()
            return await super().complete(request)

    model = Slow([turn(call("submit"))])
    transcript = Transcript(FIRST, prompt_tokens_max=10_000)
    task = asyncio.create_task(Session(model, transcript, model, model, model.act, SETTINGS).run())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.receipts == ["cancelled"]


async def test_old_results_are_shortened_until_the_prompt_fits() -> None:
    turns = [turn(call("run", command=str(number))) for number in range(12)]
    model = Scripted([*turns, turn(call("submit"))])

    async def long(action: Action) -> str:
        return f"{action.arguments['command']} " + "x" * 3000

    transcript = Transcript(FIRST, prompt_tokens_max=8000)
    end = await Session(model, transcript, model, model, long, SETTINGS).run()
    assert end.outcome == "answered"
    results = [message.text for message in model.requests[-1].messages if message.role == "tool"]
    assert "bytes of this result are left out" in results[0]
    assert results[-1].endswith("x" * 3000)
    assert [len(prompt) for prompt in model.prompts] == [len(each.messages) for each in model.requests]
    unequal = [
        sum(one != two for one, two in zip(before, after, strict=False))
        for before, after in itertools.pairwise(model.prompts)
    ]
    assert sum(count > 0 for count in unequal) <= 2, "the conversation is shortened rarely, and much at once"


async def test_a_conversation_that_cannot_fit_ends_the_session() -> None:
    end, model = await played(turn(call("submit")), prompt_tokens_max=5)
    assert (end.outcome, model.requests) == ("context_overflow", [])
    assert MESSAGES_KEPT_AT_END > 0


BAD: Sequence[tuple[ToolCall, str]] = (
    (call("fly"), "There is no tool of this name"),
    (ToolCall(id="c1", name="run", arguments=None, text="{"), "are not a JSON object"),
    (call("run"), "needs the argument 'command'"),
    (call("run", command=3), "must be a text"),
    (call("read", path="a", lines=True), "must be a whole number"),
    (call("run", command="ls", speed="high"), "has an unknown argument. Its arguments: command"),
)


@pytest.mark.parametrize(("wrong", "why"), BAD, ids=[why for _, why in BAD])
def test_a_wrong_call_is_told_what_is_wrong(wrong: ToolCall, why: str) -> None:
    (found,) = actions_of(turn(wrong), native=True)
    assert isinstance(found, BadAction)
    assert why in found.problem
    (right,) = actions_of(turn(call("run", command="ls")), native=True)
    assert isinstance(right, Action), "control"


def test_an_answer_has_a_limited_number_of_calls() -> None:
    found = actions_of(turn(*[call("run", command="ls")] * (ACTIONS_MAX + 1)), native=True)
    assert [type(each) for each in found] == [Action] * ACTIONS_MAX + [BadAction]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("```sh\nls\n```\n```sh\npwd\n```", "exactly one fenced command"),
        ("```sh\n\n```", "is empty"),
        ("```sh\naura-decline\n```", "Write the reason"),
    ],
)
def test_a_wrong_command_is_told_what_is_wrong(text: str, why: str) -> None:
    (found,) = actions_of(result(text=text), native=False)
    assert isinstance(found, BadAction)
    assert why in found.problem


def test_a_fenced_command_may_have_many_lines() -> None:
    (found,) = actions_of(result(text="Now:\n```sh\ncat > a.py <<'END'\nx = 1\nEND\n```\nDone."), native=False)
    assert isinstance(found, Action)
    assert found.arguments["command"] == "cat > a.py <<'END'\nx = 1\nEND"
    assert actions_of(result(text="```python\nx = 1\n```"), native=False) == []
