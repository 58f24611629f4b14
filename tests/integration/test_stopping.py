"""A stop during a call still receives the answer and loses nothing. No duty waits for a clock or for a lease."""

import asyncio
from pathlib import Path

import pytest

from agents.delivery.override import signer
from agents.duty import Duty, insist, persevere
from agents.manager.briefing import Sizing
from agents.manager.deadlines import Deadlines
from agents.manager.delivery_steps import Delivering
from agents.manager.orders import Ordering
from agents.manager.prompt_sizes import PromptSizes
from agents.manager.reactor import Manager
from agents.manager.session_orders import SessionOrders
from agents.run_content import Library
from agents.verifier.judging import Judging
from agents.working_copies.packing import Packs, packs_bucket
from bus.work_queue import WorkStream
from domain.errors import Unavailable
from tests.integration.house import House, Sample, of
from verification.sandbox.bubblewrap import Bubblewrap

TURNS_MAX = 20
"""Turns of the event loop, in which no time passes. A task that waits for a clock does not end within them."""


async def test_a_call_at_hand_is_handed_in_before_the_stop(house: House) -> None:
    sample = Sample(1)
    await house.hire("anna", {task: [sample.right(task)] for task in sample.numbers}, delay_s=1.5)
    async with house.running():
        run = await house.submit(sample)
        await house.until_type(run, "task.call_started")
    async with house.running(roles=("recorder",)):
        log = await house.until_type(run, "task.call_finished")
    assert len(of(log, run, "task.call_finished")) == 1
    async with house.running():
        log = await house.until_type(run, "run.delivered")
    assert len(of(log, run, "task.call_started")) == 1
    assert not of(log, run, "task.released")


async def ends_at_once(task: asyncio.Task[None], stop: asyncio.Event) -> bool:
    """Whether a waiting task ends when it is told to, and not before."""
    for _ in range(TURNS_MAX):
        await asyncio.sleep(0)
    assert not task.done()
    stop.set()
    for _ in range(TURNS_MAX):
        await asyncio.sleep(0)
    try:
        return task.done()
    finally:
        await task


async def test_a_duty_that_waits_ends_when_it_is_told_to(house: House, tmp_path: Path) -> None:
    send, library = house.gate("manager").handle, Library(house.blobs)
    packs = Packs(house.blobs, packs_bucket(house.office.client))
    duties: list[Duty] = [
        Judging(Bubblewrap(), house.blobs, library, send),
        Delivering(house.office.loader.history, house.blobs, library, send, tmp_path, sign=signer(tmp_path)),
        Deadlines(Manager(), house.office.loader.history, send),
        Ordering(library, SessionOrders(library, packs), WorkStream(house.office.client), send),
        Sizing(Manager(sizes=PromptSizes()), library, send),
    ]
    for duty in duties:
        stop = asyncio.Event()
        assert await ends_at_once(asyncio.create_task(duty.run(stop)), stop), duty


@pytest.mark.parametrize("again", ["insist", "persevere"])
async def test_what_is_tried_again_ends_when_it_is_told_to(again: str) -> None:
    stop = asyncio.Event()
    said: list[str] = []

    async def act() -> None:
        raise Unavailable("It is away.", hint="Wait.")

    trying = insist(act, stop) if again == "insist" else persevere(act, stop, wanted=lambda: True, say=said.append)
    assert await ends_at_once(asyncio.create_task(trying), stop)
    assert said == (["It is away. Wait."] if again == "persevere" else [])
