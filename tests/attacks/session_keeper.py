"""Boxes of sessions whose keeper a test can find on this machine."""

import os
from pathlib import Path
from typing import Any

from domain.tree import Tree
from tests.attacks.leftovers import processes_with
from verification.sandbox.session_box import SessionBox

MARK = "AURA_TEST_MARK"
"""Variable of a box by which its keeper is found."""


def program(code: str) -> list[str]:
    return ["python3", "-I", "-c", code]


def keeper_of(box: SessionBox) -> int:
    """Return the pid of a box's keeper on this machine."""
    mark = f"{MARK}={box.initial['mark'].decode()}".encode()
    return next(pid for pid in processes_with("/aura/keeper.py") if mark in environment_of(pid))


def environment_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def marked() -> dict[str, Any]:
    """Return the arguments of a box that `keeper_of` finds."""
    mark = os.urandom(8).hex()
    return {"tree": Tree({"mark": mark.encode()}), "env": {MARK: mark}, "allow_degraded": True}
