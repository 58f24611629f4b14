"""Questions to the workers: whether an employee answers where it works, and what it has there."""

import asyncio
from collections.abc import Mapping
from uuid import UUID

import msgspec

from agents.workers.probing import Question, WorkerReport
from bus.probes import ProbeChannel
from bus.stream import connect
from domain.errors import Unavailable

CALL_WAIT_S = 30.0
"""The time that an employee has for the small call of a probe."""
LOOK_WAIT_S = 5.0
"""The time for saying whether its key is there and its server can be reached."""
MARGIN_S = 5.0
"""The additional time for the worker's own answer."""
NEWCOMER_WAIT_S = 2.0
"""The time after which somebody who was just hired has a worker."""
POLL_S = 0.1
NO_WORKER = "No worker serves this employee. `aura status` shows which processes run, `aura up` starts them."
_report = msgspec.json.Decoder(WorkerReport)


class Probed(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a question about one employee. `report` None: no worker answered, and `problem` says why."""

    problem: str = ""
    report: WorkerReport | None = None

    @property
    def said(self) -> str:
        """Return "ok", with the seconds of a call, or what is wrong."""
        return self.report.said if self.report is not None else self.problem


async def ask_workers(nats_url: str, employees: Mapping[UUID, str], *, call: bool) -> dict[UUID, Probed]:
    """Ask the worker of each employee (id -> name), all at once. `call`: with one small call of its model.

    Raises Unavailable if NATS does not answer.
    """
    wait_s = CALL_WAIT_S if call else LOOK_WAIT_S
    question = msgspec.json.encode(Question(call=call, wait_s=wait_s))
    client = await connect(nats_url, name="aura-probe")
    try:
        channel = ProbeChannel(client)
        results = await asyncio.gather(*(_asked(channel, one, question, wait_s) for one in employees))
    finally:
        await client.close()
    return dict(zip(employees, results, strict=True))


async def _asked(channel: ProbeChannel, employee: UUID, question: bytes, wait_s: float) -> Probed:
    data, deadline = None, asyncio.get_running_loop().time() + NEWCOMER_WAIT_S
    while data is None:
        try:
            data = await channel.ask(employee, question, wait_s + MARGIN_S)
        except Unavailable as error:
            return Probed(problem=str(error))
        if data is None and asyncio.get_running_loop().time() > deadline:
            return Probed(problem=NO_WORKER)
        await asyncio.sleep(0 if data is not None else POLL_S)
    try:
        report = _report.decode(data)
    except msgspec.DecodeError:
        return Probed(problem="The worker is of another release. Start it anew: aura down, then aura up.")
    return Probed(report=report)
