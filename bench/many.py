"""Measurement of many runs at once: are they served fairly, how much memory does each need, and is Aura still quick?

The staff runs in a process of its own, as with `aura serve all`. All runs are submitted at once. The code of each task
is judged in real boxes. Some first answers are wrong. Meanwhile the real commands `aura status` and `aura approve` run.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from statistics import median
from uuid import UUID, uuid4

import msgspec
from nats.aio.msg import Msg

from bench.commands import Commands, Took, taken
from bench.fairness import figures_of
from bench.figures import Measure, quantile
from bench.firm import Firm
from bus.subjects import EVENTS_PREFIX
from director.services.session import new_id
from director.services.submit import submit
from domain import run_messages
from domain.errors import Failed
from domain.message import Recorded
from observability.process_registry import at_work
from sql import named
from verification.requirements.model import Requirement
from verification.requirements.parser import parse_requirement

OURS = "Aura: many runs at once"
SEED = 12
TASKS_MAX = 12
"""Number of tasks of a large run. Every LARGE_EVERYth run is large, and the first one is. The others have 1 to 3."""
LARGE_EVERY = 20
WRONG_FIRST_EVERY = 4
"""Every fourth task of the plan gets a wrong first answer."""
ANSWER_S = 0.3
READY_WAIT_S = 120.0
POLL_S = 0.2
MIB = 1024**2


class ManySize(msgspec.Struct, frozen=True):
    """`window_s`: the measurement ends at this time even if runs are still open, for slow machines."""

    runs: int
    employees: int
    approvals: int
    statuses: int
    window_s: float


def contestants(firm: Firm, size: ManySize) -> Mapping[str, Measure]:
    return {OURS: partial(ours, firm, size)}


def tasks_of(size: ManySize, seed: int) -> list[int]:
    """Return the number of tasks of each run."""
    draw = random.Random(seed)
    return [TASKS_MAX if number % LARGE_EVERY == 0 else draw.randint(1, 3) for number in range(size.runs)]


def requirement(tasks: int) -> Requirement:
    """Return a requirement of independent functions with three cases each, one of them sealed."""
    names = [f"T{number}" for number in range(1, tasks + 1)]
    plan = ", ".join(f'{{id: {name}, criteria: [A{name}], scope: ["{name.lower()}.py"], after: []}}' for name in names)
    scope = ", ".join(f'"{name.lower()}.py"' for name in names)
    visible = "".join(_criterion(name, (1, 2), f"says: {name} adds one") for name in names)
    sealed = "".join(_criterion(name, (40,), "") for name in names)
    source = (
        f"---\naura: 1\ntitle: Adders\ndeliver: library\nlanguage: python\nscope: [{scope}]\n"
        f'budget: {{usd: "1.00", tokens: 10000000, minutes: 600}}\ntasks: [{plan}]\n---\n# Adders\n\n## Acceptance\n'
        f"```yaml acceptance\n{visible}```\n"
    )
    return parse_requirement(source.encode(), sealed.encode(), name="adders", folder=None)


def _criterion(name: str, numbers: Sequence[int], says: str) -> str:
    cases = "".join(f'    - {{call: "{name.lower()}:add", args: [{n}], returns: {n + 1}}}\n' for n in numbers)
    return f"- id: A{name}\n" + (f"  {says}\n" if says else "") + f"  cases:\n{cases}"


def answers() -> dict[str, list[dict[str, str]]]:
    """Return the script of each employee. The last answer of a task is right."""
    script = {}
    for number in range(1, TASKS_MAX + 1):
        path = f"t{number}.py"
        right = {path: "def add(n):\n    return n + 1\n"}
        wrong = {path: "def add(n):\n    return n + 2\n"}
        script[f"T{number}"] = [wrong, right] if number % WRONG_FIRST_EVERY == 0 else [right]
    return script


@asynccontextmanager
async def staff(firm: Firm, commands: Commands) -> AsyncIterator[int]:
    """Run the staff in a process of its own and yield its pid. It is told to stop at the end."""
    process = commands.start("bench.many_staff")
    try:
        deadline = time.monotonic() + READY_WAIT_S
        while not any(present.process.pid == process.pid for present in at_work(firm.home)):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failed("The staff does not start.", hint="This is a bug in Aura. Please report it.")
            await asyncio.sleep(POLL_S)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait)


class Delivered:
    """The runs whose delivery is on the log, in this order."""

    def __init__(self) -> None:
        self.runs: asyncio.Queue[UUID] = asyncio.Queue()
        self.count = 0
        self.changed = asyncio.Event()

    async def take(self, message: Msg) -> None:
        self.count += 1
        self.runs.put_nowait(UUID(message.subject.split(".")[3]))
        self.changed.set()

    async def until(self, count: int) -> None:
        while self.count < count:
            self.changed.clear()
            await self.changed.wait()


async def ours(firm: Firm, size: ManySize) -> Mapping[str, float]:
    """Measure one load. Return its figures."""
    commands, delivered = Commands(firm), Delivered()
    subscription = await firm.office.client.subscribe(f"{EVENTS_PREFIX}.run.*.delivered", cb=delivered.take)
    for number in range(size.employees):
        await firm.hire(f"many{number}", answers(), delay_s=ANSWER_S)
    async with staff(firm, commands) as pid:
        await _submit(firm, 1)
        await delivered.until(1)  # the process has loaded its modules
        await delivered.runs.get()
        first = (await firm.office.stream.info()).last_seq
        memory, rows = _resident_bytes(pid), await _database_bytes(firm)
        began, cpu = time.perf_counter(), _cpu_s(pid)
        for tasks in tasks_of(size, SEED):
            await _submit(firm, tasks)
        submitted_s = time.perf_counter() - began
        figures: dict[str, float] = {}
        try:
            async with asyncio.timeout(size.window_s), asyncio.TaskGroup() as group:
                watching = group.create_task(_memory(pid, memory, size, figures))
                acts = [_statuses(commands, size, figures), _approvals(commands, delivered, size, figures)]
                await asyncio.gather(delivered.until(1 + size.runs), *acts)
                watching.cancel()
        except TimeoutError:
            pass  # a slow machine: the figures are those of the window
        took_s = time.perf_counter() - began
        figures["processor of the staff process, % of a core"] = 100 * (_cpu_s(pid) - cpu) / took_s
        figures["MiB of Postgres per run"] = (await _database_bytes(firm) - rows) / size.runs / MIB
    await subscription.unsubscribe()
    last = (await firm.office.stream.info()).last_seq
    await firm.office.store.wait_recorded(last, READY_WAIT_S)
    log = await firm.office.store.read(first, limit=last - first)
    return {
        "runs open at once": size.runs,
        "seconds to submit them": submitted_s,
        "delivered": delivered.count - 1,
        "seconds of the load": took_s,
        **figures,
        **figures_of(log),
        **_released(log),
    }


async def _submit(firm: Firm, tasks: int) -> UUID:
    run = new_id()
    await submit(
        firm.director,
        firm.blobs,
        requirement(tasks),
        id=uuid4(),
        run=run,
        folder=firm.home,
        allow_degraded=True,
    )
    return run


async def _statuses(commands: Commands, size: ManySize, figures: dict[str, float]) -> None:
    """Run `aura status` again and again. The figures are renewed after each one, so that a timeout keeps them."""
    took: list[Took] = []
    for _ in range(size.statuses):
        took.append(await commands.took("status"))
        figures |= taken("aura status", took)
        await asyncio.sleep(POLL_S)


async def _approvals(commands: Commands, delivered: Delivered, size: ManySize, figures: dict[str, float]) -> None:
    """Approve the first deliveries, one after the other."""
    took: list[Took] = []
    for _ in range(size.approvals):
        took.append(await commands.took("approve", str(await delivered.runs.get())))
        figures |= taken("aura approve", took)


async def _memory(pid: int, before: int, size: ManySize, figures: dict[str, float]) -> None:
    """Note the memory of the staff process while all runs are open, and its largest value."""
    most = 0
    while True:
        now = _resident_bytes(pid)
        most = max(most, now)
        figures.setdefault("MiB of the staff process before", before / MIB)
        figures["MiB of the staff process, most"] = most / MIB
        figures["MiB of the staff process per open run"] = (most - before) / size.runs / MIB
        await asyncio.sleep(1.0)


def _released(log: Sequence[Recorded]) -> Mapping[str, float]:
    """Return the seconds from an approval to the release, from the events."""
    approved: dict[UUID, int] = {}
    took: list[float] = []
    for recorded in log:
        if isinstance(recorded.event, run_messages.Approved):
            approved[recorded.event.run] = recorded.envelope.occurred_at
        elif isinstance(recorded.event, run_messages.Released) and recorded.event.run in approved:
            took.append((recorded.envelope.occurred_at - approved[recorded.event.run]) / 1_000_000)
    if not took:
        return {}
    return {
        "approved to released, p50, s": median(took),
        "approved to released, p95, s": quantile(took, 0.95),
        "approved to released: measured": len(took),
    }


async def _database_bytes(firm: Firm) -> int:
    async with firm.office.store.connection() as connection:
        return int(await connection.fetchval(named("bench_size")))


def _resident_bytes(pid: int) -> int:
    """Return the resident memory of a process without its children, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def _cpu_s(pid: int) -> float:
    """Return the processor seconds of a process without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
