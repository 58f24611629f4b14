"""The sources of release 0.1.0, from the git history."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RELEASE = "8ed47f99b415c297055b2d806e4b025177a90c46"


def release(folder: Path) -> None:
    """Write the sources of release 0.1.0 to a folder. Skip the test if the git history does not contain them."""
    if subprocess.run(["git", "cat-file", "-e", RELEASE], cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip("the history of git does not go back to release 0.1.0: it needs a full clone")
    archive = subprocess.run(["git", "archive", RELEASE], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
