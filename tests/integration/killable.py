"""A process of the organisation for kill tests: a trap can make it kill itself or a server.

`python -m tests.integration.killable PLAN.json` runs until SIGTERM. If the plan's `armed` file exists ("POINT N PID
DELAY_S"), the N-th passing of this point sends SIGKILL to a process. PID 0 means this process. Each call of an employee
adds a line to `witness` before the call.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import asyncpg
import msgspec

from agents.employees.contract import Answer, Employee, ModelResult, Order
from agents.employees.conversation import CallRequest, Model
from agents.employees.posting import Posting
from agents.employees.providers.scripted import Recording, ScriptedEmployee
from agents.employees.providers.scripted_model import ScriptedModel
from agents.permits import SignTimes
from bus.consumer import Runner
from bus.fault_points import Fault
from bus.projection import Projection
from bus.projection_rows import Rows
from bus.projection_tables import Tables
from bus.store import Store
from governance.log_session import LogSession
from projections.accountant import AccountantProjection
from runtime.composition import Organisation
from runtime.process_config import STAFF_ROLES, Setup
from tests.integration.house import as_share

SIGN_TIMES = SignTimes(every_s=0.5, silence_max_s=3.0, take_wait_s=6.0)
MID_CALL = "employee:calling"
"""A point inside a call, after the witness line is written."""
BETWEEN = "accountant:between-checkpoint-and-rows"
"""A point that exists only if the accountant writes in two steps, and only if there are rows to write."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The plan.

    `accountant`: a part of the organisation, or a separate one that writes in two steps, rightly or too early.
    """

    home: str
    nats_url: str
    postgres_dsn: str
    lease_margin_s: float
    armed: str
    ready: str
    witness: str
    accountant: Literal["own", "honest", "early"] = "own"


class Trap:
    """A trap that kills at the armed point: this process immediately, or another process after the delay."""

    def __init__(self, armed: Path) -> None:
        self._armed = armed
        self._order = ""
        self._passed = 0

    def __call__(self, point: str) -> None:
        try:
            order = self._armed.read_text()
        except FileNotFoundError:
            return
        if order != self._order:
            self._order, self._passed = order, 0
        wanted, nth, pid, delay_s = order.split()
        if point == wanted:
            self._passed += 1
            if self._passed == int(nth):
                _kill(int(pid), float(delay_s))


def _kill(pid: int, delay_s: float) -> None:
    if pid == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        threading.Timer(delay_s, os.kill, (pid, signal.SIGKILL)).start()


class Witnessed(ScriptedEmployee):
    """An employee that writes a line (order, task and employee) before each call."""

    witness: Path
    fault: Fault

    async def work(self, order: Order) -> Answer:
        with self.witness.open("a") as file:
            file.write(f"{order.id} {order.task} {self.name}\n")
        self.fault(MID_CALL)
        return await super().work(order)

    def model_for(self, order: Order) -> Model:
        made = super().model_for(order)
        assert isinstance(made, ScriptedModel)
        return WitnessedModel(made, self, order)


class WitnessedModel(ScriptedModel):
    """The model of a session. It writes a line (order, task, employee and index) before each call."""

    def __init__(self, made: ScriptedModel, employee: Witnessed, order: Order) -> None:
        self.__dict__.update(made.__dict__)
        self._witness = employee
        self._order = order
        self._calls = 0

    async def complete(self, request: CallRequest) -> ModelResult:
        with self._witness.witness.open("a") as file:
            file.write(f"{self._order.id} {self._order.task} {self._witness.name} {self._calls}\n")
        self._calls += 1
        self._witness.fault(MID_CALL)
        return await super().complete(request)


class TwoSteps(Tables):
    """A consumer that writes checkpoint and rows as two statements in one transaction, with a point between them.

    early: the checkpoint is committed in a separate transaction before the rows. The checks must find this fault.
    """

    def __init__(self, projection: Projection, store: Store, fault: Fault, *, early: bool) -> None:
        super().__init__(projection.name, projection.tables)
        self._store = store
        self._fault = fault
        self._early = early

    async def commit(self, connection: asyncpg.Connection, rows: Rows, before: int, after: int) -> bool:
        async with connection.transaction(), self._store.connection() as other:
            moving = other if self._early else connection
            moved = await moving.execute(f"UPDATE {self.schema}.checkpoint SET seq = $2 WHERE seq = $1", before, after)
            if moved != "UPDATE 1":
                return False
            if any(rows.changed()):
                self._fault(BETWEEN)
            await self.write(connection, rows)
        return True


async def main(plan: Plan) -> None:
    stop, trap = asyncio.Event(), Trap(Path(plan.armed))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    def build(posting: Posting, environment: Mapping[str, str]) -> Employee:
        del environment
        script = Recording.load(Path(posting.script))
        made = Witnessed(id=posting.id, name=posting.name, script=script, delay_s=posting.delay_s)
        made.witness, made.fault = Path(plan.witness), trap
        return made

    roles = [role for role in STAFF_ROLES if plan.accountant == "own" or role != "accountant"]
    setup = Setup(
        home=Path(plan.home),
        nats_url=plan.nats_url,
        postgres_dsn=plan.postgres_dsn,
        roles=(*roles, "employees"),
        judge=as_share,
        allow_degraded=True,
        lease_margin_s=plan.lease_margin_s,
        sign_times=SIGN_TIMES,
        build=build,
        fault=trap,
    )
    drained = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        if plan.accountant != "own":
            group.create_task(_account(plan, drained, trap))
        try:
            await Organisation(setup).run(stop, Path(plan.ready).touch)
        finally:
            drained.set()  # whoever counts events hears the last of them


async def _account(plan: Plan, stop: asyncio.Event, trap: Trap) -> None:
    """Run only the accountant, as `aura serve accountant` does."""
    office = await LogSession.open(plan.nats_url, plan.postgres_dsn, name="accountant")
    runner = Runner(office.client, office.store, AccountantProjection(), fault=trap)
    runner.tables = TwoSteps(runner.projection, office.store, trap, early=plan.accountant == "early")
    await runner.run(stop)
    await office.close()


if __name__ == "__main__":
    asyncio.run(main(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan)))
