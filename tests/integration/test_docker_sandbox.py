"""The contract of a sandbox, which both backends must keep, and Docker's own faults: its engine or its owner fails."""

import asyncio
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import Unavailable
from domain.tree import Tree
from tests.attacks.leftovers import PATIENCE_S, descriptors, gone, processes_with
from tests.docker import box_image, docker_engine, docker_sandbox, host_of
from tests.engine.daemon import Engine
from tests.sandboxes import boxed, sandbox
from tests.services import FORGETFUL, RIGHT, notes
from verification.execution.case_runner import Project
from verification.execution.service_runner import service_problem
from verification.judge import Candidate, judge
from verification.requirements.parser import parse_requirement
from verification.sandbox.base import MIB, Limits, RunSpec, Sandbox
from verification.sandbox.docker import Docker

__all__ = ["box_image", "docker_engine", "docker_sandbox", "sandbox"]

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.timeout(300)]


BACKENDS = [
    pytest.param("sandbox", id="bubblewrap"),
    pytest.param("docker_sandbox", id="docker", marks=[pytest.mark.slow, pytest.mark.ci]),
]


@pytest.fixture(scope="module", params=BACKENDS)
def box(request: pytest.FixtureRequest) -> Sandbox:
    found: Sandbox = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def library() -> Iterator[Path]:
    """Yield a folder that every user can read, including a box's user."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "given.py").write_text("answer = 42")
        yield Path(folder)


async def test_it_holds_everything_and_says_so(box: Sandbox) -> None:
    held = await box.probe()
    assert held.backend.split()[0] in ("bubblewrap", "docker")
    assert "system calls" not in held.not_held
    assert held.syscall_filter


async def test_the_exit_code_and_the_output_are_the_codes_own(box: Sandbox) -> None:
    code = "import sys; print(sys.stdin.read() + sys.argv[1]); print('e', file=sys.stderr); sys.exit(3)"
    result = await boxed(box, code, "there", stdin=b"hello ")
    assert (result.reason, result.exit_code, result.stdout, result.stderr) == ("exit", 3, b"hello there\n", b"e\n")
    killed = await boxed(box, "import os; os.kill(os.getpid(), 9)")
    assert (killed.reason, killed.exit_code) == ("exit", 137)
    missing = await box.run(RunSpec(argv=("no-such-program",)))
    assert (missing.reason, missing.exit_code) == ("setup_failed", None)


async def test_files_go_in_and_come_out(box: Sandbox, library: Path) -> None:
    code = """
import os, subprocess, sys
sys.path.insert(0, "/library")
import given
assert os.getcwd() == "/work" and open("a/b.txt").read() == "in"
open("/data/kept", "w").write(str(given.answer) + os.environ["WORD"])
open("a/out.txt", "wb").write(subprocess.run(["tool"], capture_output=True).stdout)
refused = 0
for path in ("/aura/bin/tool", "/library/given.py", "/usr/new", "/aura/door/new"):
    try:
        open(path, "w")
    except OSError:
        refused += 1
print(refused, sorted(os.environ))
"""
    result = await boxed(
        box,
        code,
        files={"a/b.txt": b"in", "data/before": b""},
        read_only={"/aura/bin/tool": b"#!/bin/sh\necho tool"},
        folders={"/library": library},
        env={"WORD": "x"},
        links={"/data": "/work/data"},
        collect=("a/out.txt", "data/**"),
    )
    assert result.stdout == b"4 ['HOME', 'LANG', 'PATH', 'PWD', 'TMPDIR', 'WORD']\n", result.stderr
    assert dict(result.files) == {"a/out.txt": b"tool\n", "data/before": b"", "data/kept": b"42x"}
    outside = await boxed(box, "", files={"../x": b""})
    assert outside.reason == "setup_failed"


@pytest.mark.parametrize(
    ("code", "limits", "reason"),
    [
        ("import time; time.sleep(60)", Limits(wall_s=1), "timeout"),
        ("print('x' * 99)", Limits(wall_s=20, output_bytes=100), "exit"),
        ("print('x' * 101)", Limits(wall_s=20, output_bytes=100), "output_limit"),
        ("x = bytearray(20 << 20)", Limits(wall_s=20, memory_bytes=64 * MIB), "exit"),
        ("x = bytearray(90 << 20)", Limits(wall_s=20, memory_bytes=64 * MIB), "memory"),
        (
            "import os\nif os.fork() == 0: x = bytearray(90 << 20)\nelse: os.wait()",
            Limits(wall_s=20, memory_bytes=64 * MIB),
            "memory",
        ),
        ("for i in range(90): open(f'f{i}', 'w').close()", Limits(wall_s=20, files=100), "exit"),
        (
            "import time\nfor i in range(110): open(f'/tmp/f{i}', 'w').close()\ntime.sleep(9)",
            Limits(wall_s=20, files=100),
            "file_limit",
        ),
    ],
)
async def test_limits_end_a_run(box: Sandbox, code: str, limits: Limits, reason: str) -> None:
    result = await boxed(box, code, limits=limits)
    assert result.reason == reason, result
    assert len(result.stdout) <= limits.output_bytes


async def test_no_network(box: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)"
        with socket.create_connection(("127.0.0.1", port), 2):  # the control
            pass
        for address in ("127.0.0.1", "172.17.0.1", "1.1.1.1"):
            assert (await boxed(box, code, address, str(port))).exit_code == 1
    own = "import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname())"
    assert (await boxed(box, own)).exit_code == 0


async def test_nothing_outlives_a_run_or_its_end_half_way(box: Sandbox) -> None:
    await boxed(box, "")  # what is opened once stays
    before = descriptors()
    daemon = "import os, signal, sys, time\nif os.fork() == 0:\n  os.setsid(); signal.signal(15, 1); time.sleep(60)"
    mark = f"survivor-{os.urandom(6).hex()}"
    assert (await boxed(box, daemon, mark)).reason == "exit"
    assert processes_with(mark) == []
    running = asyncio.create_task(boxed(box, "import time; time.sleep(60)", mark))
    await here(mark)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert processes_with(mark) == []
    assert descriptors() == before


DOUBLE = """---
aura: 1
title: Double
deliver: library
scope: ["double.py"]
budget: {usd: "1.00", tokens: 1000, minutes: 1}
---
# Double

## Acceptance
```yaml acceptance
- id: A1
  says: a number is doubled
  cases:
    - {call: "double:double", args: [21], returns: 42}
```
"""


async def test_a_solution_is_judged(box: Sandbox) -> None:
    asked = parse_requirement(DOUBLE.encode(), None, name="double", folder=None)
    for code, verified in (
        (b"def double(n):\n    return n + n\n", True),
        (b"def double(n):\n    return n * n\n", False),
    ):
        found = await judge(
            Candidate(requirement=asked, tree={"double.py": code}), sandbox=box, seed=7, allow_degraded=True
        )
        assert found.verified == verified, found.findings


async def test_a_service_is_reached_through_its_door(box: Sandbox) -> None:
    """A restart between, so that its data goes out of one box and into the next."""
    asked = notes()
    case = next(
        each for part in asked.criteria for each in part.cases if any(s.action == "restart" for s in each.steps)
    )
    for code, passes in ((RIGHT, True), (FORGETFUL, False)):
        project = Project(files={"notes.py": code}, command=None, serve=asked.serve)
        problem = await service_problem(case, project, box)
        assert (problem is None) == passes, problem


async def here(mark: str, count: int = 1) -> None:
    """Wait until this number of processes has the mark."""
    deadline = time.monotonic() + PATIENCE_S
    while len(processes_with(mark)) < count:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


@pytest.mark.slow
async def test_what_an_engine_leaves_is_swept_by_a_later_sandbox(
    docker_engine: Engine, docker_sandbox: Docker, tmp_path: Path
) -> None:
    """kill -9 of the owner: the box ends by itself, and its container goes with the next sweep."""
    mark = f"orphan-{os.urandom(6).hex()}"
    code = f"""
import asyncio, sys
from pathlib import Path
from verification.sandbox.base import RunSpec
from verification.sandbox.docker import Docker
from verification.execution.service_runner import service_problem
run = RunSpec(argv=("python3", "-c", "import time; time.sleep(60)", sys.argv[2]))
asyncio.run(Docker({host_of(docker_engine)!r}, scratch=Path(sys.argv[1])).run(run))
"""
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(tmp_path), mark)
    await here(mark, 2)
    mine = asyncio.create_task(boxed(docker_sandbox, "import time; time.sleep(3)"))
    owner.kill()
    await owner.wait()
    assert await gone(mark)
    later = Docker(host_of(docker_engine), scratch=tmp_path)
    assert await later.sweep() == 2  # the container and the folder
    assert os.listdir(tmp_path) == []
    assert (await mine).reason == "exit"  # a living owner's box is not touched
    assert docker_engine.docker("ps", "--all", "--quiet") == ""


@pytest.mark.slow
async def test_without_engine_or_image_it_says_what_to_do(docker_engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no Docker engine at"):
        await Docker(f"unix://{tmp_path}/none.sock").run(RunSpec(argv=("true",)))
    with pytest.raises(Unavailable, match="not a Docker engine of this machine"):
        Docker("tcp://127.0.0.1:2375")
    with pytest.raises(Unavailable, match="does not have the sandbox image") as refused:
        await Docker(host_of(docker_engine), image="0" * 64).run(RunSpec(argv=("true",)))
    assert "aura sandbox build" in refused.value.hint
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        with pytest.raises(Unavailable, match="does not answer"):
            await Docker(f"unix://{tmp_path}/deaf").probe()


async def test_a_tree_is_in_the_box_with_its_modes_links_and_submodules(box: Sandbox) -> None:
    tree = Tree(
        {"a/data.txt": b"42", "a/run.sh": b"#!/bin/sh\necho ran\n"},
        executable=frozenset({"a/run.sh"}),
        links={"b/data": "../a/data.txt", "c": "a"},
        submodules={"vendor/lib": "1" * 40},
    )
    code = """import os, subprocess
print(open("b/data").read(), os.readlink("b/data"), os.listdir("vendor/lib"), sorted(os.listdir("c")))
print(os.access("a/data.txt", os.X_OK), subprocess.run(["c/run.sh"], capture_output=True, text=True).stdout.strip())
"""
    told = await boxed(box, code, files=tree)
    assert told.stdout.decode() == "42 ../a/data.txt [] ['data.txt', 'run.sh']\nFalse ran\n", told.stderr


async def test_what_goes_in_takes_nothing_of_what_a_run_may_write(box: Sandbox) -> None:
    files = {f"in/{number}": b"x" * 5000 for number in range(300)}
    code = """import sys
for number in range(int(sys.argv[1])):
    open(f"out{number}", "wb").write(b"y" * 5000)
"""
    limits = Limits(wall_s=20, files=100, work_bytes=MIB)
    assert (await boxed(box, code, "80", files=files, limits=limits)).exit_code == 0
    assert (await boxed(box, code, "130", files=files, limits=limits)).reason == "file_limit", "control"
