"""The worker's report on files is compared with the files that remain after the box."""

import pytest

from verification.execution.output_files import untrue, watched_at_last, with_room
from verification.requirements.model import Case, Expectation, Step
from verification.sandbox.base import Limits, RunResult
from verification.sandbox.copyout import REFUSED_MAX

STEPS = (
    Step(action="call", expect=Expectation(files_after={"out.txt": "x\n"}, files_unchanged=("in/a.txt",))),
    Step(action="call", expect=Expectation(files_absent=("left.tmp",))),
)
CASE = Case(steps=STEPS, line=1)
TRUE = {"out.txt": "x\n", "in/a.txt": {"$bytes": "/w=="}, "left.tmp": None}
LEFT = {"case/out.txt": b"x\n", "case/in/a.txt": b"\xff"}


def test_the_last_step_tells_of_the_files_of_all() -> None:
    assert watched_at_last(CASE) == {"out.txt", "in/a.txt", "left.tmp"}


@pytest.mark.parametrize(
    ("told", "result"),
    [
        (TRUE, RunResult(reason="exit", files=LEFT)),
        (TRUE, RunResult(reason="exit", files=LEFT, refused=("case/other: a symbolic link",))),
        (
            TRUE | {"left.tmp": {"$object": "no plain file"}},
            RunResult(reason="exit", files=LEFT | {"case/left.tmp": b""}),
        ),
        (
            TRUE | {"left.tmp": {"$object": "no plain file"}},
            RunResult(reason="exit", files=LEFT, refused=("case/left.tmp: a symbolic link",)),
        ),
    ],
)
def test_the_truth_holds(told: dict[str, object], result: RunResult) -> None:
    assert untrue(CASE, told, result) is None


@pytest.mark.parametrize(
    ("told", "left", "refused", "path"),
    [
        (TRUE, LEFT | {"case/in/a.txt": b"changed"}, (), "in/a.txt"),
        (TRUE, {"case/in/a.txt": b"\xff"}, (), "out.txt"),
        (TRUE, LEFT | {"case/left.tmp": b""}, (), "left.tmp"),
        (TRUE, LEFT, ("case/left.tmp: not a regular file",), "left.tmp"),
        (TRUE, LEFT, tuple(f"a{n}: its name or entry cannot be read" for n in range(REFUSED_MAX)), "left.tmp"),
        (TRUE, {"case/out.txt": b"x\n"}, ("case/in: cannot be opened",), "in/a.txt"),
        (TRUE, {"case/out.txt": b"x\n"}, ("case/in/a.txt: a hard link",), "in/a.txt"),
        (TRUE | {"left.tmp": {"$object": "no plain file"}}, LEFT, (), "left.tmp"),
        ({}, LEFT, (), "in/a.txt"),
    ],
)
def test_what_is_not_so_is_named(
    told: dict[str, object], left: dict[str, bytes], refused: tuple[str, ...], path: str
) -> None:
    assert untrue(CASE, told, RunResult(reason="exit", files=left, refused=refused)) == path


def test_there_is_room_for_all_that_is_named() -> None:
    deep = "/".join("abcdefghijklmnopqrst") + "/x"
    case = Case(steps=(Step(action="call", expect=Expectation(files_absent=(deep,))),), line=1)
    limits = with_room(case, Limits())
    assert limits.collect_depth >= len(deep.split("/"))
    assert limits.collect_bytes >= limits.work_bytes
