"""The control: a common, naive gate. It runs the visible tests in the author's tree and trusts the exit code."""

import asyncio
from collections.abc import Mapping

from domain.tree import Tree
from verification.packages.toolbox import TOOLS, toolbox
from verification.requirements.scope import path_fault
from verification.sandbox.base import MIB, PYTHON, WORK, Limits, RunSpec, Sandbox

WALL_S = 6.0
LIMITS = Limits(wall_s=WALL_S, memory_bytes=256 * MIB)


async def accepts(tree: Mapping[str, bytes], sandbox: Sandbox, *options: str) -> bool:
    """Whether `python -m pytest` ends with 0 in the author's tree. It runs in a box, because cheats can do harm."""
    tools = await asyncio.to_thread(toolbox, ("pytest",))
    spec = RunSpec(
        argv=(PYTHON, "-m", "pytest", "-q", *options, "tests"),
        files=Tree.of(tree).kept(lambda path: path_fault(path) is None),
        folders={TOOLS: tools},
        env={"PYTHONPATH": f"{WORK}:{TOOLS}", "PYTHONDONTWRITEBYTECODE": "1"},
        limits=LIMITS,
    )
    result = await sandbox.run(spec)
    return result.reason == "exit" and result.exit_code == 0
