"""The story of a session on a real log: each call with its thought, actions, results and costs, and how it ends."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from agents.employees.contract import ToolCall
from agents.employees.conversation import Message
from agents.sessions.transcript import Transcript
from bus.blobs import Blobs
from director.services.attempt import AttemptPart, AttemptView, attempt_of, follow_attempt
from director.services.causes import explain
from director.terminal.attempt_text import TEXT_BYTES_MAX, AttemptText, FollowedText
from domain.errors import NotFound
from domain.money import Amount
from domain.snapshot import PromptRecord, Snapshot
from domain.task import AttemptEnded, EndAttempt, FinishCall
from tests.integration.desks import stamp
from tests.integration.house import House
from tests.integration.test_permits import CENT, Session, session

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats]
FIRST = (Message(role="system", text="You work in a folder."), Message(role="user", text="Write double.py."))
LONG = "a long line\n" * 1000
FOLLOWED_WAIT_S = 120
HOSTILE = "\x1b[2Jhidden"


def call(id: str, name: str, **arguments: Any) -> ToolCall:
    return ToolCall(id=id, name=name, arguments=arguments)


class Work:
    """The worker's side of one session, without a model: it writes permits and receipts as a session does."""

    def __init__(self, at_work: Session, blobs: Blobs) -> None:
        self._at_work = at_work
        self._blobs = blobs
        self._permits = at_work.permits()
        self._transcript = Transcript(FIRST, prompt_tokens_max=None)
        self._sent: tuple[bytes, ...] = ()  # the prompt of the call before

    async def step(self, answer: Message, *results: Message, purged: bool = False) -> None:
        """Make one call with this answer, and add the results of its actions to the conversation."""
        index = await self._permits.ask(CENT)
        prompt = self._transcript.encoded
        (answered,) = ("0" * 64,) if purged else await self._blobs.put([msgspec.json.encode(answer)])
        kept, self._sent = len(self._sent), prompt
        messages = await self._blobs.put(prompt[kept:])
        snapshot = Snapshot(
            outcome="answered",
            provider="p",
            endpoint="",
            model="m",
            answer=answered,
            cost=Amount(Decimal("0.002"), 20),
            latency_s=1.5,
        )
        record = PromptRecord(base=index - 1 if index else None, kept=kept, messages=messages)
        await self._send(FinishCall(**stamp(), **self._at_work.ids, snapshot=snapshot, index=index, prompt=record))
        self._transcript.add(answer, *results)

    async def end(self, outcome: str, message: str) -> None:
        await self._send(EndAttempt(**stamp(), **self._at_work.ids, outcome=outcome, message=message))

    async def _send(self, command: Any) -> None:
        await self._at_work.house.gate("manager").handle(command)


async def first_step(work: Work) -> None:
    await work.step(
        Message(
            role="assistant",
            text=f"I look. {HOSTILE}",
            calls=(call("a", "run", command="ls"), call("b", "read", path="x")),
        ),
        Message(role="tool", text="double.py", call_id="a"),
        Message(role="tool", text=LONG, call_id="b"),
    )


async def other_steps(work: Work) -> None:
    await work.step(
        Message(role="assistant", calls=(call("c", "check"),)), Message(role="tool", text="1 of 2 fail", call_id="c")
    )
    await work.step(Message(role="assistant", text="lost"), Message(role="user", text="Call a tool."), purged=True)
    await work.step(Message(role="assistant", text="It cannot be done.", calls=(call("d", "decline", reason="no"),)))
    await work.end("declined", "no")


async def test_a_session_is_followed_and_shown_call_by_call(house: House) -> None:
    async with session(house) as at_work:
        blobs, work = house.blobs, Work(at_work, house.blobs)
        await first_step(work)
        await house.log()
        parts: list[AttemptPart] = []
        begun = asyncio.Event()

        async def follow() -> None:
            async for part in follow_attempt(house.office.store, blobs, at_work.ids["run"], 1):
                parts.append(part)
                begun.set()

        following = asyncio.create_task(follow())
        await begun.wait()
        assert len(parts) == 1, "control: it waits for the next call"
        await other_steps(work)
        await asyncio.wait_for(following, FOLLOWED_WAIT_S)
        await house.log()
        view = await attempt_of(house.office.store, blobs, at_work.ids["run"], 1)
        with pytest.raises(NotFound):
            await attempt_of(house.office.store, blobs, at_work.ids["run"], 2)
        with pytest.raises(NotFound):
            await attempt_of(house.office.store, blobs, uuid4(), 1)
    first, second, third, last = view.calls
    assert (view.task, view.attempt, view.verified, view.diff) == ("T1", 1, None, "")
    assert first.prompt == "[system]\nYou work in a folder.\n[user]\nWrite double.py."
    assert [(action.name, action.arguments) for action in first.actions] == [
        ("run", '{"command":"ls"}'),
        ("read", '{"path":"x"}'),
    ]
    assert [(result.call_id, result.text) for result in first.results] == [("a", "double.py"), ("b", LONG)]
    assert (second.continues, second.prompt, [each.text for each in second.results]) == (0, None, ["1 of 2 fail"])
    assert (third.answer, [each.text for each in third.results]) == (None, ["Call a tool."])
    assert [(each.total_usd, each.total_tokens) for each in view.calls] == [
        (Decimal(f"0.00{2 * n}"), 20 * n) for n in range(1, 5)
    ]
    assert (last.seconds, last.cost_usd, last.bound_usd, last.results) == (1.5, Decimal("0.002"), CENT.usd, [])
    (order,) = view.orders
    assert (order.end, order.outcome, order.message, order.form) == ("ended", "declined", "no", "session")
    assert (order.reserved_usd, order.charged_usd, order.employee) == (Decimal("0.10"), Decimal("0.008"), "anna")
    shown_as_text(view)
    followed(parts)


async def test_the_causes_of_an_end_tell_it_as_the_end_of_a_session(house: House) -> None:
    async with session(house) as at_work:
        work = Work(at_work, house.blobs)
        await first_step(work)
        await work.end("stuck", "the same action six times")
        ended = next(each for each in await house.log() if isinstance(each.event, AttemptEnded))
        told = await explain(house.office.store, ended)
    assert "the session of anna (scripted) ended without work (stuck)" in told.event.words


def shown_as_text(view: AttemptView) -> None:
    """Check the text: escaped, indented, and shortened with the number of bytes left out."""
    data = msgspec.to_builtins(view)
    text, full = AttemptText().whole(data), AttemptText(full=True).whole(data)
    assert "I look. <U+001B>[2Jhidden" in text
    assert "\x1b" not in text
    assert "call 1: anna (m) answered; 20 tokens, 0.002 USD, 1.5 s" in text
    assert "so far: 0.004 USD and 40 tokens of 0.10 USD and 1000 tokens reserved; call 2 of at most 1000" in text
    assert "\n    run command=ls\n" in text
    assert "    [run] double.py" in text
    assert "answer:\n    not on record, or purged" in text
    assert "ended without work: declined: no" in text
    assert "bytes left out ...]" in text
    assert len(full) - len(text) > len(LONG) - TEXT_BYTES_MAX
    assert "bytes left out" not in full, "control: --full shows everything"


def followed(parts: list[AttemptPart]) -> None:
    """Check the order of the parts: the results of a call come with the next call."""
    shown = [(each.call.index, each.call.is_told, len(each.call.results)) for each in parts if each.call is not None]
    assert shown == [
        (0, False, 0),
        (0, True, 2),
        (1, False, 0),
        (1, True, 1),
        (2, False, 0),
        (2, True, 1),
        (3, False, 0),
    ]
    assert [(each.order.end, each.call is None) for each in parts][-1] == ("ended", True)
    text = FollowedText()
    lines = [text.next(msgspec.to_builtins(part)) for part in parts]
    assert lines[3] == "results of call 2:\n    [check] 1 of 2 fail\n"
    assert lines[-1] == "ended without work: declined: no"
