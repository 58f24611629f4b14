"""The box of a session as an honest employee uses it."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from domain.errors import Conflict, Invalid, LimitReached, NotFound
from domain.tree import Tree
from tests.docker import box_image, docker_engine, docker_sandbox
from tests.sandboxes import any_sandbox, sandbox, until_written
from verification.sandbox.base import MIB, Sandbox
from verification.sandbox.session_box import COMMAND_BYTES_MAX, SessionBox
from verification.sandbox.session_limits import SESSION_LIMITS, SessionLimits, box_limits

__all__ = ["any_sandbox", "box_image", "docker_engine", "docker_sandbox", "sandbox"]  # fixtures

pytestmark = pytest.mark.needs_sandbox

TREE = Tree(
    {"a.py": b"print('a')\n", "tools/hi.sh": b"#!/bin/sh\necho hi\n", "data.bin": bytes(range(256))},
    executable=frozenset({"tools/hi.sh"}),
    links={"link.py": "a.py"},
    submodules={"vendor/sub": "1" * 40},
)
GIT = "git init -q && git add -A && git commit -qm first && git mv a.py b.py && git commit -qam second"


def limited(**changes: float) -> SessionLimits:
    """Return the limits of a new project with these changes."""
    return replace(SESSION_LIMITS["new"], **changes)


@pytest.fixture
async def box(any_sandbox: Sandbox) -> AsyncIterator[SessionBox]:
    async with SessionBox(any_sandbox, TREE, allow_degraded=True) as opened:
        yield opened


async def test_the_tree_is_there_with_modes_and_links(box: SessionBox) -> None:
    result = await box.run("python3 link.py; ./tools/hi.sh; ls vendor; pwd; git --version >&2; cat; test -x a.py")
    assert (result.reason, result.exit_code) == ("exit", 1)
    assert result.observed().startswith("a\nhi\nsub\n/work\ngit version ")
    assert (await box.difference()).manifest() == {}


async def test_stdout_and_stderr_come_together_in_order(box: SessionBox) -> None:
    result = await box.run("echo one; echo two >&2; echo three")
    assert (result.head, result.tail, result.left_out) == (b"one\ntwo\nthree\n", b"", 0)


async def test_what_a_command_writes_is_there_for_the_next_one(box: SessionBox) -> None:
    await box.run("mkdir -p new && echo x > new/file && echo y > /tmp/kept", folder="tools")
    result = await box.run(["cat", "file", "/tmp/kept"], folder="tools/new")
    assert result.observed() == "x\ny\n"
    assert (await box.difference()).added == ("tools/new/file",)


async def test_a_command_can_get_a_standard_input_and_the_next_one_has_none(box: SessionBox) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"from outside")
    os.close(writing)
    try:
        assert (await box.run("cat; ls /proc/self/fd", source=reading)).observed() == "from outside0\n1\n2\n3\n"
    finally:
        os.close(reading)
    assert (await box.run("cat")).observed() == ""


async def test_a_command_that_is_stopped_returns_its_result_and_its_files_can_be_read_before(box: SessionBox) -> None:
    running = asyncio.create_task(box.run("echo begun; echo x > new; sleep 60"))
    await until_written(box, "new")
    box.stop_command()
    result = await running
    assert (result.reason, result.head) == ("cancelled", b"begun\n")
    assert (await box.difference()).added == ("new",)
    box.stop_command()
    assert (await box.run("echo alive")).observed() == "alive\n"


async def test_git_works_on_the_working_copy(box: SessionBox) -> None:
    result = await box.run(f"{GIT} && git log --oneline")
    assert (result.reason, result.exit_code) == ("exit", 0), result.observed()
    assert [line.partition(" ")[2] for line in result.observed().splitlines()] == ["second", "first"]
    assert (await box.run("git status --porcelain; git stash list; git diff HEAD~1 --stat")).exit_code == 0
    found = await box.difference()
    assert (found.added, found.deleted) == (("b.py",), ("a.py",))


async def test_the_settings_of_the_worker_do_not_count(any_sandbox: Sandbox) -> None:
    """Neither its umask, nor a toolbox with another Python."""
    former = os.umask(0o077)
    try:
        env = {"PATH": "/nowhere:/usr/bin:/bin"}
        async with SessionBox(any_sandbox, TREE, env=env, allow_degraded=True) as box:
            assert (await box.run("touch file && stat -c %a file tools/hi.sh a.py")).observed() == "644\n755\n644\n"
    finally:
        os.umask(former)


async def test_the_usual_tools_are_there(box: SessionBox) -> None:
    tools = "awk bash cut diff find git grep head patch ps sed sort tail tar tee tr truncate wc which xargs python3"
    here = [tool for tool in tools.split() if shutil.which(tool, path="/usr/bin:/bin") or tool == "python3"]
    result = await box.run(
        f"for tool in {' '.join(here)}; do command -v $tool > /dev/null || echo $tool; done; which sh"
    )
    assert result.observed() in ("/usr/bin/sh\n", "/bin/sh\n")
    assert (await box.run("awk 'BEGIN { print 1 + 1 }'; bash -c 'echo $((2 + 2))'")).observed() == "2\n4\n"


async def test_a_signal_and_a_missing_program_are_told(box: SessionBox) -> None:
    killed = await box.run("kill -9 $$")
    assert (killed.reason, killed.signal, killed.exit_code) == ("signal", 9, None)
    missing = await box.run(["no-such-program"])
    assert (missing.reason, missing.exit_code) == ("not_started", None)
    assert "no-such-program" in missing.why
    nowhere = await box.run("true", folder="no/such/folder")
    assert nowhere.reason == "not_started"
    assert (await box.run("exit 7")).exit_code == 7  # the control: the box goes on


async def test_a_wall_limit_ends_the_command_and_nothing_else(box: SessionBox) -> None:
    result = await box.run("trap '' TERM INT HUP; echo begun; sleep 60; echo never", wall_s=0.5)
    assert (result.reason, result.head, result.wall_limit_s) == ("timeout", b"begun\n", 0.5)
    assert (await box.run("echo next")).head == b"next\n"
    longest = await box.run("true", wall_s=10**6)
    assert longest.wall_limit_s == box.limits.command_s_max


async def test_a_cancelled_call_ends_its_command(box: SessionBox) -> None:
    running = asyncio.create_task(box.run("echo begun > begun; sleep 1; echo done > after"))
    await until_written(box, "begun")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.sleep(1.2)
    assert (await box.run("cat after")).observed() == "cat: after: No such file or directory\n"
    assert (await box.run("sleep 1; echo done > after; cat after")).observed() == "done\n"  # the control


async def test_background_processes_end_with_their_command_and_are_counted(box: SessionBox) -> None:
    result = await box.run("(sleep 60; echo late > late) & (sleep 61 &) ; echo begun")
    assert (result.reason, result.head) == ("exit", b"begun\n")
    assert result.left >= 2
    assert (await box.run("true")).left == 0


async def test_a_long_output_keeps_its_beginning_and_its_end(any_sandbox: Sandbox) -> None:
    async with SessionBox(any_sandbox, TREE, limits=limited(output_bytes=1000), allow_degraded=True) as box:
        result = await box.run("seq 1 100000")
        assert result.head.startswith(b"1\n2\n3\n")
        assert result.tail.endswith(b"99999\n100000\n")
        assert (len(result.head), len(result.tail)) == (500, 500)
        assert result.left_out == 588_895 - 1000
        assert "\n[... 588" in result.observed(900)
        edge = await box.run("head -c 1000 /dev/zero | tr '\\0' x")
        assert (edge.left_out, len(edge.head + edge.tail)) == (0, 1000)


async def test_files_are_read_written_and_deleted_from_outside(box: SessionBox) -> None:
    await box.write("tools/hi.sh", b"#!/bin/sh\necho changed\n")
    await box.write("new/file.txt", "é".encode())
    await box.delete("data.bin")
    assert (await box.read("new/file.txt")).content == "é".encode()
    assert (await box.read("tools/hi.sh", offset=2, bytes_max=7)).content == b"/bin/sh"
    result = await box.run("./tools/hi.sh && cat new/file.txt && echo more >> new/file.txt && rm new/file.txt && ls")
    assert result.observed() == "changed\néa.py\nlink.py\nnew\ntools\nvendor\n"
    found = await box.difference()
    assert (found.added, found.changed, found.deleted) == ((), ("tools/hi.sh",), ("data.bin",))
    with pytest.raises(NotFound):
        await box.read("data.bin")
    with pytest.raises(Invalid):
        await box.read("link.py")
    with pytest.raises(Invalid):
        await box.read("tools/hi.sh", offset=-1)
    with pytest.raises(LimitReached):
        await box.write("large", bytes(box.limits.file_bytes + 1))


async def test_a_command_that_cannot_be_sent_is_refused(box: SessionBox) -> None:
    for command in ("a\0b", "x" * COMMAND_BYTES_MAX, "\udcff"):
        with pytest.raises(Invalid) as refused:
            await box.run(command)
        assert refused.value.hint
    with pytest.raises(Invalid):
        await box.run([])
    with pytest.raises(Invalid):
        await box.run("true", folder="../etc")
    assert (await box.run(": " + "x" * (COMMAND_BYTES_MAX - 20))).exit_code == 0  # the control: the longest one


@pytest.fixture
def toolbox() -> Iterator[Path]:
    """Yield a folder with one program, which every user can read."""
    with tempfile.TemporaryDirectory(prefix="aura-test-toolbox-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        tool = Path(folder, "tool")
        tool.write_text("#!/bin/sh\necho from the toolbox\n")
        tool.chmod(0o755)
        yield Path(folder)


async def test_toolboxes_are_read_only(any_sandbox: Sandbox, toolbox: Path) -> None:
    env = {"PATH": "/opt/tools:/aura/bin:/usr/bin:/bin"}
    async with SessionBox(any_sandbox, TREE, folders={"/opt/tools": toolbox}, env=env, allow_degraded=True) as box:
        result = await box.run("tool; echo x > /opt/tools/tool; echo x > /opt/tools/new")
        assert result.observed().startswith("from the toolbox\n")
        assert result.observed().count("Read-only file system") == 2
    assert sorted(os.listdir(toolbox)) == ["tool"]


async def test_the_minutes_of_a_session_end_its_box_and_the_work_remains(any_sandbox: Sandbox) -> None:
    async with SessionBox(any_sandbox, TREE, limits=limited(minutes=0.03), allow_degraded=True) as box:
        await box.run("echo kept > kept")
        result = await box.run("sleep 60")
        assert (result.reason, result.why) == ("box_ended", "the minutes of the session are over")
        assert (await box.run("true")).reason == "box_ended"
        assert (await box.difference()).added == ("kept",)
        assert (await box.read("kept")).content == b"kept\n"


async def test_a_closed_box_is_not_used(any_sandbox: Sandbox) -> None:
    box = SessionBox(any_sandbox, TREE, allow_degraded=True)
    with pytest.raises(Conflict):
        await box.run("true")
    async with box:
        assert (await box.run("true")).exit_code == 0
    for use in (box.run("true"), box.difference(), box.write("x", b"")):
        with pytest.raises(Conflict, match="not open"):
            await use
    await box.close()
    with pytest.raises(Conflict, match="opened before"):
        await box.__aenter__()


def test_the_limits_are_rows_of_their_own() -> None:
    assert set(SESSION_LIMITS) == {"new", "base"}
    for row in SESSION_LIMITS.values():
        assert box_limits(row).memory_bytes == row.memory_bytes + 12 * MIB
        assert box_limits(row).wall_s == row.minutes * 60
        assert row.command_s <= row.command_s_max <= row.minutes * 60
