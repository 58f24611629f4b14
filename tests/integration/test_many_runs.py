"""Many runs at once, with real boxes and the real commands: every run is served in its turn, and all are delivered."""

from collections.abc import AsyncIterator, Mapping

import pytest

from bench import many
from bench.firm import Firm, firm
from bench.many import ManySize

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.needs_sandbox]
VERDICTS_AT_ONCE = 2


@pytest.fixture
async def here() -> AsyncIterator[Firm]:
    async with firm() as opened:
        yield opened


def check(figures: Mapping[str, float], size: ManySize) -> None:
    """All runs are delivered, and no run is passed over again and again while it waits.

    At the beginning, one run may get every employee, because no other run is there yet. A run whose tree waits may be
    passed by the verdicts that another run has begun, by that run's next turn, and by its merged tree.
    """
    for name, value in figures.items():
        print(f"{name}: {value:.2f}")
    assert figures["delivered"] == size.runs
    assert figures["a ready task: most served of one other run meanwhile"] <= size.employees
    assert figures["a tree: most served of one other run meanwhile"] <= VERDICTS_AT_ONCE + 2
    assert figures["approved to released: measured"] == size.approvals


@pytest.mark.timeout(400)
async def test_runs_of_all_sizes_are_served_in_turns(here: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "TASKS_MAX", 6)
    size = ManySize(runs=4, employees=3, approvals=1, statuses=1, window_s=300.0)
    check(await many.ours(here, size), size)


@pytest.mark.slow
@pytest.mark.timeout(2000)
async def test_two_hundred_runs_with_twenty_employees(here: Firm) -> None:
    size = ManySize(runs=200, employees=20, approvals=20, statuses=20, window_s=1800.0)
    figures = await many.ours(here, size)
    check(figures, size)
    assert figures["approved to released, p95, s"] < 10
