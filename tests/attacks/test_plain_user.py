"""The sandbox for a plain user, and without cgroups: it has the same walls, and reports the limits that are missing."""

import json
import os
import random
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.errors import Refused
from tests.attacks.in_session import ALIVE_SAID
from tests.cheats.judged import Puzzle
from tests.tiers import CI
from verification.judge import Candidate, judge
from verification.sandbox.base import Limits, RunSpec
from verification.sandbox.bubblewrap import Bubblewrap
from verification.sandbox.confinement import Watched
from verification.sandbox.program import reachable

pytestmark = pytest.mark.needs_sandbox

NOBODY = 65534
MIB = 1024 * 1024
ROOT = Path(__file__).resolve().parents[2]


def _interpreter() -> Path | None:
    """Return an interpreter of this version that a plain user can start."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    candidates = (Path(sys.executable).resolve(), Path("/usr/bin") / version, Path("/usr/local/bin") / version)
    return next((path for path in candidates if path.exists() and reachable(path, NOBODY)), None)


def as_plain_user(module: str, *arguments: str) -> dict[str, Any]:
    """Run a program of these tests as a plain user, and return what it printed. Skip the test if that is impossible.

    The first argument of the program is the port of a listener of this machine. `arguments` follow.
    """
    packages = Path(msgspec.__file__).parents[1]
    as_user = os.getuid() == 0
    python = _interpreter() if as_user else Path(sys.executable)
    if python is None or (as_user and not (reachable(packages, NOBODY) and reachable(ROOT, NOBODY))):
        pytest.skip("no interpreter, packages or project that a plain user can reach")
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = subprocess.run(
            [python, "-B", "-m", f"tests.attacks.{module}", str(server.getsockname()[1]), *arguments],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT}:{packages}"},
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
            user=NOBODY if as_user else None,
            group=NOBODY if as_user else None,
            extra_groups=[] if as_user else None,
        )
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_session_of_a_plain_user(sandbox: Bubblewrap) -> None:  # noqa: ARG001 - skips where there is none
    told = as_plain_user("plain_session")
    assert told["honest"] == ["exit", 0, 0, "hi\nran\none\n"]
    assert told["background"][:3] == ["exit", 0, 2]
    assert (told["network"][1], told["home"][1]) == (1, 1)
    assert "No space left on device" in told["disk"][3]
    assert told["files"][0] == "file_limit"
    assert told["tidy"][:2] == ["exit", 0]
    assert told["hang"][0] == "timeout"
    assert told["memory"][0] == "memory" or told["memory"][1] == 1
    assert told["alive"] == ALIVE_SAID
    assert told["difference"] == [["a/new"], [], ["a/in"], []]


@pytest.mark.parametrize("arguments", [pytest.param((), id="new boxes"), pytest.param(("pool",), id="pool", marks=CI)])
def test_the_same_walls_for_a_plain_user(sandbox: Bubblewrap, arguments: tuple[str, ...]) -> None:  # noqa: ARG001
    told = as_plain_user("plain_user", *arguments)
    assert told["all from the pool"] is bool(arguments)
    assert told["honest"] == ["exit", 0, "hi", ["out"]]
    for name in ("network", "home", "disk", "forks"):
        assert told[name][:2] == ["exit", 1], (name, told[name])
    assert told["files"][0] == "file_limit"
    assert told["hang"][0] == "timeout"
    assert told["memory"][0] == "memory" or told["memory"][:2] == ["exit", 1]
    assert told["right"] == [True, told["not_held"]]
    assert told["table"] == [False, told["not_held"]]
    assert told["keeps"] == [True, told["not_held"]]
    assert told["forgets"] == [False, told["not_held"]]
    assert (told["confinement"] == "none") == ("tree memory" in told["not_held"])


async def test_without_a_group_the_judge_refuses_unless_told_to_accept() -> None:
    sandbox = Bubblewrap(confinements=lambda: [Watched()])
    puzzle = Puzzle(random.Random(0))
    try:
        held = await sandbox.probe()
        assert (held.tree_memory, held.not_held) == (False, ("tree memory",))
        with pytest.raises(Refused, match="tree memory"):
            await judge(Candidate(requirement=puzzle.requirement(), tree=puzzle.right()), sandbox=sandbox, seed=1)
        accepted = await judge(
            Candidate(requirement=puzzle.requirement(), tree=puzzle.right(), whole=False),
            sandbox=sandbox,
            seed=1,
            allow_degraded=True,
        )
        assert accepted.verified
        assert accepted.not_held == ("tree memory",)
        eater = puzzle.solution("x = [bytearray(1 << 24) for _ in range(64)]\nreturn text")
        found = await judge(
            Candidate(requirement=puzzle.requirement(), tree=eater), sandbox=sandbox, seed=1, allow_degraded=True
        )
        assert {each.kind for each in found.findings} == {"memory", "sealed_failed"}
    finally:
        await sandbox.close()


async def test_the_watcher_ends_a_tree_that_eats_slowly() -> None:
    """Best effort, and never claimed: a tree of processes that grows within sight of the watcher is ended."""
    sandbox = Bubblewrap(confinements=lambda: [Watched()])
    code = (
        "import os, time\nfor _ in range(8):\n  if os.fork() == 0:\n"
        "    x = bytearray(b'x') * (30 << 20)\n    time.sleep(5)\n    os._exit(0)\ntime.sleep(4)"
    )
    try:
        limits = Limits(wall_s=20, memory_bytes=128 * MIB)
        greedy = await sandbox.run(RunSpec(argv=("python3", "-I", "-c", code), limits=limits))
        assert greedy.reason == "memory"
    finally:
        await sandbox.close()
