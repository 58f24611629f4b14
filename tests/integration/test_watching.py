"""Watching a run page by page, from its first to its last event. A run that its manager has parked is not awaited."""

from uuid import uuid4

import pytest

from bus import store
from director.cli.live_view import Watch
from director.cli.output import Door
from domain.errors import Failed
from domain.message import Recorded
from tests.integration.house import House, Sample

PAGE_EVENTS = 4


async def test_a_parked_run_is_not_waited_for(house: House) -> None:
    sample = Sample(1)
    await house.hire("anna", {task: [sample.right(task)] for task in sample.numbers})
    async with house.running():
        honest = await house.submit(sample)
        line = await Watch(house.office.store, honest, Door("watch", True), quiet=True).until_rest()
        assert line["phase"] == "delivered"
        halted = uuid4()
        async with house.office.store.connection() as connection:
            for consumer, scope in (("accountant", honest), ("accountant", halted), ("manager", halted)):
                await connection.execute(
                    f"INSERT INTO {consumer}.parked (scope, key, error) VALUES ($1, $2, 'KeyError')", scope, f"{9:020}"
                )
        assert (await Watch(house.office.store, honest, Door("watch", True), quiet=True).until_rest())["run"] == honest
        with pytest.raises(Failed, match="manager cannot process event 9") as raised:
            await Watch(house.office.store, halted, Door("watch", True), quiet=True).until_rest()
        assert "`aura down && aura replay manager && aura up`" in raised.value.hint


class Counted(store.Store):
    """A store with small pages that counts the reads."""

    read_events: list[Recorded]

    async def read(self, after: int, up_to: int = store.FAR, limit: int = PAGE_EVENTS) -> list[Recorded]:
        page = await super().read(after, up_to, limit)
        self.read_events += page
        return page


@pytest.mark.slow
@pytest.mark.ci
async def test_a_run_is_told_whole_and_nothing_before_or_after_it_is_read(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = Sample(2)
    await house.hire("anna", {task: [sample.wrong(task), sample.right(task)] for task in sample.numbers})
    async with house.running():
        runs = []
        for _ in range(3):
            runs.append(await house.submit(sample))
            await house.until_type(runs[-1], "run.delivered")
        log, middle = await house.log(), runs[1]
        own = [event for event in log if event.envelope.run == middle]
        assert own[0].seq > PAGE_EVENTS
        assert log[-1].seq > own[-1].seq  # there is something to leave out, on both sides
        counted = await Counted.open(house.postgres_dsn)
        counted.read_events = []
        await Watch(counted, middle, Door("watch", False)).until_rest()
        await counted.close()
    told = capsys.readouterr().out
    assert [event.seq for event in counted.read_events] == list(range(own[0].seq, own[-1].seq + 1))
    assert len(own) > PAGE_EVENTS
    for words in ("submitted: Adders", "attempt 1 to anna (scripted)", "T2: verified, by anna", "delivered to "):
        assert told.count(words) >= 1, told
    assert told.count("delivered to ") == 1
