"""The gate on real servers: publish, guard, repeat, refuse, and record."""

import asyncio
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from bus.recorder import Recorder
from domain import employee, organisation, run_messages, task
from domain.errors import Forbidden, Refused
from domain.message import Command
from domain.money import Amount
from domain.run import task_id
from governance import keys
from governance.authority import Role
from governance.gate import Gate
from governance.office import Office


def at() -> int:
    return time.time_ns() // 1000


def stamp() -> dict[str, UUID | int]:
    return {"id": uuid4(), "at": at()}


@pytest.fixture
async def office(nats_url: str, postgres_dsn: str) -> AsyncIterator[Office]:
    office = await Office.open(nats_url, postgres_dsn)
    yield office
    await office.close()


async def test_walk(office: Office, tmp_path: Path) -> None:
    stop = asyncio.Event()
    recorder = Recorder(office.client, office.store)
    running = asyncio.create_task(recorder.run(stop))

    def gate(role: Role) -> Gate:
        return office.gate(keys.load_or_create(tmp_path / "keys", role))

    director, manager = gate("director"), gate("manager")
    await director.handle(organisation.Found(**stamp(), name="Aura", cap=Amount(Decimal(10), 10**6)))
    run = uuid4()
    submit = run_messages.Submit(
        **stamp(),
        run=run,
        title="t",
        requirement="0" * 64,
        sealed=None,
        allowance=run_messages.Allowance(amount=Amount(Decimal(1), 1000), minutes=5),
        plan=(run_messages.TaskPlan(name="T1", criteria=("A1",), scope=("a.py",)),),
        attempts_max=3,
    )
    first = await director.handle(submit)
    assert await director.handle(submit) == first
    admitted = await manager.handle(run_messages.Admit(**stamp(), run=run))
    assert [event.envelope.type for event in admitted.events] == ["organisation.budget_reserved", "run.admitted"]
    await manager.handle(run_messages.Plan(**stamp(), run=run))
    who = uuid4()
    profile = employee.Profile(name="e", provider="scripted", model="m", model_digest=None, style="chat", scripted=True)
    await director.handle(employee.Hire(**stamp(), employee=who, profile=profile))
    ids = {"run": run, "task": task_id(run, "T1"), "employee": who, "order": uuid4()}
    assign = task.Assign(**stamp(), **ids, seed=1, attempt=1, reservation=Amount(Decimal(0), 100), due_at=at() + 10**7)
    with pytest.raises(Forbidden):
        await gate("employee").handle(assign)
    assigned = await manager.handle(assign)
    assert assigned.events[0].envelope.employee == who
    with pytest.raises(Refused):
        await manager.handle(task.StartCall(**stamp(), **{**ids, "order": uuid4()}))
    await manager.handle(task.StartCall(**stamp(), **ids))
    await office.store.wait_recorded((await office.stream.info()).last_seq, 5)
    log = await office.store.read(0)
    assert [event.seq for event in log] == list(range(1, len(log) + 1))
    print([event.envelope.type for event in log])
    stop.set()
    await running


async def _unused(_: Command) -> None: ...
