"""The toolbox of a coding agent: a folder of the home with its program, which boxes see read-only.

It is built once, under a temporary name, and then renamed. Nothing of the packages runs on this machine: no install
script of npm, and no build of a Python package.
"""

import fcntl
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from agents.cli_agents.installers import Say, install_npm, install_pip
from agents.cli_agents.template import AgentTemplate, places
from domain.errors import Conflict, NotFound, Unavailable

FOLDER = "toolboxes"
"""Name of the folder with all toolboxes in the home."""
FORM = 1
"""Version of a toolbox's form. Raise it when a toolbox is built differently."""
FREE_BYTES_MIN = 2 * 1024**3
"""Free space that a build needs. The largest agent takes 0.7 GB, and the package managers need temporary space."""
DIGEST_CHARS = 16
_NOT_A_NAME = re.compile(r"[^a-z0-9]+")
_LISTING = "toolbox.json"


class ToolboxListing(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a toolbox: all installed packages with their versions."""

    template: str
    packages: dict[str, str]


_listing = msgspec.json.Decoder(ToolboxListing)


def toolbox_name(template: AgentTemplate) -> str:
    """Return the folder's name. It follows from the packages, their versions, this machine and this Python.

    So two templates with the same program share a folder.
    """
    packages = template.packages()
    first = _NOT_A_NAME.sub("-", min(packages).rpartition("/")[2])
    python = sys.implementation.cache_tag if template.pip else ""
    content = msgspec.json.encode([FORM, packages, template.node, places(), python], order="sorted")
    return f"{first}-{hashlib.sha256(content).hexdigest()[:DIGEST_CHARS]}"


def find_toolbox(home: Path, template: AgentTemplate) -> Path:
    """Return the built toolbox of a template. Raises NotFound with the command that builds it."""
    folder = home / FOLDER / toolbox_name(template)
    if not (folder / _LISTING).is_file():
        raise NotFound(
            f"The program of the coding agent {template.name} is not installed in {home / FOLDER}.",
            hint=f"Run `aura toolbox {template.name}` on each machine with a worker of this agent.",
            code="toolbox_missing",
        )
    return folder


def build_toolbox(home: Path, template: AgentTemplate, say: Say) -> Path:
    """Build the toolbox of a template if it does not exist, and return its folder. It takes seconds to minutes.

    Raises Unavailable if a program, the network or space is missing, and Conflict if another process builds it now.
    """
    shelf = home / FOLDER
    folder = shelf / toolbox_name(template)
    try:
        shelf.mkdir(parents=True, exist_ok=True)
        with _alone(shelf, folder.name):
            if not (folder / _LISTING).is_file():
                _check_space(shelf)
                _build(folder, template, say)
    except OSError as error:
        raise Unavailable(
            f"The toolbox of {template.name} cannot be written: {error}.",
            hint=f"Make {shelf} writable, and free some space.",
            code="toolbox_failed",
        ) from error
    return folder


def packages_of(folder: Path) -> dict[str, str]:
    """Return all installed packages of a toolbox with their versions."""
    return _listing.decode((folder / _LISTING).read_bytes()).packages


@contextmanager
def _alone(shelf: Path, name: str) -> Iterator[None]:
    """Hold the lock of one toolbox. It is free again when this process ends, however it ends."""
    descriptor = os.open(shelf / f".{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                f"Another process builds the toolbox {name} now.", hint="Wait until it has ended.", code="toolbox_busy"
            ) from None
        yield
    finally:
        os.close(descriptor)


def _check_space(shelf: Path) -> None:
    free = shutil.disk_usage(shelf).free
    if free < FREE_BYTES_MIN:
        raise Unavailable(
            f"{shelf} has {free >> 20} MiB of free space; a toolbox needs {FREE_BYTES_MIN >> 20} MiB.",
            hint="Free some space, or set AURA_HOME to a folder on a larger disk.",
            code="disk_full",
        )


def _build(folder: Path, template: AgentTemplate, say: Say) -> None:
    made = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(made, ignore_errors=True)  # of a build that was killed
    try:
        made.mkdir()
        packages = template.packages()
        if template.npm:
            if template.node:
                packages[f"node-linux-{places()['arch']}"] = template.node
            installed = install_npm(made, packages, say)
        else:
            installed = install_pip(made, packages, say)
        if template.node:
            _add_node(made)
        _make_readable(made)
        listing = ToolboxListing(template=template.name, packages=installed)
        (made / _LISTING).write_bytes(msgspec.json.format(msgspec.json.encode(listing, order="sorted")))
        shutil.rmtree(folder, ignore_errors=True)  # damaged: it has no listing
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    say(f"{template.name} is ready: {len(installed)} packages in {folder}")


def _add_node(made: Path) -> None:
    """Put Node.js on the agent's path."""
    (made / "bin").mkdir()
    (made / "bin" / "node").symlink_to(f"../node_modules/node-linux-{places()['arch']}/bin/node")


def _make_readable(made: Path) -> None:
    """Let every user read all files, and execute those that the owner can execute."""
    made.chmod(0o755)
    for place, folders, names in os.walk(made):
        for name in (*folders, *names):
            path = Path(place, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
