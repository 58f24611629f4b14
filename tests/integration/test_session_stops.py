"""A pause, a suspension, a stop and a lost worker during a session: no further call, and the record is kept."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from agents.permits import SignTimes
from domain import employee, organisation, task
from domain.employee import SessionTerms
from domain.message import Recorded
from runtime.composition import Organisation
from runtime.process_config import STAFF_ROLES, Setup
from tests.integration.desks import stamp
from tests.integration.house import House, Sample, of
from tests.integration.test_sessions import hire
from tests.turns import Turn, turn

pytestmark = [
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.needs_sandbox,
    pytest.mark.slow,
    pytest.mark.ci,
]
TIMES = SignTimes(every_s=0.2, silence_max_s=2.0, take_wait_s=4.0)
STEPS = 40


def long_session(sample: Sample) -> dict[str, list[Turn]]:
    """Return the turns of a session that takes some seconds."""
    steps = [turn("run", command=f"sleep 0.2; echo {number}") for number in range(STEPS)]
    write = turn("write", path="adder_t1.py", content=sample.right("T1")["adder_t1.py"])
    return {"T1": [*steps, write, turn("submit")]}


def calls(log: Sequence[Recorded], run: UUID) -> int:
    return len(of(log, run, "task.call_started"))


async def test_a_pause_stops_a_session_before_its_next_call_and_a_resume_continues_it(house: House) -> None:
    sample = Sample(1)
    await hire(house, long_session(sample))
    async with house.running(sign_times=TIMES):
        run = await house.submit(sample)
        await house.until_type(run, "task.call_finished", count=3)
        await house.director.handle(organisation.Pause(**stamp(), reason="lunch"))
        await asyncio.sleep(1.5)
        paused = calls(await house.log(), run)
        await asyncio.sleep(2.5)
        assert calls(await house.log(), run) == paused < STEPS, "no call is permitted in a pause"
        await house.director.handle(organisation.Resume(**stamp(), reason="back"))
        log = await house.until_type(run, "run.delivered")
    assert len(of(log, run, "task.assigned")) == 1, "it is the same attempt"


async def test_a_suspension_ends_a_session_at_its_next_call(house: House) -> None:
    sample = Sample(1)
    ada = await hire(house, long_session(sample))
    async with house.running(sign_times=TIMES):
        run = await house.submit(sample)
        await house.until_type(run, "task.call_finished", count=3)
        await house.director.handle(employee.Suspend(**stamp(), employee=ada, reason="a look at its work"))
        log = await house.until_type(run, "task.released")
        ended = calls(log, run)
        await asyncio.sleep(2.0)
        log = await house.log()
        assert calls(log, run) == ended < STEPS
        assert of(log, run, "task.submitted") == [], "the work of a suspended employee is not handed in"
        await house.director.handle(employee.Reinstate(**stamp(), employee=ada, reason="the work is good"))
        log = await house.until_type(run, "run.delivered")
    assert len(of(log, run, "task.assigned")) == 2, "control: the task is done after the end of the suspension"


async def test_a_lost_worker_is_noticed_and_its_open_call_is_settled_at_its_bound(house: House) -> None:
    sample = Sample(1)
    await hire(house, long_session(sample), delay_s=0.3)
    async with house.running(STAFF_ROLES, sign_times=TIMES):
        worker = asyncio.create_task(_worker_until_killed(house))
        run = await house.submit(sample)
        await house.until(lambda log: any(_is_open(log, run, index) for index in range(2, STEPS)))
        worker.cancel()
        await asyncio.wait({worker})
        log = await house.until_type(run, "task.released")
        (released,) = [each.event for each in of(log, run, "task.released")]
        assert isinstance(released, task.Released)
        assert released.reason == "worker_lost"
        receipts = [each.event for each in of(log, run, "task.call_finished")]
        assert receipts, "the receipts that came before stay"
        prompts = [event.prompt for event in receipts if isinstance(event, task.CallFinished)]
        assert [digest for prompt in prompts for digest in prompt.messages if not await house.blobs.get(digest)] == []
        started = [each.event for each in of(log, run, "task.call_started")]
        open_calls = started[len(receipts) :]
        bounds = [event.bound for event in open_calls if isinstance(event, task.CallStarted) and event.bound]
        assert released.cut_off == bool(bounds)
        assert released.charged.tokens == sum(bound.tokens for bound in bounds)
        async with house.running(("employees",), sign_times=TIMES):
            log = await house.until_type(run, "run.delivered")
    assert len(of(log, run, "task.submitted")) == 1


async def test_an_order_that_no_worker_takes_is_given_out_again(house: House) -> None:
    sample = Sample(1)
    await hire(house, {"T1": [turn("decline", reason="no")]})
    async with house.running(STAFF_ROLES, sign_times=TIMES):
        run = await house.submit(sample)
        log = await house.until_type(run, "task.released")
        (released,) = [each.event for each in of(log, run, "task.released")][:1]
        assert isinstance(released, task.Released)
        assert (released.reason, released.cut_off) == ("not_taken", False)


async def test_a_worker_that_stops_gives_its_session_back(house: House) -> None:
    sample = Sample(1)
    await hire(house, long_session(sample))
    async with house.running(STAFF_ROLES, sign_times=TIMES):
        async with house.running(("employees",), sign_times=TIMES):
            run = await house.submit(sample)
            await house.until_type(run, "task.call_finished", count=3)
        log = await house.until_type(run, "task.attempt_ended")
        (ended,) = [each.event for each in of(log, run, "task.attempt_ended")]
        assert isinstance(ended, task.AttemptEnded)
        assert (ended.outcome, ended.counts) == ("cancelled", False)
        async with house.running(("employees",), sign_times=TIMES):
            log = await house.until_type(run, "run.delivered")
    assigned = [each.event for each in of(log, run, "task.assigned")]
    assert [event.attempt for event in assigned if isinstance(event, task.Assigned)][-1] == 1, "no attempt is used up"


async def test_a_session_that_uses_up_its_calls_hands_in_what_it_has(house: House) -> None:
    sample = Sample(1)
    write = turn("write", path="adder_t1.py", content=sample.right("T1")["adder_t1.py"])
    await hire(house, {"T1": [write, *(turn("run", command=f"echo {number}") for number in range(STEPS))]}, calls_max=4)
    async with house.running(sign_times=TIMES):
        run = await house.submit(sample)
        log = await house.until_type(run, "run.delivered")
    assert calls(log, run) == 4


async def test_a_session_that_uses_up_its_time_in_a_command_hands_in_what_it_has(house: House) -> None:
    sample = Sample(1)
    write = turn("write", path="adder_t1.py", content=sample.right("T1")["adder_t1.py"])
    await hire(house, {"T1": [write, turn("run", command="sleep 60"), turn("submit")]}, minutes=0.1)
    async with house.running(sign_times=TIMES, lease_margin_s=4.0):
        run = await house.submit(sample)
        log = await house.until_type(run, "run.delivered")
    assert calls(log, run) == 2
    assert len(of(log, run, "task.assigned")) == 1


async def _worker_until_killed(house: House) -> None:
    """Run a worker without an orderly end: a cancel ends it at once, and it hands nothing in."""
    setup = Setup(
        home=house.home,
        nats_url=house.nats_url,
        postgres_dsn=house.postgres_dsn,
        worker_nats_url=house.worker_nats_url,
        roles=("employees",),
        allow_degraded=True,
        sign_times=TIMES,
    )
    await Organisation(setup).run(asyncio.Event())


def _is_open(log: Sequence[Recorded], run: UUID, index: int) -> bool:
    started, finished = (
        {
            each.event.index
            for each in of(log, run, kind)
            if isinstance(each.event, task.CallStarted | task.CallFinished)
        }
        for kind in ("task.call_started", "task.call_finished")
    )
    return index in started and index not in finished


assert SessionTerms().calls_max > STEPS
