"""The libraries of a requirement. They are resolved once to a lock with hashes, and then installed as the lock says.

pip does this in a child process, with the user's own configuration of package indexes. It installs only wheels, so no
code of a package runs during the installation. The result is a folder that boxes see read-only.
"""

import contextlib
import os
import re
import secrets
import shutil
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

from domain.errors import AuraError, Invalid, LimitReached, Refused, Unavailable
from verification.requirements.dependencies import locked, project_name
from verification.requirements.model import Requirement
from verification.sandbox.child_process import run_program

FETCH_WALL_S = 600.0
INSTALL_WALL_S = 300.0
LIBRARIES_BYTES_MAX = 1024 * 1024 * 1024  # limit for all wheels of one requirement together
STALE_S = 24 * 3600.0  # age after which an unfinished folder of a killed process is removed
TOLD_LINES_MAX = 3
VERSIONS_CHARS_MAX = 200
Say = Callable[[str], None]
_PIP = ("-P", "-m", "pip", "--no-input", "--disable-pip-version-check", "--retries", "1")
_WHEELS = ("download", "--quiet", "--only-binary=:all:")
_OFFLINE = re.compile(
    r"NewConnectionError|ConnectTimeout|ReadTimeout|Failed to establish|Name or service|Temporary failure|"
    r"Connection (?:refused|reset|broken)|Network is unreachable|ProxyError|SSLError|Max retries|timed out"
)


class NoWheel(Invalid):
    """Error raised when the package index has no wheel of a required package.

    `needed_by` is the project that needs this package. It is empty if the user named the package.
    """

    def __init__(self, wanted: str, needed_by: str, *, hint: str) -> None:
        message = f"The package index has no wheel of {wanted} for this Python and machine."
        super().__init__(message, hint=hint, code="no_wheel")
        self.wanted = wanted
        self.needed_by = needed_by


async def libraries_of(requirement: Requirement, folder: Path, say: Say = lambda _: None) -> Path | None:
    """Return the folder below `folder` with the requirement's libraries, or None if it has no dependencies.

    It installs exactly the files whose hashes the lock contains. Raises the errors of `resolved` and `installed`.
    """
    if not requirement.dependencies and requirement.lock is None:
        return None
    return await installed(await lock_of(requirement, folder, say), folder, say)


async def lock_of(requirement: Requirement, folder: Path, say: Say = lambda _: None) -> bytes:
    """Return the requirement's lock, or resolve its pins to a lock. Raises Invalid if a pin is not in its lock."""
    if requirement.lock is None:
        return await resolved(requirement.dependencies, folder, say)
    names = locked(requirement.lock) or {}
    for pin in requirement.dependencies:
        if project_name(pin) not in names:
            raise Invalid(
                f"The lock of the dependencies does not contain {pin}.",
                hint="Submit the requirement again.",
                code="lock_invalid",
            )
    return requirement.lock


async def resolved(pins: Sequence[str], folder: Path, say: Say = lambda _: None) -> bytes:
    """Return the lock of the pins and of their dependencies: sorted lines `name==version --hash=sha256:…`.

    The lock is stored below `folder` for later calls. Raises Unavailable if there is no package index, and Invalid if
    the index does not have a pin.
    """
    kept = folder / f"{_digest(chr(10).join(sorted(pins)).encode())}.lock"
    if kept.is_file() and locked(content := kept.read_bytes()):
        return content
    say(f"Fetching {', '.join(pins)} and their dependencies from the package index.")
    with _making(folder) as made:
        await _pip(*_WHEELS, "--dest", str(made), *pins, wall_s=FETCH_WALL_S, pins=pins)
        lines = [_locked_line(wheel) for wheel in sorted(made.glob("*.whl"))]
        lock = "".join(sorted(lines)).encode()
        if not locked(lock) or sum(wheel.stat().st_size for wheel in made.glob("*.whl")) > LIBRARIES_BYTES_MAX:
            raise LimitReached(
                f"The wheels of {', '.join(pins)} and their dependencies have more than {LIBRARIES_BYTES_MAX} bytes.",
                hint="Name fewer or smaller dependencies.",
            )
        await _install(lock, made, folder, say)
        (made / "lock").write_bytes(lock)
        os.replace(made / "lock", kept)
    return lock


async def resolved_without_missing(
    requirements: Sequence[str], folder: Path, say: Say = lambda _: None
) -> tuple[bytes | None, tuple[str, ...]]:
    """Return the lock of the requirements that have a wheel in the package index, and the requirements without a wheel.

    This is used for a base's declared packages, because a plugin without a wheel must not prevent the verdict. The lock
    is None if no requirement remains. Raises Unavailable if there is no index, and Invalid if requirements conflict.
    """
    wanted, missing = list(requirements), list[str]()
    while wanted:
        try:
            return await resolved(wanted, folder, say), tuple(missing)
        except NoWheel as error:
            named = [pin for pin in wanted if project_name(pin) in (project_name(error.wanted), error.needed_by)]
            if not named:
                raise
            wanted = [pin for pin in wanted if pin not in named]
            missing += named
            say(f"Going on without {', '.join(named)}. {error.message}")
    return None, tuple(missing)


async def installed(lock: bytes, folder: Path, say: Say = lambda _: None) -> Path:
    """Return the folder with exactly the locked libraries. Create it if it does not exist.

    Raises Unavailable if there is no package index, and Refused (`library_changed`) if the hash of a library in the
    index differs from the lock.
    """
    if (target := _target(lock, folder)).is_dir():
        return target
    names = [f"{name}=={version}" for name, (version, _) in (locked(lock) or {}).items()]
    say(f"Fetching {', '.join(names)}, the versions in the lock.")
    with _making(folder) as made:
        (made / "lock").write_bytes(lock)
        args = ("--no-deps", "--require-hashes", "--requirement", str(made / "lock"))
        await _pip(*_WHEELS, "--dest", str(made), *args, wall_s=FETCH_WALL_S, pins=names)
        return await _install(lock, made, folder, say)


def modules_in(libraries: Path) -> set[str]:
    """Return the names of the top-level modules and packages in a libraries folder."""
    entries = [entry.name for entry in libraries.iterdir() if entry.name not in ("bin", "__pycache__")]
    return {name.partition(".")[0] for name in entries if not name.endswith((".dist-info", ".libs", ".pth"))}


async def _install(lock: bytes, wheels: Path, folder: Path, say: Say) -> Path:
    """Install local wheels without a network and without running their code. Each wheel must have the lock's hash."""
    if (target := _target(lock, folder)).is_dir():
        return target
    names = locked(lock) or {}
    say(f"Installing {len(names)} {'library' if len(names) == 1 else 'libraries'} and checking the hashes.")
    with _making(folder) as made:
        (made / "lock").write_bytes(lock)
        offline = ("install", "--quiet", "--no-index", "-f", str(wheels), "--only-binary=:all:")
        exact = ("--no-deps", "--require-hashes", "--requirement", str(made / "lock"))
        args = (*offline, *exact, "--target", str(made / "site"))
        await _pip(*args, wall_s=INSTALL_WALL_S, pins=list(names))
        _open_to_all(made / "site")
        with contextlib.suppress(FileExistsError, OSError):  # another process has created it
            os.rename(made / "site", target)
    if not target.is_dir():
        raise Unavailable(f"{target} could not be created.", hint="Check free space and permissions there.")
    return target


def _target(lock: bytes, folder: Path) -> Path:
    if locked(lock) is None:
        raise Invalid("The lock of the dependencies cannot be read.", hint="Submit the requirement again.")
    return folder / _digest(lock)


def _digest(content: bytes) -> str:
    """Return a digest of the content, the interpreter and the platform, because wheels depend on the last two."""
    return sha256(f"{sys.implementation.cache_tag} {sysconfig.get_platform()}\n".encode() + content).hexdigest()


def _locked_line(wheel: Path) -> str:
    """Return the line for a wheel in the lock. The wheel's file name begins with name and version."""
    name, version = wheel.name.split("-")[:2]
    return f"{project_name(name)}=={version} --hash=sha256:{sha256(wheel.read_bytes()).hexdigest()}\n"


@contextlib.contextmanager
def _making(folder: Path):  # type: ignore[no-untyped-def]
    """Create a temporary folder below `folder` and remove it at the end of the `with` block."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("making-*"):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > STALE_S:
                shutil.rmtree(old, ignore_errors=True)
    made = folder / f"making-{secrets.token_hex(8)}"
    made.mkdir()
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _open_to_all(folder: Path) -> None:
    """Make all files readable for every user and writable for the owner only."""
    for place, _, names in os.walk(folder):
        os.chmod(place, 0o755)
        for name in names:
            path = Path(place) / name
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


async def _pip(*arguments: str, wall_s: float, pins: Sequence[str]) -> None:
    """Run pip to its end. Raises Unavailable, Invalid or Refused, according to pip's message."""
    try:
        done = await run_program((sys.executable, *_PIP, *arguments), wall_s=wall_s)
    except TimeoutError as error:
        raise Unavailable(
            f"pip did not end within {wall_s:g} s.", hint="Try again when the package index answers faster."
        ) from error
    if done.returncode != 0:
        raise _error((done.stdout + done.stderr).decode("utf-8", "replace"), pins)


def _error(said: str, pins: Sequence[str]) -> AuraError:
    """Return the error for pip's output `said`, with one sentence for people."""
    named = ", ".join(pins)
    if "No module named pip" in said:
        return Unavailable(
            f"{named} cannot be installed: this Python has no pip.",
            hint="Run `python -m ensurepip`.",
            code="pip_missing",
        )
    if "DO NOT MATCH THE HASHES" in said:
        wrong = re.search(r"^\s+(\S+==\S+) from", said, re.MULTILINE)
        return Refused(
            f"The hash of {wrong[1] if wrong else named} in the package index differs from the hash in the lock.",
            hint="Find out the reason before you trust the package. If you submit again, Aura makes a new lock.",
            code="library_changed",
        )
    lines = [line.strip() for line in said.splitlines() if line.strip().startswith("ERROR:")][-TOLD_LINES_MAX:]
    told = " ".join(line.removeprefix("ERROR:").strip() for line in lines)[:600]
    if _OFFLINE.search(said):
        return Unavailable(
            f"{named} cannot be fetched: the package index does not answer.",
            hint="Check the network and pip's configuration (`pip config list`). "
            "After packages are fetched once, no network is needed.",
            code="index_unreachable",
        )
    if "ResolutionImpossible" in said:
        return Invalid(f"These packages conflict with each other: {named}.", hint=f"Choose other versions. pip: {told}")
    if "No matching distribution" in said:
        wanted = re.search(r"No matching distribution found for (\S+)(?: \(from ([\w.-]+))?", said)
        versions = re.search(r"\(from versions: ([^)]*)\)", said)
        have = versions[1] if versions and versions[1] != "none" else ""
        return NoWheel(
            wanted[1] if wanted else named,
            project_name(wanted[2]) if wanted and wanted[2] else "",
            hint=f"Choose one of {have[-VERSIONS_CHARS_MAX:]}."
            if have
            else "Check the name. Aura installs only wheels.",
        )
    return Unavailable(
        f"{named} cannot be installed: {told or said.strip()[-300:]}",
        hint="Correct the cause in pip's message, then try again.",
    )
