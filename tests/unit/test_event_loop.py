"""The choice of the event loop: uvloop if it is installed, asyncio otherwise or on demand."""

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import weakref
from collections.abc import Iterator

import pytest

from bus import event_loop
from bus.event_loop import PLAIN, LoopChoice, factory_of, name_of
from director.cli.output import INTERRUPTED, Door
from director.doctor import host_checks
from director.settings import Settings
from domain.errors import Invalid, Unavailable
from verification.sandbox import waiting


async def kind() -> str:
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]


def run(choice: LoopChoice) -> str:
    with asyncio.Runner(loop_factory=factory_of(choice)) as runner:
        return runner.run(kind())


@pytest.fixture
def without_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)  # an import of it now fails


def test_uvloop_is_taken_where_it_is_installed() -> None:
    pytest.importorskip("uvloop")
    assert run("auto") == run("uvloop") == "uvloop"
    assert name_of("auto").startswith("uvloop ")


def test_asyncio_is_taken_on_demand() -> None:
    assert run(PLAIN) == name_of(PLAIN) == "asyncio"


@pytest.mark.usefixtures("without_uvloop")
def test_without_uvloop_asyncio_does_the_work() -> None:
    assert run("auto") == name_of("auto") == "asyncio"
    assert host_checks.loop("auto").says == "asyncio, used by `aura serve` (uvloop is not installed)"


@pytest.mark.usefixtures("without_uvloop")
def test_a_loop_that_is_asked_for_and_missing_is_an_error() -> None:
    with pytest.raises(Unavailable, match="AURA_LOOP is uvloop") as error:
        factory_of("uvloop")
    assert "unset AURA_LOOP" in error.value.hint
    assert host_checks.loop("uvloop").state == "missing"


def test_the_doctor_names_the_loop() -> None:
    pytest.importorskip("uvloop")
    assert host_checks.loop("auto").says.startswith("uvloop ")
    assert host_checks.loop(PLAIN).says == "asyncio, used by `aura serve`"


def test_the_setting_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURA_LOOP", "curio")
    with pytest.raises(Invalid, match="AURA_LOOP"):
        Settings()
    monkeypatch.setenv("AURA_LOOP", "asyncio")
    assert Settings().loop == "asyncio"


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Let Ctrl-C work also if the tests run in the background, where a shell ignores it."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("choice", ["uvloop", "asyncio"])
def test_ctrl_c_ends_the_work_and_runs_its_cleanup(choice: LoopChoice, capsys: pytest.CaptureFixture[str]) -> None:
    if choice == "uvloop":
        pytest.importorskip("uvloop")
    ended: list[str] = []

    async def work() -> None:
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGINT)
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0)
            ended.append("cleaned up")

    with pytest.raises(SystemExit) as stopped:
        Door("serve", False).run(work(), factory_of(choice))
    assert stopped.value.code == INTERRUPTED
    assert ended == ["cleaned up"]
    assert "Interrupted" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("choice", ["uvloop", "asyncio"])
def test_a_task_that_ignores_one_cancel_does_not_stop_the_end(choice: LoopChoice) -> None:
    """See `_to_the_end`: a cancel can be lost, so it is repeated with both loops."""
    if choice == "uvloop":
        pytest.importorskip("uvloop")
    lost: list[str] = []
    left: list[asyncio.Task[None]] = []

    async def stubborn() -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            lost.append("one cancel")
        await asyncio.sleep(30)

    async def work() -> None:
        left.append(asyncio.create_task(stubborn()))
        await asyncio.sleep(0)

    Door("serve", False).run(work(), factory_of(choice))
    assert lost == ["one cancel"]
    assert left[0].cancelled()


@pytest.mark.parametrize("choice", ["uvloop", "asyncio"])
def test_the_end_of_a_process_and_a_line_are_noticed(choice: LoopChoice) -> None:
    """The sandbox watches process descriptors and pairs of sockets, which the loop has not opened."""
    if choice == "uvloop":
        pytest.importorskip("uvloop")

    async def work() -> tuple[int, bytes]:
        child = await asyncio.to_thread(subprocess.Popen, [sys.executable, "-c", "pass"])
        handle = os.pidfd_open(child.pid)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with ours, theirs:
            await asyncio.wait_for(waiting.end_of(handle), 20)
            waiting.forget(handle)
            os.close(handle)
            theirs.send(b"over")
            await asyncio.wait_for(waiting.readable_soon(ours), 20)
            return child.wait(), await asyncio.get_running_loop().sock_recv(ours, 64)

    with asyncio.Runner(loop_factory=factory_of(choice)) as runner:
        assert runner.run(work()) == (0, b"over")


def test_a_long_process_collects_less_often_and_the_former_settings_return() -> None:
    before = gc.get_threshold()
    with event_loop.fewer_collections():
        assert gc.get_threshold() == event_loop.COLLECT_AFTER
        assert gc.get_freeze_count() > 0
        assert gc.isenabled()
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_a_cycle_of_a_long_process_is_still_collected() -> None:
    class Node:
        other: "Node"

    with event_loop.fewer_collections():
        node = Node()
        node.other = node
        seen = weakref.ref(node)
        del node
        assert seen() is not None  # the control: only the collector can free it
        gc.collect()
        assert seen() is None
