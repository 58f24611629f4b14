"""The tools of a session in a real box: what each does, and what the employee is told about a mistake."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from msgspec.structs import replace

from agents.briefs.fence import Fence
from agents.sessions.actions import Action
from agents.sessions.workspace import BoxEnded, Workspace
from domain.tree import Tree
from tests.sandboxes import sandbox
from verification.sandbox.bubblewrap import Bubblewrap
from verification.sandbox.session_box import SessionBox
from verification.sandbox.session_limits import SESSION_LIMITS

__all__ = ["sandbox"]
pytestmark = pytest.mark.needs_sandbox
FENCE = Fence(UUID(int=5))
LINES = "".join(f"line {number}\n" for number in range(1, 1001))
TREE = Tree({"double.py": b"def double(number):\n    return number\n", "lines.txt": LINES.encode()})


@pytest.fixture
async def box(sandbox: Bubblewrap) -> AsyncIterator[SessionBox]:
    async with SessionBox(sandbox, TREE, allow_degraded=True) as opened:
        yield opened


@pytest.fixture
def workspace(box: SessionBox) -> Workspace:
    return workspace_in(box)


def workspace_in(box: SessionBox) -> Workspace:
    async def check() -> str:
        return "A1: passed"

    return Workspace(box, FENCE, check)


async def done(workspace: Workspace, name: str, **arguments: object) -> str:
    return await workspace.act(Action(name=name, arguments=arguments))  # type: ignore[arg-type]  # one of the tools


async def test_a_command_shows_its_end_and_its_output_as_data(workspace: Workspace) -> None:
    assert await done(workspace, "run", command="echo hello; exit 3") == (
        f"Exit code 3.\n[data {FENCE.mark}: output]\nhello\n\n[end of data {FENCE.mark}]"
    )
    assert await done(workspace, "run", command="true") == "Exit code 0. There is no output."
    assert (await done(workspace, "run", command="kill -9 $$")).startswith("Ended by signal 9.")


async def test_a_file_is_read_by_lines(workspace: Workspace) -> None:
    text = await done(workspace, "read", path="lines.txt", first_line=10, lines=2)
    assert "line 10\nline 11\n" in text
    assert "[989 more lines: read from line 12]" in text
    assert "line 400\n" in await done(workspace, "read", path="lines.txt")
    assert "has 1000 lines, so it has no line 2000" in await done(workspace, "read", path="lines.txt", first_line=2000)
    assert (await done(workspace, "read", path="none.txt")).startswith("Not done:\n[data ")
    assert (await done(workspace, "read", path="../etc/passwd")).startswith("Not done:\n[data ")


async def test_a_search_names_file_and_line(workspace: Workspace) -> None:
    assert "./double.py:1:def double" in await done(workspace, "search", pattern="def [a-z]+")
    assert await done(workspace, "search", pattern="triple") == "No line matches."
    assert "lines.txt:7:line 7" in await done(workspace, "search", pattern="^line 7$", path="lines.txt")


async def test_text_is_written_and_replaced_in_the_working_copy(workspace: Workspace, box: SessionBox) -> None:
    assert await done(workspace, "write", path="new/tools.py", content="x = 1\n") == "The file is written: 6 bytes."
    told = await done(workspace, "replace", path="double.py", old="return number", new="return 2 * number")
    assert told == "The file is changed."
    difference = await box.difference()
    assert (difference.added, difference.changed) == (("new/tools.py",), ("double.py",))
    assert difference.tree["double.py"] == b"def double(number):\n    return 2 * number\n"


@pytest.mark.parametrize(("old", "count"), [("nowhere", 0), ("number", 2), ("", 0)])
async def test_a_replacement_needs_one_place(workspace: Workspace, box: SessionBox, old: str, count: int) -> None:
    told = await done(workspace, "replace", path="double.py", old=old, new="x")
    assert f"occurs {count} times in the file" in told
    assert (await box.difference()).changed == ()


async def test_the_check_is_shown_as_data(workspace: Workspace) -> None:
    assert FENCE.data("result of the check", "A1: passed") == await done(workspace, "check")


async def test_a_box_that_has_ended_ends_the_session(sandbox: Bubblewrap) -> None:
    limits = replace(SESSION_LIMITS["new"], minutes=0.03)
    async with SessionBox(sandbox, TREE, limits=limits, allow_degraded=True) as box:
        workspace = workspace_in(box)
        assert "Exit code 0" in await done(workspace, "run", command="true"), "control"
        with pytest.raises(BoxEnded, match="the minutes of the session are over"):
            await done(workspace, "run", command="sleep 60")


async def test_a_tool_in_a_closed_box_has_not_done_its_action(workspace: Workspace, box: SessionBox) -> None:
    await box.close()
    told = await done(workspace, "write", path="a.py", content="")
    assert told.startswith("Not done:\n[data ")
