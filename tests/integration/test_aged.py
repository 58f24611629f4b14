"""A run continues after its events have left the hot window. They are in Postgres, and so is the expected sequence."""

import asyncio
from typing import Any

import msgspec
import pytest

from tests.integration.desks import FOLLOWS, READS, WAIT_S, Desk, Desks

WINDOW_S = 1
NANO = 1_000_000_000
pytestmark = pytest.mark.parametrize("desks", [READS, FOLLOWS], indirect=True)


async def api(desk: Desk, what: str, body: Any = None) -> Any:
    payload = msgspec.json.encode(body) if body is not None else b""
    answer = msgspec.json.decode((await desk.office.client.request(f"$JS.API.STREAM.{what}.AURA", payload)).data)
    assert "error" not in answer, answer
    return answer


async def age(desks: Desks, desk: Desk) -> None:
    """Delete the events from the stream when they are recorded."""
    last = (await desks.recorded(desk))[-1].seq
    config = (await api(desk, "INFO"))["config"]
    await api(desk, "UPDATE", config | {"max_age": WINDOW_S * NANO, "duplicate_window": WINDOW_S * NANO})
    async with asyncio.timeout(WAIT_S):
        while (await desk.office.stream.info()).first_seq <= last:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.1)
    await api(desk, "UPDATE", config)


@pytest.mark.parametrize("known", [True, False], ids=["at-hand", "anew"])
async def test_a_run_whose_events_have_aged_out_goes_on(desks: Desks, desk: Desk, known: bool) -> None:
    run = await desk.planned()
    order = await desk.order(run)
    await desk.send("manager", order.assign())
    await age(desks, desk)
    gates = desk if known else await desks.open()
    start = order.start()
    started = await gates.send("manager", start)
    assert started.void is None
    assert len(started.events) == 1
    assert (await gates.send("manager", order.finish())).events
    assert (await gates.end(run)).events, "of the run itself, beside the task's own scope"
    assert await gates.send("manager", start) == started, "the first outcome, as often as it is sent"
    assert (await gates.state(run)).phase == "ended"
