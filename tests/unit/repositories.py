"""Repositories for tests: git as the oracle, plans of commits, and a fingerprint of a folder."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from agents.delivery.commit_plan import CommitPlan

GIT_WALL_S = 240
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
GIT_ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
    **{f"GIT_{who}_{what}": "ada" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=folder, env=GIT_ENV, capture_output=True, text=True, timeout=GIT_WALL_S, check=False
    )
    assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
    return done.stdout


def plan(files: dict[str, bytes | None], number: int = 1) -> CommitPlan:
    return CommitPlan(
        files={path: content for path, content in files.items() if content is not None},
        deleted=frozenset(path for path, content in files.items() if content is None),
        message=f"T{number}: words are joined by one hyphen\n\nAccepted at the second attempt.",
        trailers=(("Aura-Task", f"T{number}"), ("Aura-Employee", "smol"), ("Aura-Verdict", "v-1"), ("Aura-Tree", "00")),
        at_us=1_795_000_000_000_000 + number * 1_000_000,
    )


TWO = (
    plan({"slugify.py": b"def slugify(text): ...\n"}, 1),
    plan(
        {"slugify.py": b"def slugify(text): ...\n", "pkg/history.py": b"class History: ...\n", "\u00fc/x.txt": b""}, 2
    ),
)


def fingerprint(folder: Path) -> str:
    """Return all visible facts of a folder: paths, kinds, modes, contents, and the times of the last change."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        total.update(repr((str(path), status.st_mode, status.st_mtime_ns, content)).encode())
    return total.hexdigest()
