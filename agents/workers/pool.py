"""The workers of one process: those named when it starts, or everybody in the staff's folder, newcomers too."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from uuid import UUID

from agents.duty import either
from agents.employees import postings
from agents.employees.contract import Employee
from agents.workers.worker import Queue, Worker
from bus.fault_points import Fault
from bus.logger import SILENT, Logger
from domain.errors import AuraError, Invalid

RESCAN_S = 0.5
Build = Callable[[postings.Posting, Mapping[str, str]], Employee]


class Workers:
    """Runs a worker for each posting. `names` None: for every file in the folder, looked at again every RESCAN_S."""

    def __init__(
        self,
        folder: Path,
        names: Sequence[str] | None,
        work: Callable[[], Queue],
        build: Build,
        environment: Mapping[str, str],
        *,
        fault: Fault = lambda _: None,
        say: Callable[[str], None] = lambda _: None,
        log: Logger = SILENT,
    ) -> None:
        self._folder = folder
        self._names = names
        self._work = work
        self._build = build
        self._environment = environment
        self._fault = fault
        self._say = say
        self._log = log.bind(role="employees")
        self._complaints: set[str] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until stopped. Raises NotFound for a name that is on no file, Invalid for one that cannot be built."""
        at_work: dict[UUID, tuple[postings.Posting, asyncio.Event]] = {}
        async with asyncio.TaskGroup() as group:
            try:
                while not stop.is_set():
                    for posting in self._postings():
                        known, ended = at_work.get(posting.id, (None, asyncio.Event()))
                        worker = None if posting == known else self._worker(posting)
                        if worker is not None:
                            ended.set()  # the same employee is reached in another way now
                            at_work[posting.id] = (posting, asyncio.Event())
                            group.create_task(worker.run(at_work[posting.id][1]))
                    await either(stop, wait_s=RESCAN_S)
            finally:
                # Also when cancelled: the cancel that the group passes on is lost in wait_for (Python 3.11) if an
                # answer comes at the same moment, and a worker that is not told would keep the process for ever.
                for _, ended in at_work.values():
                    ended.set()

    def _postings(self) -> list[postings.Posting]:
        if self._names is not None:
            return [postings.find(self._folder, name) for name in self._names]
        try:
            return postings.load_all(self._folder)
        except Invalid as error:
            self._complain(str(error))
            return []

    def _worker(self, posting: postings.Posting) -> Worker | None:
        """None for one of everybody who cannot be built: the others work on, and it is tried again at the next look."""
        try:
            employee = self._build(posting, self._environment)
        except AuraError as error:
            if self._names is not None:
                raise
            self._complain(str(error))
            return None
        except Exception as error:
            if self._names is not None:
                raise
            self._complain(f"The employee {posting.name} cannot be built: {type(error).__name__}.")
            return None
        return Worker(employee, self._work(), slots=posting.slots, fault=self._fault, log=self._log)

    def _complain(self, text: str) -> None:
        """Say it once, not at every look."""
        if text not in self._complaints:
            self._complaints.add(text)
            self._say(text)
