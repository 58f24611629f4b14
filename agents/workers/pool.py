"""The workers of one process. They serve the employees named at the start of the process, or the employee of each file
in the folder, including new files.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from uuid import UUID

import msgspec

from agents.duty import either
from agents.employees import postings
from agents.employees.account_files import AccountFile, accounts_of, folder_of, load_accounts, posting_through
from agents.employees.by_account import build_employee, first_way
from agents.employees.contract import Employee
from agents.employees.posting import Posting
from agents.workers.halting import HaltedWork, halt_order_in
from agents.workers.probing import Served
from agents.workers.session_box import SessionPlace
from agents.workers.session_runner import SessionRunner
from agents.workers.worker import Queue, Worker
from bus.fault_points import Fault
from bus.logger import SILENT, Logger
from bus.probes import Answer
from domain.errors import AuraError, Invalid, Unavailable

RESCAN_S = 0.5
SETTLED_S = 2.0
NANO = 1_000_000_000
Build = Callable[[Posting, Mapping[str, str]], Employee]


class Probes(Protocol):
    """Receives the probes of the employees that a process serves. `bus/probes.py` has the implementation."""

    async def serve(self, employee: UUID, answer: Answer, /) -> None: ...

    async def end(self, employee: UUID, /) -> None: ...


@dataclass
class AtWork:
    """One employee of this process, with its accounts. `worker` is None if the employee cannot be built.

    `ended`: the worker finishes its calls and takes no more orders. `before`: earlier workers of the employee that
    still finished their calls when this one began. A halt is for them, too.
    """

    posting: Posting
    accounts: tuple[AccountFile, ...]
    served: Served
    worker: Worker | None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    before: tuple[Worker, ...] = ()

    @property
    def workers(self) -> list[Worker]:
        """The workers that may have open calls."""
        return [*self.before, *([self.worker] if self.worker is not None else [])]

    def replace(self) -> None:
        """End the worker because a new worker serves the employee, or because the employee was dismissed."""
        if self.worker is not None:
            self.worker.replaced = True
        self.ended.set()

    async def answer(self, data: bytes) -> bytes:
        if halt_order_in(data) is not None:
            halted = await asyncio.gather(*(worker.halt() for worker in self.workers))
            cut = tuple(order for each in halted for order in each.cut)
            return msgspec.json.encode(HaltedWork(cut=cut, still=tuple(id for each in halted for id in each.still)))
        return await self.served.answer(data)


class Workers:
    """The workers of all postings, one worker for each. If `names` is None, each file in the folder is a posting, and
    the folder is looked at again every RESCAN_S seconds.

    A changed file describes another version, or another way to reach the same version. The old worker finishes its
    calls, and a new worker takes the next order. A removed file means that the employee was dismissed.
    """

    def __init__(
        self,
        folder: Path,
        names: Sequence[str] | None,
        work: Callable[[], Queue],
        build: Build,
        environment: Mapping[str, str],
        *,
        probes: Probes | None = None,
        sessions: SessionPlace | None = None,
        fault: Fault = lambda _: None,
        say: Callable[[str], None] = lambda _: None,
        log: Logger = SILENT,
    ) -> None:
        self._folder = folder
        self._names = names
        self._ids: set[UUID] | None = None  # ids of the named employees, read once because a name may change
        self._work = work
        self._build = build
        self._environment = environment
        self._probes = probes
        self._sessions = sessions
        self._fault = fault
        self._say = say
        self._log = log.bind(role="employees")
        self._complaints: set[str] = set()
        self._seen: object = None

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop`. Raises NotFound for a name without a file, Invalid for an employee that cannot be built."""
        at_work: dict[UUID, AtWork] = {}
        async with asyncio.TaskGroup() as group:
            try:
                while not stop.is_set():
                    if self._may_have_changed(at_work):
                        staff = self._postings()
                        if staff is None:
                            self._seen = None  # read again at the next look
                        else:
                            await self._follow(staff, at_work, group)
                    await either(stop, wait_s=RESCAN_S)
            finally:
                # This runs after a cancel, too. In Python 3.11, wait_for loses a cancel that comes at the same
                # moment as an answer. Without this event, such a worker would never end.
                for present in at_work.values():
                    present.ended.set()

    def _may_have_changed(self, at_work: Mapping[UUID, AtWork]) -> bool:
        """Return whether the files must be read again. It is cheap: it reads no file.

        A file may be written twice within the resolution of its time. So a file that was written in the last SETTLED_S
        seconds counts as changed. An employee that could not be built is tried again.
        """
        state = postings.state_of(self._folder) | postings.state_of(folder_of(self._folder))
        fresh_from = time.time_ns() - round(SETTLED_S * NANO)
        changed = state != self._seen or any(changed_at > fresh_from for *_, changed_at in state)
        self._seen = state
        return changed or any(present.worker is None for present in at_work.values())

    async def _follow(self, staff: Sequence[Posting], at_work: dict[UUID, AtWork], group: asyncio.TaskGroup) -> None:
        """Start, replace and end workers, so that they match the files."""
        for posting in staff:
            known, (accounts, why_not) = at_work.get(posting.id), self._accounts(posting)
            same = known is not None and known.posting == posting and known.accounts == accounts
            if same and known is not None and known.worker is not None:
                continue
            begun = self._begun(posting, accounts, why_not)
            if begun.worker is not None or not same:
                at_work[posting.id] = begun
                await self._answer_for(posting.id, begun)
            if begun.worker is not None:
                group.create_task(begun.worker.run(begun.ended))
            if known is not None and at_work[posting.id] is begun:
                begun.before = tuple(worker for worker in known.workers if worker.working)
                known.replace()
        for gone in at_work.keys() - {posting.id for posting in staff}:
            at_work.pop(gone).replace()
            if self._probes is not None:
                await self._probes.end(gone)

    async def _answer_for(self, employee: UUID, present: AtWork) -> None:
        if self._probes is None:
            return
        await self._probes.end(employee)
        try:
            await self._probes.serve(employee, present.answer)
        except Unavailable as error:
            self._complain(str(error))

    def _postings(self) -> Sequence[Posting] | None:
        """Return the postings to serve, or None if a file cannot be read. An unreadable file is not a dismissal."""
        try:
            staff = postings.load_all(self._folder)
        except Invalid as error:
            if self._names is not None and self._ids is None:
                raise
            self._complain(str(error))
            return None
        if self._names is None:
            return staff
        if self._ids is None:
            self._ids = {postings.find(self._folder, name).id for name in self._names}
        return [posting for posting in staff if posting.id in self._ids]

    def _accounts(self, posting: Posting) -> tuple[tuple[AccountFile, ...], str]:
        """Return the accounts of an employee, or none and the reason why they cannot be used."""
        if not posting.accounts:
            return (), ""
        try:
            return accounts_of(posting, load_accounts(self._folder)), ""
        except AuraError as error:
            if self._names is not None and self._ids is None:
                raise
            self._complain(str(error))
            return (), str(error)

    def _begun(self, posting: Posting, accounts: tuple[AccountFile, ...], why_not: str) -> AtWork:
        """Return an employee with its worker, which has not started yet.

        If the process serves all employees, an employee that cannot be built has no worker. The other employees work.
        The next scan of the folder tries again.
        """
        employee = None
        if not why_not:
            employee, why_not = self._employee(posting, accounts)
        ways = [(posting_through(posting, each), each.environment(self._environment)) for each in accounts]
        served = Served(posting, self._environment, first_way(employee) if employee else None, why_not, ways)
        if employee is None:
            return AtWork(posting, accounts, served, None)
        queue = self._work()
        sessions = SessionRunner(self._sessions, queue) if self._sessions is not None else None
        worker = Worker(employee, queue, slots=posting.slots, sessions=sessions, fault=self._fault, log=self._log)
        return AtWork(posting, accounts, served, worker)

    def _employee(self, posting: Posting, accounts: tuple[AccountFile, ...]) -> tuple[Employee | None, str]:
        """Return the employee, or None and the reason why it cannot be built."""
        try:
            return build_employee(self._build, posting, accounts, self._environment), ""
        except AuraError as error:
            if self._names is not None:
                raise
            why_not = str(error)
        except Exception as error:
            if self._names is not None:
                raise
            why_not = f"The employee {posting.name} cannot be built: {type(error).__name__}."
        self._complain(why_not)
        return None, why_not

    def _complain(self, text: str) -> None:
        """Report a problem once, not at every scan."""
        if text not in self._complaints:
            self._complaints.add(text)
            self._say(text)
