"""The reservation for a call is computed from its real prompt, which is known before the task is assigned."""

import asyncio
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import pytest
from msgspec.structs import replace

from agents.briefs.brief import Brief
from agents.manager import briefing, orders, routing
from agents.manager.briefing import Sizing, prompt_tokens
from agents.manager.orders import ORDER_BYTES_MAX, Ordering
from agents.manager.prompt_sizes import NOT_SIZED, PromptSizes
from agents.manager.reactor import Manager
from bus.projection import Cause
from domain import run_messages, task
from domain.employee import Profile
from domain.errors import NotFound, Unavailable
from domain.message import Command
from domain.money import Amount
from tests.orders import BRIEF
from tests.unit.samples import ASSIGNED, EMPLOYEE, FIRST, PLANNED, PROFILE, RUN
from tests.unit.test_faults import LATER, board, first_task

PRICED = replace(
    PROFILE, output_tokens_max=100, call_tokens_max=1100, call_usd_max=Decimal("0.0110"), prompt_usd_max=Decimal("0.01")
)


@pytest.mark.parametrize(
    ("size", "reserved"),
    [
        (0, Amount(Decimal("0.001"), 100)),
        (100, Amount(Decimal("0.002"), 200)),
        (999, Amount(Decimal("0.01099"), 1099)),
        (1000, Amount(Decimal("0.0110"), 1100)),
        (50_000, Amount(Decimal("0.0110"), 1100)),
        (NOT_SIZED, Amount(Decimal("0.0110"), 1100)),
        (None, Amount(Decimal("0.0110"), 1100)),
    ],
)
def test_a_reservation_is_as_large_as_its_prompt(size: int | None, reserved: Amount) -> None:
    assert routing.call_bound_of(PRICED, size) == reserved
    unknown = replace(PRICED, prompt_usd_max=None)
    assert routing.call_bound_of(unknown, size).usd == PRICED.call_usd_max
    assert routing.call_bound_of(unknown, size).tokens == reserved.tokens


def test_a_longer_brief_has_a_larger_prompt() -> None:
    longer = replace(BRIEF, base_files={"double.py": "x = 1\n" * 5000})
    assert prompt_tokens(longer) > prompt_tokens(BRIEF) + 9000
    assert prompt_tokens(replace(BRIEF, prose="\ud800")) > 0, "half of a surrogate pair ends nothing"


class House:
    """The parts that the duties need: a manager, and a list of its commands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, brief: Brief | Exception) -> None:
        async def brief_for(library: Any, state: Any, part: Any) -> Brief:
            del library, state, part
            if isinstance(brief, Exception):
                raise brief
            return brief

        monkeypatch.setattr(briefing, "brief_for", brief_for)
        monkeypatch.setattr(orders, "brief_for", brief_for)
        self.manager = Manager(sizes=PromptSizes())
        self.sent: list[Command] = []
        self.ordered: list[bytes] = []
        self.some = asyncio.Event()

    async def send(self, command: Command) -> Any:
        self.sent.append(command)
        self.some.set()

    async def ensure(self) -> None:
        """There are streams."""

    async def created_at(self) -> object:
        return "the first streams"

    async def ensure_orders_of(self, employee: UUID) -> None:
        del employee

    async def send_order(self, employee: UUID, order: UUID, data: bytes) -> None:
        del employee, order
        self.ordered.append(data)
        self.some.set()


async def assigned(house: House) -> task.Assign:
    """Return the commands of the duty that sizes prompts."""
    rows = board(*PLANNED)
    assert list(house.manager.dispatch(rows, Cause(UUID(int=5), LATER))) == [], "nothing is assigned before it is sized"
    duty = Sizing(house.manager, cast(Any, None), house.send)
    stop = asyncio.Event()
    duty.note(rows, live=True)
    async with asyncio.TaskGroup() as group:
        group.create_task(duty.run(stop))
        await house.some.wait()
        stop.set()
    (command,) = house.sent
    assert isinstance(command, task.Assign)
    return command


async def test_a_task_is_assigned_once_its_prompt_is_sized(monkeypatch: pytest.MonkeyPatch) -> None:
    command = await assigned(House(monkeypatch, BRIEF))
    assert command.reservation == routing.call_bound_of(PROFILE, prompt_tokens(BRIEF))
    assert command.reservation.tokens < PROFILE.call_tokens_max


@pytest.mark.parametrize("error", [NotFound("It was purged."), RecursionError("deep"), ValueError("odd")])
async def test_a_prompt_that_cannot_be_sized_is_reserved_at_its_most(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    command = await assigned(House(monkeypatch, error))
    assert command.reservation == routing.call_bound_of(PROFILE)


def test_a_small_prompt_is_paid_for_by_a_budget_that_the_longest_would_not_fit() -> None:
    manager = Manager(sizes=PromptSizes())
    small = replace(PROFILE, call_tokens_max=10**6, call_usd_max=Decimal(9), prompt_usd_max=Decimal("8.95"))
    events = [
        replace(event, task_caps={}, on_budget="end") if isinstance(event, run_messages.Submitted) else event
        for event in PLANNED
    ]
    rows = board(*events)
    rows_small = board(*events, profile=small)
    assert manager.sizes is not None
    manager.sizes.put(RUN, first_task(*PLANNED), 300)
    (command,) = manager.dispatch(rows_small, Cause(UUID(int=6), LATER))
    assert isinstance(command, task.Assign)
    manager.picks.clear()
    manager.sizes.put(RUN, first_task(*PLANNED), 10**6 - 600)
    (end,) = manager.dispatch(rows_small, Cause(UUID(int=7), LATER))
    assert isinstance(end, run_messages.End)
    assert "with a prompt of about 999400 tokens" in end.reason
    assert list(Manager().dispatch(rows, Cause(UUID(int=8), LATER))), "control"


async def ordered(house: House) -> None:
    """Run the duty that sends orders on an assignment."""
    duty, stop = Ordering(cast(Any, None), cast(Any, None), cast(Any, house), house.send), asyncio.Event()
    duty.note(board(*ASSIGNED), live=True)
    duty.note(board(*ASSIGNED), live=True)
    async with asyncio.TaskGroup() as group:
        group.create_task(duty.run(stop))
        await house.some.wait()
        stop.set()


async def test_an_order_that_fits_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch, BRIEF)
    await ordered(house)
    assert (len(house.ordered), house.sent) == (1, [])


@pytest.mark.parametrize(
    ("brief", "outcome"),
    [
        (replace(BRIEF, base_files={"a.py": "x" * (ORDER_BYTES_MAX + 1)}), "prompt_too_large"),
        (replace(BRIEF, prose="half \ud800"), "defect"),
        (NotFound("It was purged."), "defect"),
        (ValueError("odd"), "defect"),
    ],
)
async def test_an_order_that_cannot_be_sent_ends_its_call_and_costs_nothing(
    monkeypatch: pytest.MonkeyPatch, brief: Brief | Exception, outcome: str
) -> None:
    house = House(monkeypatch, brief)
    await ordered(house)
    (end,) = house.sent
    assert isinstance(end, task.EndAttempt)
    assert end.outcome == outcome
    assert (end.run, end.task, end.employee) == (RUN, FIRST, EMPLOYEE)
    assert end.cause is not None
    assert house.ordered == []


async def test_an_order_waits_for_a_store_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch, Unavailable("It is away."))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await ordered(house)
    assert house.sent == []


def test_a_profile_without_prompt_limits_is_no_danger() -> None:
    odd: Profile = replace(PROFILE, output_tokens_max=512, call_tokens_max=512)
    assert routing.call_bound_of(odd, 0) == routing.call_bound_of(odd)


def test_a_size_that_is_wanted_in_vain_names_its_run_once() -> None:
    sizes, part = PromptSizes(), first_task(*PLANNED)
    assert sizes.wanted(RUN, part) is None
    assert sizes.missed() == {RUN}
    assert sizes.missed() == set(), "it is measured only once"
    sizes.put(RUN, part, 7)
    assert sizes.wanted(RUN, part) == 7
    assert sizes.missed() == set(), "control: a known size is not missed"
