"""An organisation with nothing to do uses less than 1% of a core in all, writes no event, and calls no model."""

from collections.abc import Mapping

import pytest

from bench import idle
from bench.idle import IdleSize

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats]
EMPLOYEES = 20
CORE_PERCENT_MAX = 1.0
MESSAGES_MAX = 8.0
"""Messages to NATS per second. With a request of each worker per second, there would be more than 20."""


def check(figures: Mapping[str, float]) -> None:
    print(*(f"{name}: {value:.2f}" for name, value in figures.items()), sep="\n")
    for nothing in ("events written", "growth of the stream, bytes", "growth of the log files, bytes", "model calls"):
        assert figures[nothing] == 0, nothing
    assert 0 < figures["messages to NATS per second"] < MESSAGES_MAX


@pytest.mark.timeout(300)
async def test_waiting_employees_send_a_few_messages_and_nothing_grows() -> None:
    check(await idle.ours(IdleSize(employees=EMPLOYEES, idle_s=6.0, settle_s=3.0)))


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_all_processes_together_use_less_than_a_hundredth_of_a_core() -> None:
    figures = await idle.ours(IdleSize(employees=EMPLOYEES, idle_s=120.0))
    check(figures)
    assert figures["all processes, % of a core"] < CORE_PERCENT_MAX
