"""The real sandbox for tests, which is probed once per session."""

import asyncio
from collections.abc import Iterator

import pytest

from domain.errors import Unavailable
from verification.sandbox.base import Limits, RunResult, RunSpec, Sandbox
from verification.sandbox.bubblewrap import Bubblewrap
from verification.sandbox.pool_size import PoolSize
from verification.sandbox.session_box import SessionBox

POLL_S = 0.01
FILE_WAIT_S = 240.0


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Bubblewrap]:
    """Return a Bubblewrap that has passed its probe. Without one the test is skipped, and the reason is shown."""
    made = Bubblewrap()
    try:
        asyncio.run(made.probe())
    except Unavailable as error:
        pytest.skip(str(error))
    yield made
    asyncio.run(made.close())


class FromPool(Bubblewrap):
    """A bubblewrap sandbox whose every run takes a box from its pool, as in a verdict that finds the pool full."""

    def __init__(self) -> None:
        super().__init__(pool=PoolSize())
        self.runs = 0
        self._stocking = asyncio.Lock()

    async def run(self, spec: RunSpec) -> RunResult:
        """Let a box wait, and run the command. A run that the pool cannot serve gets a new box, and is not counted."""
        await self.probe()
        assert self.pool is not None
        async with self._stocking:
            self.runs += min(1, await self.pool.stock(spec, 1))
            running = asyncio.ensure_future(super().run(spec))
            await asyncio.sleep(0)  # it takes its box before it waits for the first time
        return await running

    def all_from_pool(self) -> bool:
        """Return whether each counted run really took place in a box of the pool."""
        assert self.pool is not None
        return self.runs == self.pool.handed_out > 0


@pytest.fixture
def pooled_sandbox(sandbox: Bubblewrap) -> Iterator[FromPool]:  # noqa: ARG001 - skips where there is none
    """Return a sandbox whose runs all take boxes from the pool. At the end, it checks that they did."""
    made = FromPool()
    yield made
    asyncio.run(made.close())
    assert made.all_from_pool()


@pytest.fixture(params=["bubblewrap", pytest.param("docker", marks=[pytest.mark.slow, pytest.mark.ci])])
def any_sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Return each real sandbox in turn. The module needs the fixtures `sandbox` and `docker_sandbox`, too."""
    found: Sandbox = request.getfixturevalue("sandbox" if request.param == "bubblewrap" else "docker_sandbox")
    return found


async def until_written(box: SessionBox, path: str) -> None:
    """Wait until a running command has written a new file."""
    async with asyncio.timeout(FILE_WAIT_S):
        while path not in (await box.snapshot()).added:  # noqa: ASYNC110 - no event says it
            await asyncio.sleep(POLL_S)


async def boxed(sandbox: Sandbox, code: str, *argv: str, limits: Limits | None = None, **more: object) -> RunResult:
    """Run this Python program once in a box. `more` are fields of RunSpec."""
    argv = ("python3", "-I", "-c", code, *argv)
    return await sandbox.run(RunSpec(argv=argv, limits=limits or Limits(wall_s=20), **more))  # type: ignore[arg-type]  # fields of RunSpec
