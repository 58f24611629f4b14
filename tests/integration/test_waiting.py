"""The reason why a run waits, found as in the commands: from the rows in Postgres, the processes and parked events."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from director.cli.live_view import POLL_S, Watch
from director.cli.output import Door
from director.services.waiting import Waits
from director.settings import Settings
from domain import organisation, run_messages
from domain.waiting import Wait
from tests.integration.house import House, Sample, at
from tests.integration.peephole import peephole, total

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats]


ASKED_MAX = 400


def settings_of(house: House, monkeypatch: pytest.MonkeyPatch, *, nats_url: str = "nats://elsewhere") -> Settings:
    monkeypatch.setenv("AURA_HOME", str(house.home))
    monkeypatch.setenv("AURA_NATS_URL", nats_url)
    return Settings()


async def reason(ask: Callable[[UUID], Awaitable[Wait | None]], run: UUID, code: str) -> Wait:
    """Wait until the reason has this code, and return it."""

    wait: Wait | None = None
    for _ in range(ASKED_MAX):
        wait = await ask(run)
        if wait is not None and wait.code == code:
            return wait
        await asyncio.sleep(POLL_S)
    raise AssertionError(f"the reason never was {code}: it is {wait}")


async def test_a_run_says_why_it_waits_until_somebody_is_hired(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:

    sample, waits = Sample(), Waits(house.office.store, settings_of(house, monkeypatch))
    async with house.running(["recorder", "manager"], metrics_port=0) as running:
        run = await house.submit(sample)
        watching = asyncio.create_task(
            Watch(house.office.store, run, Door("watch", True), quiet=True, waits=waits.of).until_rest()
        )
        assert (await reason(waits.of, run, "no_staff")).hint == "Hire somebody: aura hire --help"
        assert [(one.run, one.waiting.code) for one in await waits.all()] == [(run, "no_staff")]
        await peephole(running).caught_up()
        numbers = await peephole(running).numbers()
        assert total(numbers, "aura_waiting_runs", reason="no_staff") == total(numbers, "aura_waiting_runs") == 1
        await asyncio.sleep(3)  # the reason has lasted for the time after which it is said
        await house.director.handle(organisation.Pause(id=uuid4(), at=at(), reason="lunch"))
        await reason(waits.of, run, "paused")
        await house.director.handle(organisation.Resume(id=uuid4(), at=at(), reason="done"))
        await house.hire("anna", {"T1": [sample.right("T1")]})
        await house.until_type(run, "task.assigned")
        await house.director.handle(
            run_messages.End(id=uuid4(), at=at(), run=run, outcome="cancelled", reason="enough is known")
        )
        assert (await watching)["outcome"] == "cancelled"
        assert await waits.of(run) is None
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("waits: Nobody is on the staff.\n") == 1


async def test_a_consumer_that_is_parked_or_stands_still_is_named(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = Waits(house.office.store, settings_of(house, monkeypatch))
    async with house.running(["recorder", "manager"]):
        runs = [await house.submit(Sample()), await house.submit(Sample())]
        for run in runs:
            await reason(waits.of, run, "no_staff")
    async with house.running(["recorder"]):  # no manager, and nobody who says so: it may be elsewhere
        late = await house.submit(Sample())
        await house.until_type(late, "run.submitted")
        assert "The manager does not read the log: it is " in (await reason(waits.of, runs[0], "behind")).message
        assert (await waits.of(late)) == await reason(waits.of, late, "behind")
    async with house.office.store.connection() as connection:
        await connection.execute(
            "INSERT INTO manager.parked (scope, key, error) VALUES ($1, $2, 'KeyError')", runs[0], f"{9:020}"
        )
    wait = await waits.of(runs[0])
    assert wait is not None
    assert (wait.code, "manager cannot process event 9" in wait.message) == ("parked", True)
    assert "aura replay manager" in wait.hint


async def test_processes_that_are_away_are_named_where_nobody_can_be_elsewhere(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = Waits(house.office.store, settings_of(house, monkeypatch, nats_url=""))
    async with house.running(["recorder", "manager"], name="organisation"):
        run = await house.submit(Sample())
        await reason(waits.of, run, "no_staff")
    assert (await reason(waits.of, run, "not_running")).hint == "Start it: aura up"
    async with house.running(["recorder"], name="recorder"):
        assert "aura status" in (await reason(waits.of, run, "no_manager")).hint
    elsewhere = Waits(house.office.store, settings_of(house, monkeypatch))
    wait = await elsewhere.of(run)
    assert wait is not None
    assert wait.code == "no_staff", "the control: processes may be on another machine"
