"""The client of the Agent Client Protocol (ACP) beside a coding agent in its box: its files and its command line."""

from collections.abc import Sequence
from pathlib import Path

import verification.in_box
from verification.sandbox.base import PROGRAMS, PYTHON

FOLDER = "/aura/acp"
"""Folder of the client in the box."""
START = f"import sys; sys.path.insert(0, {FOLDER!r}); from verification.in_box.acp_client import main; main()"
"""The code that starts the client. The variable PYTHONPATH would also reach the programs of the project."""
_MODULES = ("acp_client", "acp_steps")
_SOURCES = Path(verification.in_box.__file__).parent


def client_files() -> dict[str, bytes]:
    """Return the client as read-only files of the box, by their paths."""
    return {f"{FOLDER}/verification/in_box/{name}.py": (_SOURCES / f"{name}.py").read_bytes() for name in _MODULES}


def client_words(prompt_file: str, agent: Sequence[str]) -> tuple[str, ...]:
    """Return the command line of the client, which starts the agent and sends it the prompt of this file."""
    return (f"{PROGRAMS}/{PYTHON}", "-I", "-S", "-B", "-c", START, prompt_file, *agent)
