"""Status of a process: its file in run/, /livez, /readyz and /metrics."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from bus.clock import now
from bus.consumer import OnCommit, Runner
from bus.embedded.status import status
from bus.log_writer import OnRecorded
from bus.logger import SILENT, Logger
from bus.projection_rows import Rows
from bus.store import Store
from bus.stream_info import StreamInfo
from domain.waiting import Wait
from governance.log_session import LogSession
from observability import process_registry, prometheus_targets
from observability.approval_wait import Waiting
from observability.event_logging import Lines
from observability.health import Ask, Health, Positions
from observability.http_endpoint import LOOPBACK, TEXT, Endpoint, Page
from observability.process_registry import Presence, Serving, serving

if TYPE_CHECKING:
    from observability.lag_metrics import Backlog
    from observability.metrics import Metrics, Seen
    from observability.room_metrics import RoomMetrics

WaitReasonsOf = Callable[[Rows, Serving, int], Mapping[UUID, Wait]]
"""Finds the reasons of waiting runs from the manager's rows, the running roles and the time (microseconds UTC)."""
METRICS_KIND = "text/plain; version=0.0.4; charset=utf-8"


class Vitals:
    """The status of this process. Without `name` it is not listed. Without `port` it does not listen; 0: any port."""

    def __init__(
        self,
        home: Path,
        name: str | None,
        roles: Sequence[str],
        port: int | None,
        positions: Positions,
        *,
        host: str = LOOPBACK,
        log: Logger = SILENT,
    ) -> None:
        self.health = Health(tuple(roles), positions)
        self.url: str | None = None
        self.wait_reasons: WaitReasonsOf = lambda _rows, _serving, _now: {}
        self._home = home
        self._name = name
        self._roles = roles
        self._port = port
        self._host = host
        self._lines = Lines(log)
        self._metrics: Metrics | None = None
        self._runners: list[Runner] = []
        self._store: Store | None = None
        self._waiting: Waiting | None = None
        self._backlog: Backlog | None = None
        self._room: RoomMetrics | None = None
        self._stream: StreamInfo | None = None  # the stream's last answer
        self._presence: Presence | None = None
        self._endpoint = Endpoint({"/livez": self._live, "/readyz": self._ready, "/metrics": self._numbers})

    def begin(self, consumers: Sequence[str], *, recorder: bool) -> None:
        """Create the metrics of these consumers and the recorder, before the first of them is built."""
        if self._port is not None:
            from observability.metrics import Metrics

            self._metrics = Metrics(self._roles, consumers, recorder=recorder)

    def needs_log(self, office: LogSession) -> None:
        """Add checks for a process that reads the log: NATS, Postgres, and the end of the stream."""

        async def last() -> int:
            self._stream = None
            self._stream = await office.stream.info()
            return self._stream.last_seq

        self.health.dependencies |= {"nats": last, "postgres": office.store.recorded_up_to}
        self.health.last = last
        self._store = office.store
        self._waiting = Waiting(office.store)
        if self._metrics is not None and "recorder" in self._roles:
            from observability.lag_metrics import Backlog
            from observability.room_metrics import RoomMetrics

            self._backlog = Backlog(self._metrics.registry, office.store)
            self._room = RoomMetrics(self._metrics.registry, self._home)

    def needs_nats(self, answers: Ask) -> None:
        """Add the check for a process with a worker, which needs only NATS."""
        self.health.dependencies.setdefault("nats", answers)

    def watch(self, runner: Runner) -> None:
        """Add a consumer of this process. Its rows show open work and parked events."""
        self._runners.append(runner)

    def forget(self, runner: Runner) -> None:
        """Remove a consumer that has ended before the process, such as that of a manager that no longer leads."""
        self._runners.remove(runner)

    def on_commit(self, consumer: str) -> OnCommit:
        """Return the callback invoked after each committed batch."""
        told: list[OnCommit] = [self._lines.on_commit(consumer)]
        if self._metrics is not None:
            told.append(partial(self._metrics.on_commit, consumer))
        return partial(_each, told)

    def on_recorded(self) -> OnRecorded:
        """Return the callback invoked after each recorded batch."""
        told: list[OnRecorded] = [self._lines.on_recorded()]
        if self._metrics is not None:
            told.append(self._metrics.on_recorded)
        return partial(_each, told)

    async def open(self) -> None:
        """Listen, and write the entry of this process. Raises Unavailable if the port is taken."""
        if self._port is not None:
            self.url = await self._endpoint.open(self._port, self._host)
        if self._name is not None:
            self._presence = process_registry.present(self._name, self._roles, self.url)
            process_registry.post(self._home, self._presence)
            prometheus_targets.enter(self._home, self._presence)

    def rest(self) -> None:
        """Record that the duties have ended. A process ends only when all have processed the whole log."""
        if self._presence is not None:
            self._presence = msgspec.structs.replace(self._presence, resting=True)
            process_registry.post(self._home, self._presence)

    async def close(self) -> None:
        await self._endpoint.close()
        if self._presence is not None:
            process_registry.withdraw(self._home, self._presence)
            prometheus_targets.leave(self._home, self._presence)

    async def _live(self) -> Page:
        return Page(HTTPStatus.OK, TEXT, f"{os.getpid()} is alive\n".encode())

    async def _ready(self) -> Page:
        report = await self.health.check()
        status = HTTPStatus.OK if report.ready else HTTPStatus.SERVICE_UNAVAILABLE
        return Page(status, "application/json", msgspec.json.encode(report) + b"\n")

    async def _numbers(self) -> Page:
        from observability.metrics import Seen

        assert self._metrics is not None, "a process that listens has metrics"
        report = await self.health.check()
        if self._backlog is not None:
            await self._backlog.look(report.readers.get("recorder"))
        if self._metrics.findings is not None and self._store is not None:
            await self._metrics.findings.look(self._store)
        if self._room is not None:
            self._room.show(self._stream, await asyncio.to_thread(self._room.look))
        rows = {runner.projection.name: runner.rows for runner in self._runners}
        seen = await self._seen(rows["manager"]) if "manager" in rows else Seen()
        return Page(HTTPStatus.OK, METRICS_KIND, self._metrics.page(report, rows, seen))

    async def _seen(self, rows: Rows) -> "Seen":
        """Return the facts that the manager's rows do not have."""
        from observability.metrics import Seen

        wait_s = await self._waiting.longest_s(rows, now()) if self._waiting is not None else 0.0
        present = await asyncio.to_thread(self._serving)
        return Seen(now=now(), approval_wait_s=wait_s, waits=self.wait_reasons(rows, present, now()))

    def _serving(self) -> Serving:
        return serving(self._home, all_here=status(self._home).nats_data is not None)


def _each(told: Sequence[Callable[..., None]], *what: object) -> None:
    for tell in told:
        tell(*what)
