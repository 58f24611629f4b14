"""The commands of a consumer: in order within a run, all sent before the commit, and sent again after a fault."""

import asyncio
from uuid import UUID, uuid4

import pytest

from bus.outbox import Outbox
from domain import employee
from domain.errors import Refused, Unavailable
from domain.message import Command
from tests.integration.desks import WAIT_S, stamp

ONE, TWO = uuid4(), uuid4()


def strike(who: UUID, number: int) -> employee.Strike:
    return employee.Strike(**stamp(), employee=who, incident=uuid4(), reason=f"{number}")


class Gate:
    """A gate that waits until it is open, and that fails once for each reason in `failing`."""

    def __init__(self, *failing: Exception) -> None:
        self.open = asyncio.Event()
        self.sent: list[tuple[UUID, str]] = []
        self._failing = list(failing)

    async def handle(self, command: Command) -> None:
        await self.open.wait()
        if self._failing:
            raise self._failing.pop()
        assert isinstance(command, employee.Strike)
        await asyncio.sleep(0.002 if command.reason == "0" else 0)
        self.sent.append((command.employee, command.reason))


async def test_commands_of_one_scope_keep_their_order_and_others_do_not_wait() -> None:
    gate, slow = Gate(), asyncio.Event()

    async def handle(command: Command) -> None:
        if isinstance(command, employee.Strike) and command.employee == ONE:
            await slow.wait()
        await gate.handle(command)

    outbox = Outbox(handle)
    gate.open.set()
    for number in range(3):
        outbox.put([strike(ONE, number), strike(TWO, number)])
    async with asyncio.timeout(WAIT_S):
        while len(gate.sent) < 3:  # noqa: ASYNC110 - nothing tells of a sent command
            await asyncio.sleep(0.001)
        assert gate.sent == [(TWO, "0"), (TWO, "1"), (TWO, "2")]
        slow.set()
        await outbox.empty()
    assert gate.sent[3:] == [(ONE, "0"), (ONE, "1"), (ONE, "2")]


async def test_it_is_empty_only_after_the_last_command() -> None:
    gate = Gate()
    outbox = Outbox(gate.handle)
    outbox.put([strike(ONE, 0)])
    emptied = asyncio.create_task(outbox.empty())
    await asyncio.sleep(0.01)
    assert not emptied.done()
    gate.open.set()
    await asyncio.wait_for(emptied, WAIT_S)
    assert gate.sent == [(ONE, "0")]


async def test_a_refusal_is_final_and_a_server_that_is_down_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bus.outbox.RETRY_WAIT_S", 0.001)
    gate = Gate(Refused("no"), Unavailable("down", hint="wait"))
    outbox = Outbox(gate.handle)
    gate.open.set()
    outbox.put([strike(ONE, 1), strike(ONE, 2)])
    await asyncio.wait_for(outbox.empty(), WAIT_S)
    assert gate.sent == [(ONE, "2")]  # the first was asked again and refused


async def test_a_defect_is_raised_and_a_closed_outbox_sends_nothing_more() -> None:
    gate = Gate(KeyError("defect"))
    outbox = Outbox(gate.handle)
    gate.open.set()
    outbox.put([strike(ONE, 1)])
    with pytest.raises(KeyError):
        await asyncio.wait_for(outbox.empty(), WAIT_S)
    gate.open.clear()
    outbox.put([strike(TWO, 1)])
    await outbox.close()
    gate.open.set()
    await asyncio.wait_for(outbox.empty(), WAIT_S)
    assert gate.sent == []
