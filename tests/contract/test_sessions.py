"""A whole session with tools of every provider: calls, results, thinking, bounds, the end."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from agents.employees.call_errors import CallFailed
from agents.employees.contract import ModelResult, ToolCall
from agents.employees.conversation import Message
from agents.sessions.actions import TOOLS, Action
from agents.sessions.loop import CallSettings, Session, SessionEnd
from agents.sessions.transcript import Transcript
from domain.money import Amount
from tests.loopback import Seen, loopback
from tests.wires.conversing import each
from tests.wires.gemini import GeminiWire
from tests.wires.played import address
from tests.wires.wire import Wire, sends

FIRST = (Message(role="system", text="You work in a folder."), Message(role="user", text="Write double.py."))
SETTINGS = CallSettings(output_tokens_max=100, wall_s=60.0, seed=7)
pytestmark = pytest.mark.usefixtures("priced")


@dataclass
class Desk:
    """The permits, receipts and actions of one session, in memory."""

    bounds: list[Amount] = field(default_factory=list)
    results: list[ModelResult] = field(default_factory=list)
    failures: list[CallFailed] = field(default_factory=list)
    acted: list[Action] = field(default_factory=list)

    async def ask(self, bound: Amount) -> int:
        self.bounds.append(bound)
        return len(self.bounds) - 1

    async def finished(self, index: int, prompt: Sequence[bytes], result: ModelResult) -> None:
        del index, prompt
        self.results.append(result)

    async def failed(self, index: int, prompt: Sequence[bytes], failure: CallFailed) -> None:
        del index, prompt
        self.failures.append(failure)

    async def act(self, action: Action) -> str:
        self.acted.append(action)
        return f"did {action.name}"


def call(name: str, at: int, **arguments: Any) -> ToolCall:
    return ToolCall(id=f"toolu_{at}", name=name, arguments=arguments)


async def worked(wire: Wire, *bodies: Any) -> tuple[SessionEnd, Desk, list[Seen]]:
    """Play a session in which the double answers with these bodies, one after the other."""
    left = list(bodies)

    async def reply(writer: Any, seen: Seen) -> None:
        await sends(200, left.pop(0))(writer, seen)

    desk = Desk()
    async with loopback(reply) as server:
        model = wire.model(address(server))
        transcript = Transcript(FIRST, prompt_tokens_max=10_000)
        end = await Session(model, transcript, desk, desk, desk.act, SETTINGS).run()
        await model.close()
        return end, desk, list(server.seen)


@each
async def test_a_session_reads_writes_and_hands_in(wire: Wire) -> None:
    content = "def double(number):\n    return 2 * number\n"
    end, desk, seen = await worked(
        wire,
        wire.body("I look first.", calls=(call("run", 1, command="ls"), call("read", 2, path="a.py")), thinking="hm"),
        wire.body(None, calls=(call("write", 3, path="double.py", content=content),), thinking="hm"),
        wire.body("Done.", calls=(call("submit", 4),)),
    )
    assert end == SessionEnd(outcome="answered")
    assert [(action.name, dict(action.arguments)) for action in desk.acted] == [
        ("run", {"command": "ls"}),
        ("read", {"path": "a.py"}),
        ("write", {"path": "double.py", "content": content}),
    ]
    last = wire.sent(seen[-1])
    assert [role for role, _ in last.turns] == ["user", "assistant", "user", "assistant", "user"]
    assert last.turns[2] == ("user", [("result", "toolu_1", "did run"), ("result", "toolu_2", "did read")])
    assert json.dumps(seen[-1].body).count("c2ln+/8=") >= 2, "the signatures of both turns go back"
    assert last.tools == [tool.name for tool in TOOLS]


@each
async def test_the_bound_of_each_call_covers_its_charge(wire: Wire) -> None:
    end, desk, _ = await worked(
        wire,
        wire.body(None, calls=(call("run", 1, command="ls"),)),
        wire.body(None, calls=(call("submit", 2),)),
    )
    assert end.outcome == "answered"
    assert len(desk.bounds) == len(desk.results) == 2
    for bound, result in zip(desk.bounds, desk.results, strict=True):
        assert result.cost is not None
        assert result.tokens is not None
        assert Decimal(0) < result.cost < bound.usd
        assert result.tokens < bound.tokens
    assert desk.bounds[1].usd > desk.bounds[0].usd, "the conversation has grown"


@each
async def test_a_bad_call_is_told_and_the_session_goes_on(wire: Wire) -> None:
    end, desk, seen = await worked(
        wire,
        wire.body(None, calls=(call("run", 1), call("no_such_tool", 2))),
        wire.body(None, calls=(call("submit", 3),)),
    )
    assert (end.outcome, desk.acted) == ("answered", [])
    _, results = wire.sent(seen[-1]).turns[2]
    assert "needs the argument 'command'" in results[0][2]
    assert "There is no tool of this name" in results[1][2]


async def test_a_call_that_geminis_server_could_not_parse_is_told_and_the_session_goes_on() -> None:
    wire = GeminiWire()
    broken = wire.body("") | {
        "candidates": [
            {
                "content": {},
                "finishReason": "MALFORMED_FUNCTION_CALL",
                "finishMessage": "Malformed function call: print(default_api.run)",
            }
        ]
    }
    end, _, seen = await worked(wire, broken, wire.body(None, calls=(call("submit", 1),)))
    assert end.outcome == "answered"
    (_, written), (_, told) = wire.sent(seen[-1]).turns[1:]
    assert written == ["Malformed function call: print(default_api.run)"]
    assert "There is no tool of this name" in told[0]


@each
async def test_control_an_answer_without_a_call_does_not_end_a_session(wire: Wire) -> None:
    end, desk, seen = await worked(
        wire, wire.body("I am done."), wire.body(None, calls=(call("decline", 1, reason="x"),))
    )
    assert (end.outcome, end.message, desk.acted) == ("declined", "x", [])
    assert "has no action" in wire.sent(seen[-1]).turns[2][1][0]
