"""Permits of model calls with real servers: one call per permit, one cap for all calls, and no call during a stop."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from agents.manager.intake import Reception
from agents.manager.permits import Permitting
from agents.manager.signs_of_life import SignsOfLife
from agents.permits import PermitAnswer, PermitRefused, PermitRequest, Permits, TakenElsewhere
from agents.run_content import Library
from agents.workers.result import HandIn, message_of
from agents.working_copies.hand_over import HandedOver, upload_bucket
from bus.logger import Silent
from bus.redaction import Redactor
from bus.work_queue import WorkStream
from domain import organisation, run_messages
from domain.attempt import CALLS_MAX
from domain.money import Amount
from domain.snapshot import Snapshot
from domain.task import Assign, AttemptEnded, CallStarted, FinishCall
from tests.integration.desks import stamp
from tests.integration.house import House, Sample, of

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats]
CENT = Amount(Decimal("0.01"), 100)
CAP = Amount(Decimal("0.10"), 1000)
"""The reservation of the session: ten calls of one cent."""
WAIT_S = 60.0


class Session:
    """A run whose only task is assigned as a session, and the queue that its worker uses."""

    def __init__(self, house: House, ids: dict[str, Any], queue: WorkStream) -> None:
        self.house = house
        self.ids = ids
        self.queue = queue

    def permits(self, **changes: UUID) -> Permits:
        """Return the permits of one worker that took the order."""
        return Permits(self.queue, **{**self.ids, **changes}, ends_at=time.monotonic() + WAIT_S)

    async def ask(self, **changes: Any) -> PermitAnswer:
        """Send one request as it is."""
        employee = changes.pop("employee", self.ids["employee"])
        fields = {key: value for key, value in self.ids.items() if key != "employee"}
        request = PermitRequest(**{**fields, "index": 0, "bound": CENT, "claim": UUID(int=1), **changes})
        data = await self.queue.ask_permit(employee, msgspec.json.encode(request), WAIT_S)
        assert data is not None
        return msgspec.json.decode(data, type=PermitAnswer)

    async def receipt(self, index: int, cost: Amount) -> None:
        snapshot = Snapshot(outcome="answered", provider="scripted", endpoint="", model="m", cost=cost)
        await self.house.gate("manager").handle(FinishCall(**stamp(), **self.ids, snapshot=snapshot, index=index))

    async def started(self) -> list[CallStarted]:
        log = await self.house.log()
        return [each.event for each in of(log, self.ids["run"], "task.call_started")]  # type: ignore[misc]  # by its type


@asynccontextmanager
async def session(house: House, *, calls_max: int = CALLS_MAX, reservation: Amount = CAP) -> AsyncIterator[Session]:
    """Open a run with one session and a process that permits calls, without a manager that assigns work."""
    sample = Sample(1)
    employee = await house.hire("anna", {})
    async with house.running(("recorder",)):
        run = await house.submit(sample)
        gate = house.gate("manager")
        await gate.handle(run_messages.Admit(**stamp(), run=run))
        (planned,) = (await gate.handle(run_messages.Plan(**stamp(), run=run))).events
        ids: dict[str, Any] = {"run": run, "task": planned.event.tasks[0].id, "employee": employee, "order": uuid4()}  # type: ignore[union-attr]
        of_command: dict[str, Any] = dict(stamp())
        await gate.handle(
            Assign(
                **of_command,
                **ids,
                attempt=1,
                seed=1,
                reservation=reservation,
                due_at=of_command["at"] + 600_000_000,
                form="session",
                calls_max=calls_max,
            )
        )
        queue, stop = WorkStream(house.office.client), asyncio.Event()
        uploads = partial(upload_bucket, house.office.client)
        async with asyncio.TaskGroup() as group:
            group.create_task(Permitting(gate, house.office.loader, queue, SignsOfLife(), uploads).run(stop))
            await answered(queue)
            try:
                yield Session(house, ids, queue)
            finally:
                stop.set()


async def answered(queue: WorkStream) -> None:
    """Wait until the manager listens to requests. It answers one that cannot be decoded, and notes nothing."""
    async with asyncio.timeout(WAIT_S):
        while await queue.ask_permit(uuid4(), b"?", WAIT_S) is None:  # noqa: ASYNC110 - nothing tells of a subscription
            await asyncio.sleep(0.01)


async def test_each_call_has_a_permit_on_the_log(house: House) -> None:
    async with session(house) as at_work:
        permits = at_work.permits()
        assert [await permits.ask(CENT) for _ in range(3)] == [0, 1, 2]
        started = await at_work.started()
        assert [(event.index, event.bound) for event in started] == [(0, CENT), (1, CENT), (2, CENT)]
        assert len({event.claim for event in started}) == 1


async def test_the_calls_of_a_session_share_its_reservation(house: House) -> None:
    async with session(house) as at_work:
        permits = at_work.permits()
        for _ in range(10):
            await permits.ask(CENT)
        with pytest.raises(PermitRefused, match=r"0\.00 USD and 0 tokens left") as refused:
            await permits.ask(CENT)
        assert refused.value.code == "reservation_used_up"
        await at_work.receipt(3, Amount(Decimal("0.002"), 20))
        with pytest.raises(PermitRefused):
            await permits.ask(CENT)
        assert await permits.ask(Amount(Decimal("0.008"), 80)) == 10, "control: what a receipt gave back is free"


async def test_a_number_of_calls_is_kept(house: House) -> None:
    async with session(house, calls_max=2) as at_work:
        permits = at_work.permits()
        await permits.ask(CENT)
        await permits.ask(CENT)
        with pytest.raises(PermitRefused) as refused:
            await permits.ask(CENT)
        assert refused.value.code == "calls_used_up"


async def test_a_permit_that_was_asked_for_again_is_the_same(house: House) -> None:
    async with session(house) as at_work:
        assert (await at_work.ask()).status == "granted"
        again = await at_work.ask()
        assert (again.status, again.claim) == ("already_granted", UUID(int=1))
        other = await at_work.ask(claim=UUID(int=2))
        assert (other.status, other.claim) == ("already_granted", UUID(int=1))
        assert len(await at_work.started()) == 1
        with pytest.raises(TakenElsewhere):
            await at_work.permits().ask(CENT)
        assert (await at_work.ask(index=1)).status == "granted", "control: the next call"


async def test_nobody_asks_for_another_employee_or_another_order(house: House) -> None:
    async with session(house) as at_work:
        for changes in ({"employee": uuid4()}, {"order": uuid4()}, {"task": uuid4()}, {"run": uuid4()}):
            assert (await at_work.ask(**changes)).status == "refused", changes
        assert (await at_work.ask(bound=Amount(Decimal(-1), 1))).status == "refused"
        assert (await at_work.ask(index=5)).code == "not_next_call"
        data = await at_work.queue.ask_permit(at_work.ids["employee"], b"\xff no request", WAIT_S)
        assert data is not None
        assert msgspec.json.decode(data, type=PermitAnswer).code == "invalid"
        assert (await at_work.ask()).status == "granted", "control"


async def test_no_call_starts_during_a_pause(house: House) -> None:
    async with session(house) as at_work:
        permits = at_work.permits()
        assert await permits.ask(CENT) == 0
        await house.director.handle(organisation.Pause(**stamp(), reason="lunch"))
        refused = await at_work.ask(index=1, claim=uuid4())
        assert (refused.status, "paused" in refused.message) == ("refused", True)
        await house.director.handle(organisation.Resume(**stamp(), reason="back"))
        assert await permits.ask(CENT) == 1, "control"


async def test_no_call_starts_after_the_end_of_the_run(house: House) -> None:
    async with session(house) as at_work:
        permits = at_work.permits()
        assert await permits.ask(CENT) == 0
        end = run_messages.End(**stamp(), run=at_work.ids["run"], outcome="cancelled", reason="enough")
        await house.director.handle(end)
        with pytest.raises(PermitRefused, match="The run has ended"):
            await permits.ask(CENT)


async def test_without_a_manager_no_call_is_made(house: House) -> None:
    queue = WorkStream(house.office.client)
    ids = {"run": uuid4(), "task": uuid4(), "order": uuid4(), "employee": uuid4()}
    with pytest.raises(PermitRefused) as refused:
        await Permits(queue, **ids, ends_at=time.monotonic() + 1.0).ask(CENT)
    assert refused.value.code == "lease_ended"


async def test_a_sign_of_life_that_names_no_credential_is_refused(house: House) -> None:
    async with session(house) as at_work:
        permits = at_work.permits()
        assert not (await permits.standing("no credential.>")).ours
        assert (await permits.standing("workers")).ours, "control"


async def test_work_in_a_bucket_without_a_name_ends_the_attempt(house: House) -> None:
    """The name of the bucket comes from the worker. A bad name is no error of the manager."""
    lost: list[str] = []

    class Log(Silent):
        def error(self, event: str, **fields: object) -> None:
            lost.append(f"{event} {fields}")

    async with session(house) as at_work:
        await at_work.permits().ask(CENT)
        await at_work.receipt(0, CENT)
        intake = Reception(
            house.gate("manager"),
            house.office.loader,
            house.blobs,
            Library(house.blobs),
            at_work.queue,
            Redactor(),
            partial(upload_bucket, house.office.client),
            log=Log(),
        )
        work = HandedOver(pack="0" * 64, size=1)
        hand_in = HandIn(**at_work.ids, outcome="answered", handed=work, credential="no credential.>")
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(intake.run(stop))
            await at_work.queue.ensure()
            await at_work.queue.send_result(at_work.ids["employee"], "end", message_of(hand_in))
            log = await house.until_type(at_work.ids["run"], "task.attempt_ended")
            await asyncio.sleep(0.2)
            stop.set()
        (ended,) = [each.event for each in of(log, at_work.ids["run"], "task.attempt_ended")]
        assert isinstance(ended, AttemptEnded)
        assert ended.outcome == "bad_hand_in"
        assert lost == []


@pytest.mark.parametrize("spenders", [50, pytest.param(1000, marks=pytest.mark.slow)])
async def test_concurrent_spenders_never_exceed_the_cap(house: House, spenders: int) -> None:
    """Each spender asks for the next call until its request is refused. Some of them lie about index and claim."""
    async with session(house) as at_work:
        statuses: list[str] = []

        async def spend(number: int) -> None:
            for index in range(number % 4, CALLS_MAX):
                answer = await at_work.ask(index=index, claim=UUID(int=1000 + number))
                statuses.append(answer.code or answer.status)
                if answer.status == "refused":
                    return

        async with asyncio.TaskGroup() as group:
            for number in range(spenders):
                group.create_task(spend(number))
        started = await at_work.started()
        total = Amount()
        for event in started:
            assert event.bound is not None
            total = total + event.bound
        assert total == CAP, "control: the whole reservation was permitted, and nothing beyond it"
        assert [event.index for event in started] == [*range(10)]
        assert statuses.count("granted") == 10
        print(f"{spenders} spenders, {len(statuses)} requests, 10 granted")
