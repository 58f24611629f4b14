"""Measurement of a verdict's time: ten cases of one function, each in its own box, compared with runs without a box."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from statistics import median

import msgspec

from bench.figures import Measure
from domain.errors import Failed, Unavailable
from verification.execution.case_runner import ALONE, order_of
from verification.execution.trials import BOXES_AT_ONCE, trials_of
from verification.execution.worker_source import worker_source
from verification.judge import Candidate, judge
from verification.requirements.model import Case, Requirement
from verification.requirements.parser import parse_requirement
from verification.sandbox.base import PROGRAMS, PYTHON, Sandbox
from verification.sandbox.bubblewrap import Bubblewrap
from verification.sandbox.docker import Docker
from verification.sandbox.dockerengine import DEFAULT_HOST
from verification.sandbox.image import RECIPE_LABEL, recipe
from verification.sandbox.pool import BoxPool
from verification.sandbox.pool_size import PoolSize

OURS = "Aura, bubblewrap"
POOLED = "Aura, bubblewrap with a pool that is full before each verdict"
DOCKER = "Aura, Docker"
CLIENT = "`docker run --rm` with an empty program, as many at the same time"
PLAIN = "ordinary processes without a sandbox: the same worker, as many at the same time"
CASES = 10
CONTAINERS_FEWER = 4  # a container takes longer than a box, so the number of measured verdicts is divided by this
CORES = os.cpu_count() or 1
SOURCE = b"def double(number):\n    return 2 * number\n"
FRONT = """---
aura: 1
title: Doubles
deliver: library
scope: ["double.py"]
budget: {usd: "1.00", tokens: 1000, minutes: 5}
---
# Doubles
## Acceptance
```yaml acceptance
"""


class JudgingSize(msgspec.Struct, frozen=True):
    """`alone` verdicts run one after the other. `saturated` verdicts run in parallel, one on each core."""

    alone: int
    saturated: int


def requirement() -> Requirement:
    """Return a requirement of one function with five visible and five sealed cases."""

    def block(numbers: range, says: str) -> str:
        cases = [f'    - {{call: "double:double", args: [{number}], returns: {2 * number}}}' for number in numbers]
        return "\n".join(["- id: A1", *([f"  says: {says}"] if says else []), "  cases:", *cases, ""])

    half = CASES // 2
    sealed = block(range(1000 + half, 1000 + CASES), "").encode()
    source = f"{FRONT}{block(range(1000, 1000 + half), 'it doubles')}```\n".encode()
    return parse_requirement(source, sealed, name="doubles", folder=None)


async def sandboxes(closing: AsyncExitStack, say: Callable[[str], None]) -> Mapping[str, Sandbox]:
    """Return the sandboxes that work on this machine, by name. Raises Unavailable if bubblewrap does not work."""
    found: dict[str, Sandbox] = {
        OURS: Bubblewrap(),
        POOLED: Bubblewrap(pool=PoolSize()),
        DOCKER: Docker(docker_host()),
    }
    for name, box in list(found.items()):
        closing.push_async_callback(box.close)
        try:
            await box.probe()
        except Unavailable as error:
            if name != DOCKER:
                raise
            say(f"Measuring without Docker: {error}")
            del found[name]
    return found


def docker_host() -> str:
    return os.environ.get("AURA_DOCKER_HOST", DEFAULT_HOST)


def contestants(sandboxes: Mapping[str, Sandbox], size: JudgingSize) -> Mapping[str, Measure]:
    """Return the systems to measure: each sandbox under its name, and the plain worker."""
    asked, fewer = (
        requirement(),
        JudgingSize(max(1, size.alone // CONTAINERS_FEWER), max(1, size.saturated // CONTAINERS_FEWER)),
    )
    found: dict[str, Measure] = {
        name: partial(
            measured,
            partial(verdict, asked, sandbox),
            fewer if name == DOCKER else size,
            sandbox.pool if isinstance(sandbox, Bubblewrap) else None,
        )
        for name, sandbox in sandboxes.items()
    }
    found[PLAIN] = partial(measured, partial(plain_verdict, asked), size)
    if DOCKER in sandboxes and shutil.which("docker"):
        found[CLIENT] = partial(measured, empty_containers, fewer)
    return found


async def measured(
    act: Callable[[], Awaitable[object]], size: JudgingSize, pool: BoxPool | None = None
) -> Mapping[str, float]:
    """Measure verdicts alone, each with a full pool, and saturated. The time of saturated ones includes the filling."""
    if pool is not None:
        await act()  # the pool learns which boxes a verdict needs
    times = []
    for _ in range(size.alone):
        if pool is not None:
            await pool.filled()
        begun = time.perf_counter()
        await act()
        times.append(time.perf_counter() - begun)
    begun = time.perf_counter()
    slots = asyncio.Semaphore(CORES)

    async def one() -> None:
        async with slots:
            await act()

    await asyncio.gather(*(one() for _ in range(size.saturated)))
    if pool is not None:
        await pool.filled()
    saturated_s = time.perf_counter() - begun
    if pool is not None:
        await pool.close()  # waiting boxes must not take anything from the next contestant
    return {
        "a verdict of ten cases, ms": 1000 * median(times),
        "judged cases per second and core": CASES * size.saturated / saturated_s / CORES,
    }


async def verdict(asked: Requirement, sandbox: Sandbox) -> None:
    """Judge the correct solution with all gates that run for the work of one task."""
    told = await judge(
        Candidate(requirement=asked, tree={"double.py": SOURCE}, whole=False),
        sandbox=sandbox,
        seed=1,
        allow_degraded=True,
    )
    if not told.verified:
        raise Failed(
            f"The judge refused the correct solution: {told.findings[0].detail}.",
            hint="This is a bug in Aura. Please report it.",
        )


async def plain_verdict(asked: Requirement) -> None:
    slots = asyncio.Semaphore(BOXES_AT_ONCE)

    async def one(case: Case) -> None:
        async with slots:
            await asyncio.to_thread(plain, case)

    await asyncio.gather(*(one(trial.case) for trial in trials_of(asked.criteria)))


async def empty_containers() -> None:
    """Run as many containers as there are cases with the command `docker run`, from the sandbox image."""
    environment = {**os.environ, "DOCKER_HOST": docker_host()}
    asked = ["docker", "images", "--quiet", "--filter", f"label={RECIPE_LABEL}={recipe()}"]
    told = await asyncio.to_thread(subprocess.check_output, asked, env=environment, text=True)
    command = ["docker", "run", "--rm", "--network=none", told.split()[0], f"{PROGRAMS}/{PYTHON}", "-c", "pass"]
    slots = asyncio.Semaphore(BOXES_AT_ONCE)

    async def one() -> None:
        async with slots:
            await asyncio.to_thread(subprocess.run, command, env=environment, check=True, capture_output=True)

    await asyncio.gather(*(one() for _ in range(CASES)))


def plain(case: Case) -> None:
    """Run the judge's worker as an ordinary process in its own folder."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("project", "case"):
            (Path(folder) / name).mkdir()
        (Path(folder) / "project" / "double.py").write_bytes(SOURCE)
        worker = Path(folder) / "worker.py"
        worker.write_bytes(worker_source())
        order = json.loads(order_of(case, "nonce", "bait"))
        order |= {"project": f"{folder}/project", "folder": f"{folder}/case"}
        done = subprocess.run(
            [sys.executable, *ALONE, str(worker)],
            input=json.dumps(order).encode(),
            capture_output=True,
            check=True,
        )
        if not done.stdout.startswith(b"nonce "):
            raise Failed("The worker gave no answer.", hint="This is a bug in Aura. Please report it.")
