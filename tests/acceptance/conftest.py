"""Fixtures with homes for whole organisations."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Enable SIGINT again.

    A shell starts background processes with SIGINT ignored, and child processes inherit this.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def open_home() -> Iterator[Path]:
    """Return an AURA_HOME that the database's user can enter. Root's pytest folders are closed to this user."""
    folder = Path(tempfile.mkdtemp(prefix="aura-home-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
