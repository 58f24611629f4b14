"""The sources of release 0.1.0, out of the history of git."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RELEASE = "8ed47f99b415c297055b2d806e4b025177a90c46"


def release(folder: Path) -> None:
    """Write the sources of release 0.1.0 to a folder. Skips the test where the history does not go back so far."""
    if subprocess.run(["git", "cat-file", "-e", RELEASE], cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip("the history of git does not go back to release 0.1.0: it needs a full clone")
    archive = subprocess.run(["git", "archive", RELEASE], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
