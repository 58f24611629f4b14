"""The manager's parts: its reactions, its duties and Reception, built anew for each time that they are at work."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agents.deadlines import Deadlines
from agents.delivering import Delivering
from agents.duty import Duty
from agents.library import Library
from agents.manager import Manager
from agents.ordering import Ordering
from agents.reception import Reception
from bus.blobs import Blobs
from bus.clock import now
from bus.fault import Fault
from bus.redaction import Redactor
from bus.work import WorkStream
from domain.errors import AuraError, Contention, Unavailable
from domain.message import Command
from governance.gate import Gate, Outcome
from governance.office import Office

FLUSH_S = 5.0
Act = Callable[[asyncio.Event], Awaitable[None]]


@dataclass(frozen=True)
class Parts:
    """`duties` look at the rows after each commit; `beside` what needs no rows. All run until told to stop."""

    manager: Manager
    send: Callable[[Command], Awaitable[Outcome]]
    duties: Sequence[Duty]
    beside: Sequence[Act]


@dataclass(frozen=True)
class Means:
    """What the manager works with. `deliveries`: the folder of the repositories."""

    office: Office
    gate: Gate
    blobs: Blobs
    library: Library
    redactor: Redactor
    deliveries: Path
    lease_margin_s: float
    fault: Fault
    say: Callable[[str], None]

    def parts(self) -> Parts:
        """A manager that has seen nothing yet."""
        manager, gate = Manager(lease_margin_s=self.lease_margin_s), self.gate
        work = WorkStream(self.office.client)

        async def send(command: Command) -> Outcome:
            try:
                outcome = await gate.handle(command)
            except (Contention, Unavailable):
                raise
            except AuraError:
                manager.forget(command)
                raise
            if not outcome.events or outcome.void:
                manager.forget(command)
            return outcome

        async def flush(stop: asyncio.Event) -> None:
            await _flush_refusals(gate, stop)

        reception = Reception(gate, self.office.loader, self.blobs, self.library, work, self.redactor, fault=self.fault)
        delivering = Delivering(
            self.office.store, self.blobs, self.library, send, self.deliveries, fault=self.fault, say=self.say
        )
        duties: list[Duty] = [Ordering(self.library, work, fault=self.fault), Deadlines(manager, send), delivering]
        return Parts(manager, send, duties, [reception.run, flush])


async def _flush_refusals(gate: Gate, stop: asyncio.Event) -> None:
    """Write the summaries of refusals that were held back, every few seconds and at the end."""
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), FLUSH_S)
        with suppress(Unavailable):  # they stay counted, and are written the next time
            await gate.flush_refusals(at=now(), everything=stop.is_set())
        if stop.is_set():
            return
