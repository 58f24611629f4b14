"""The supervised stack: started, stopped, found by a second start, and started again after every kind of crash."""

import asyncio
import os
import re
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import msgspec
import nats as nats_client
import pytest
from nats.js.api import StreamConfig

from bus.embedded import process
from bus.embedded.child import log_tail
from bus.embedded.home import Home
from bus.embedded.stack import ChildSpec, StackStatus, down, status, up
from bus.embedded.state import RESTART_LONGEST_S, ending
from bus.embedded.supervisor import back_off_s
from domain.errors import Conflict, Unavailable
from tests.tiers import CI

WAIT_S = 240.0
SLEEPER = ChildSpec(
    name="sleeper",
    argv=(sys.executable, "-c", "import time; open('{home}/here', 'w').close(); time.sleep(600)"),
    probe="file:{home}/here",
    start_after=("nats", "postgres"),
)
LISTENER = ChildSpec(
    name="listener",
    argv=(sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "{port}"),
    env={"SEEN_DSN": "{postgres_dsn}"},
    probe="tcp:127.0.0.1:{port}",
)


def quiet(_line: str) -> None:
    pass


@pytest.fixture
async def home(open_folder: Path) -> AsyncIterator[Path]:
    """Yield a home that the database's user can reach. Processes that a test leaves in it are stopped."""
    folder = open_folder / f"stack-{time.monotonic_ns()}"
    yield folder
    if folder.exists():
        await down(folder, on_progress=quiet)


async def until(home: Path, name: str, former_pid: int | None) -> StackStatus:
    """Wait until this child process is ready again under another pid."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        now = status(home)
        if any(child.name == name and child.ready and child.pid != former_pid for child in now.children):
            return now
        await asyncio.sleep(0.05)
    raise AssertionError(f"{name} did not come back: {status(home)}")


def pid_of(stack: StackStatus, name: str) -> int:
    return next(child.pid for child in stack.children if child.name == name and child.pid is not None)


async def remember(stack: StackStatus) -> None:
    """Write one row and one message, to find them again later."""
    assert stack.endpoints is not None
    connection = await asyncpg.connect(stack.endpoints.postgres_dsn)
    await connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    await connection.close()
    client = await nats_client.connect(stack.endpoints.nats_url)
    await client.jetstream().add_stream(StreamConfig(name="KEPT", subjects=["kept"]))
    await client.jetstream().publish("kept", b"7")
    await client.close()


async def recall(stack: StackStatus) -> None:
    assert stack.endpoints is not None
    connection = await asyncpg.connect(stack.endpoints.postgres_dsn)
    assert await connection.fetchval("SELECT n FROM kept") == 7
    await connection.close()
    client = await nats_client.connect(stack.endpoints.nats_url)
    assert (await client.jetstream().get_msg("KEPT", 1)).data == b"7"
    await client.close()


async def test_up_down_and_up_again_keep_data_and_addresses(home: Path) -> None:
    assert not status(home).running
    first = await up(home, extra=[SLEEPER, LISTENER], on_progress=quiet)
    assert first.ready
    assert [child.name for child in first.children] == ["nats", "postgres", "sleeper", "listener"]
    await remember(first)
    stopped = await down(home, on_progress=quiet)
    assert not stopped.running
    assert not any(child.alive for child in stopped.children)
    assert all(process.identify(child.pid) is None for child in first.children if child.pid)
    second = await up(home, extra=[SLEEPER], on_progress=quiet)
    assert second.endpoints == first.endpoints
    await recall(second)


async def test_a_second_up_finds_the_first(home: Path) -> None:
    one, two = await asyncio.gather(up(home, on_progress=quiet), up(home, on_progress=quiet))
    three = await up(home, on_progress=quiet)
    assert one.supervisor_pid == two.supervisor_pid == three.supervisor_pid
    assert [child.pid for child in one.children] == [child.pid for child in three.children]
    with pytest.raises(Conflict, match="does not have sleeper"):
        await up(home, extra=[SLEEPER], on_progress=quiet)
    assert status(home).ready


@pytest.mark.parametrize("name", [pytest.param("nats", marks=CI), "postgres", pytest.param("sleeper", marks=CI)])
async def test_a_killed_child_is_started_again(home: Path, name: str) -> None:
    stack = await up(home, extra=[SLEEPER], on_progress=quiet)
    await remember(stack)
    killed = pid_of(stack, name)
    os.kill(killed, signal.SIGKILL)
    back = await until(home, name, killed)
    assert next(child.restarts for child in back.children if child.name == name) == 1
    assert next(child.last_exit for child in back.children if child.name == name) == -signal.SIGKILL
    await recall(back)
    (line,) = deaths(back, name)
    assert re.fullmatch(rf"\S+ {name}: was killed by SIGKILL after \d+\.\d s; restart 1 in 0\.5 s", line)


def deaths(stack: StackStatus, name: str) -> list[str]:
    """Return the supervisor's log lines about a child, without those on its start, readiness and ordered stop."""
    orderly = re.compile(rf"\S+ {name}: (started as|ready after|stopped with) .*")
    lines = log_tail(stack.supervisor_log, lines_max=10_000).splitlines()
    return [line for line in lines if f" {name}: " in line and not orderly.fullmatch(line)]


async def test_each_death_is_one_line_that_says_how_and_when_it_is_started_again(home: Path) -> None:
    nats_url, dsn = "nats://elsewhere:4222", "postgresql://elsewhere/aura"
    sleeper = msgspec.structs.replace(SLEEPER, start_after=())
    failing = ChildSpec(
        name="failing",
        argv=(
            sys.executable,
            "-c",
            "import sys, time; open(sys.argv[1], 'w').close(); time.sleep(0.5); sys.exit(3)",
            "{home}/there",
        ),
        probe="file:{home}/there",
    )
    stack = await up(
        home,
        extra=[sleeper, failing],
        nats_url=nats_url,
        postgres_dsn=dsn,
        restart_longest_s=0.75,
        on_progress=quiet,
    )
    for _ in range(3):
        killed = pid_of(stack, "sleeper")
        os.kill(killed, signal.SIGKILL)
        stack = await until(home, "sleeper", killed)
    found = deaths(stack, "sleeper")
    waits = ("0.5", "0.8", "0.8")
    for number, (line, wait_s) in enumerate(zip(found, waits, strict=True), start=1):
        assert re.search(rf" was killed by SIGKILL after \d+\.\d s; restart {number} in {wait_s} s$", line), line
    await down(home, on_progress=quiet)
    failed = deaths(status(home), "failing")
    assert failed
    assert all(" ended with status 3 after " in line for line in failed), failed
    assert next(child.restarts for child in status(home).children if child.name == "failing") == len(failed)


def test_how_a_process_ended_is_said_in_words() -> None:
    assert ending(0) == "ended with status 0"
    assert ending(-signal.SIGSEGV) == "was killed by SIGSEGV"
    assert ending(-64) == "was killed by SIGRTMAX"
    assert ending(-40) == "was killed by signal 40"
    assert ending(None) == "could not be started"


@pytest.mark.parametrize(
    "all_of_it", [pytest.param(False, id="supervisor", marks=CI), pytest.param(True, id="everything")]
)
async def test_up_recovers_from_a_killed_supervisor(home: Path, all_of_it: bool) -> None:
    stack = await up(home, extra=[SLEEPER], on_progress=quiet)
    await remember(stack)
    assert stack.supervisor_pid is not None
    pids = [stack.supervisor_pid, *(child.pid for child in stack.children if child.pid)]
    for pid in pids if all_of_it else pids[:1]:
        os.kill(pid, signal.SIGKILL)
    again = await up(home, extra=[SLEEPER], on_progress=quiet)
    assert again.supervisor_pid != stack.supervisor_pid
    assert not {child.pid for child in again.children} & set(pids)
    assert all(process.identify(pid) is None for pid in pids)
    assert again.endpoints == stack.endpoints
    await recall(again)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next start ends orphans")
async def test_children_do_not_outlive_a_killed_supervisor(home: Path) -> None:
    stack = await up(home, extra=[SLEEPER], on_progress=quiet)
    assert stack.supervisor_pid is not None
    os.kill(stack.supervisor_pid, signal.SIGKILL)
    for child in stack.children:
        assert child.pid is not None
        known = process.identify(child.pid)
        assert known is None or await asyncio.to_thread(process.gone, known, WAIT_S), child.name
    now = status(home)
    assert not now.running
    assert not any(child.alive for child in now.children)


@pytest.mark.slow
@pytest.mark.ci
async def test_a_child_that_cannot_start_leaves_nothing_running(home: Path) -> None:
    broken = ChildSpec(name="broken", argv=(sys.executable, "-c", "raise SystemExit('no licence')"))
    told: list[str] = []
    with pytest.raises(Unavailable, match="no licence"):
        await up(home, extra=[broken], on_progress=told.append)
    assert "broken: ended with status 1, starting again" in told
    assert not status(home).running
    assert not any(child.alive for child in status(home).children)
    assert (await up(home, on_progress=quiet)).ready


@pytest.mark.slow
@pytest.mark.ci
async def test_given_servers_are_not_started(home: Path) -> None:
    given = "nats://elsewhere:4222"
    stack = await up(home, nats_url=given, on_progress=quiet)
    assert [child.name for child in stack.children] == ["postgres"]
    assert stack.endpoints is not None
    assert stack.endpoints.nats_url == given
    assert stack.nats_data is None
    with pytest.raises(Conflict, match="another AURA_NATS_URL"):
        await up(home, nats_url="nats://another:4222", on_progress=quiet)
    await down(home, on_progress=quiet)
    stack = await up(home, nats_url=given, postgres_dsn="postgresql://elsewhere/aura", on_progress=quiet)
    assert stack.running
    assert stack.children == ()
    assert stack.postgres_data is None


async def test_state_and_secrets_are_for_the_owner_alone(home: Path) -> None:
    await up(home, on_progress=quiet)
    run = home / "run"
    assert run.stat().st_mode & 0o777 == 0o700
    assert (home / "keys").stat().st_mode & 0o777 == 0o700
    for name in ("state.json", "plan.json", "nats.json", "nats-credentials.json"):
        assert (run / name).stat().st_mode & 0o777 == 0o600, name


@pytest.mark.slow
@pytest.mark.ci
async def test_a_port_that_somebody_took_is_replaced(home: Path) -> None:
    first = await up(home, extra=[LISTENER], on_progress=quiet)
    await remember(first)
    await down(home, on_progress=quiet)
    assert first.endpoints is not None
    taken = int(first.endpoints.nats_url.rpartition(":")[2])
    kept = Home(home).layout().ports
    with socket.create_server(("127.0.0.1", taken)):
        second = await up(home, extra=[LISTENER], on_progress=quiet)
    assert second.endpoints is not None
    assert second.endpoints.nats_url != first.endpoints.nats_url
    assert Home(home).layout().ports == {**kept, "nats": int(second.endpoints.nats_url.rpartition(":")[2])}
    await recall(second)


@pytest.mark.parametrize("stop", ["down", pytest.param("kill", marks=CI)])
async def test_a_start_that_is_cut_short(home: Path, stop: str) -> None:
    """The `up` that waits says that its supervisor ended; the next one starts from there."""
    slow = ChildSpec(
        name="slow", argv=(sys.executable, "-c", "import time; time.sleep(600)"), probe="file:{home}/never"
    )
    starting = asyncio.create_task(up(home, extra=[slow], on_progress=quiet))
    first = await until(home, "postgres", None)
    assert first.supervisor_pid is not None
    assert not first.ready
    if stop == "down":
        await down(home, on_progress=quiet)
    else:
        os.kill(first.supervisor_pid, signal.SIGKILL)
    with pytest.raises(Unavailable, match="supervisor ended"):
        await starting
    assert (await up(home, on_progress=quiet)).ready


def test_back_off_doubles_up_to_its_limit() -> None:
    assert [back_off_s(failures) for failures in (1, 2, 3)] == [0.5, 1.0, 2.0]
    assert back_off_s(1000) == RESTART_LONGEST_S
