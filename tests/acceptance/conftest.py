"""Homes for whole organisations."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """What a shell starts in the background ignores SIGINT, and so would every command that a test interrupts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def open_home() -> Iterator[Path]:
    """An AURA_HOME that the database's user can traverse, which pytest's own folders are not for root."""
    folder = Path(tempfile.mkdtemp(prefix="aura-home-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
