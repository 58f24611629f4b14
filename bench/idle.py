"""Measurement of an organisation with nothing to do: `aura up` in a home of its own, with employees that wait.

The processor time is the sum of all processes: nats-server, Postgres with its sessions, the supervisor, and the staff.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen
from uuid import uuid4

import msgspec

from agents.employees import postings
from agents.employees.posting import Posting
from agents.employees.providers.table import profile_of
from bench.figures import Measure
from bus.clock import now
from bus.embedded.status import status
from domain.employee import Hire
from domain.errors import Failed
from domain.task import CallStarted
from governance import keys
from governance.log_session import LogSession
from sql import named

OURS = "Aura: everything of an idle organisation"
SETTLE_S = 20.0
"""Seconds between the last hire and the measurement. Postgres writes its checkpoint and cleans up meanwhile."""
TICKS = os.sysconf("SC_CLK_TCK")
MONITOR_WAIT_S = 5.0
PROJECT = Path(__file__).parents[1]


class IdleSize(msgspec.Struct, frozen=True):
    """Number of employees that wait, and the seconds of the measurement."""

    employees: int
    idle_s: float
    settle_s: float = SETTLE_S


class Used(msgspec.Struct, frozen=True):
    """The resources that an organisation has used up to a moment."""

    cpu_s: float
    last_event: int
    stream_bytes: int
    log_bytes: int
    written_bytes: int
    calls: int
    messages: int


def contestants(size: IdleSize) -> Mapping[str, Measure]:
    return {OURS: partial(ours, size)}


async def ours(size: IdleSize) -> Mapping[str, float]:
    """Start an organisation, let it wait, and return its figures."""
    with TemporaryDirectory(prefix="aura-idle-") as folder:
        home = Path(folder) / "home"
        os.chmod(folder, 0o755)  # the user of the database server must be able to enter it
        async with organisation(home) as session:
            await _hire(session, home, size.employees)
            await asyncio.sleep(size.settle_s)
            before, began = await used(session, home), time.perf_counter()
            await asyncio.sleep(size.idle_s)
            after, took_s = await used(session, home), time.perf_counter() - began
    return {
        "all processes, % of a core": 100 * (after.cpu_s - before.cpu_s) / took_s,
        "messages to NATS per second": (after.messages - before.messages) / took_s,
        "events written": after.last_event - before.last_event,
        "growth of the stream, bytes": after.stream_bytes - before.stream_bytes,
        "growth of the log files, bytes": after.log_bytes - before.log_bytes,
        "written by Postgres, bytes": after.written_bytes - before.written_bytes,
        "model calls": after.calls - before.calls,
    }


@asynccontextmanager
async def organisation(home: Path) -> AsyncIterator[LogSession]:
    """Run `aura up` in a home and yield a session of the Director. Run `aura down` at the end."""
    await _aura(home, "up", "--no-model")
    try:
        endpoints = status(home).endpoints
        assert endpoints is not None, "the stack runs"
        session = await LogSession.open(endpoints.nats_url, endpoints.postgres_dsn, name="bench")
        try:
            yield session
        finally:
            await session.close()
    finally:
        await _aura(home, "down")


async def _aura(home: Path, *arguments: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AURA_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "director", *arguments),
        env=environment | {"AURA_HOME": str(home), "AURA_ALLOW_DEGRADED": "1"},
        cwd=PROJECT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode:
        raise Failed(f"aura {arguments[0]} failed: {said.decode()[-500:]}", hint="Read the text above.")


async def _hire(session: LogSession, home: Path, employees: int) -> None:
    """Hire scripted employees. Their scripts are never played."""
    script = home / "script.json"
    script.write_text('{"T1": [{"a.py": ""}]}')
    director = session.gate(keys.load(home / "keys", "director"))
    for number in range(employees):
        posting = Posting(name=f"idle{number}", kind="scripted", script=str(script))
        postings.save(home / "employees", posting)
        await director.handle(Hire(id=uuid4(), at=now(), employee=posting.id, profile=profile_of(posting)))


async def used(session: LogSession, home: Path) -> Used:
    """Return what the organisation has used so far. The session's own share is a few milliseconds."""
    supervisor = status(home).supervisor_pid
    assert supervisor is not None, "the stack runs"
    cpu_s = await asyncio.to_thread(cpu_of_tree, supervisor)
    stream = await session.stream.info()
    async with session.store.connection() as connection:
        written = int(await connection.fetchval(named("bench_written")))
    log = await session.store.read(0, limit=stream.last_seq)
    return Used(
        cpu_s=cpu_s,
        last_event=stream.last_seq,
        stream_bytes=stream.bytes_used,
        log_bytes=sum(path.stat().st_size for path in (home / "run" / "logs").iterdir()),
        written_bytes=written,
        calls=sum(isinstance(recorded.event, CallStarted) for recorded in log),
        messages=await asyncio.to_thread(_messages, home),
    )


def _messages(home: Path) -> int:
    """Return the number of messages that nats-server has received."""
    monitor = json.loads((home / "run" / "nats.json").read_bytes())["http"]
    with urlopen(f"http://{monitor}/varz", timeout=MONITOR_WAIT_S) as answer:
        return int(json.load(answer)["in_msgs"])


def cpu_of_tree(root: int) -> float:
    """Return the processor seconds of a process and of everything below it, with children that have ended."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        parents[int(folder.name)] = int(fields[1])
        ticks[int(folder.name)] = sum(map(int, fields[11:15]))

    def below(pid: int) -> bool:
        while pid and pid != root:
            pid = parents.get(pid, 0)
        return pid == root

    return sum(used for pid, used in ticks.items() if below(pid)) / TICKS
