"""Questions to the workers: whether a worker can reach its employee, and whether the employee's key is set."""

import asyncio
from collections.abc import Mapping
from uuid import UUID

import msgspec

from agents.workers.probing import Question, WorkerReport
from bus.probes import ProbeChannel
from bus.stream import connect
from domain.errors import Unavailable

CALL_WAIT_S = 30.0
"""Time limit in seconds for the small call of a probe."""
LOOK_WAIT_S = 5.0
"""Time limit in seconds for the check of the key and the server."""
MARGIN_S = 5.0
"""Seconds added to the time limit for the worker's own answer."""
NEWCOMER_WAIT_S = 2.0
"""Seconds to wait until a new employee has a worker."""
POLL_S = 0.1
NO_WORKER = "No worker serves this employee. `aura status` shows which processes run, `aura up` starts them."
_report = msgspec.json.Decoder(WorkerReport)


class Probed(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a question about one employee. If no worker answered, `report` is None and `problem` has the
    reason.
    """

    problem: str = ""
    report: WorkerReport | None = None

    @property
    def said(self) -> str:
        """ "ok" with the duration of a call in seconds, or the problem."""
        return self.report.said if self.report is not None else self.problem


async def ask_workers(nats_url: str, employees: Mapping[UUID, str], *, call: bool) -> dict[UUID, Probed]:
    """Ask the workers of all employees (id -> name) at the same time. If `call` is true, each worker makes one small
    call to the model.

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
        return Probed(problem="The worker runs another release of Aura. Restart it: aura down, then aura up.")
    return Probed(report=report)
