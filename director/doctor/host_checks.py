"""Checks of `aura doctor` on the machine itself: Python, disk space, control groups, and limits of a sandbox."""

import asyncio
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

from bus import disk_room, event_loop
from bus.disk_room import size_text
from bus.embedded.home import Home
from director.doctor.check import Part, State
from domain.errors import AuraError, said_by
from verification.sandbox.base import Capabilities, Sandbox
from verification.sandbox.cgroup import find_groups

PYTHON_OLDEST = (3, 11)
PROBE_WAIT_S = 60.0
SCRATCH_FREE_BYTES_MIN = 64 * 1024**2
"""The minimum free space for files that a sandbox shares with the host. Its other files are in memory."""
ACCEPT = (
    'or accept the missing limits once for this machine: aura sandbox accept LIMIT --reason "why" '
    "(or accept them for each command: --allow-degraded or AURA_ALLOW_DEGRADED=1)."
)
GROUPS_REMEDY = (
    "Run Aura where it may create control groups: as root, in a container with a writable /sys/fs/cgroup, or as a "
    f"service of systemd with Delegate=yes; {ACCEPT}"
)


def python() -> Part:
    """Check the version of Python."""
    version = platform.python_version()
    if sys.version_info >= PYTHON_OLDEST:
        return Part(name="python", says=f"{version} on {platform.system()} {platform.release()}")
    oldest = ".".join(map(str, PYTHON_OLDEST))
    return Part(
        name="python",
        state="missing",
        says=f"{version} is too old.",
        remedy=f"Install Python {oldest} or newer, and make the environment again (make clean, make demo).",
    )


def loop(choice: event_loop.LoopChoice) -> Part:
    """Report the event loop of `aura serve`. Without uvloop, asyncio does the same work with more processor time."""
    try:
        name = event_loop.name_of(choice)
    except AuraError as error:
        return Part(name="event-loop", state="missing", says=error.message, remedy=error.hint, needed=False)
    missing = " (uvloop is not installed)" if name == event_loop.PLAIN and choice != event_loop.PLAIN else ""
    return Part(name="event-loop", says=f"{name}, used by `aura serve`{missing}", needed=False)


def home(folder: Path) -> Part:
    """Check the free space and the write permission of the home."""
    place = _existing(folder)
    free = disk_room.free_bytes(place)
    says = f"{folder}: {size_text(free)} free"
    if not os.access(place, os.W_OK | os.X_OK):
        return Part(
            name="home",
            state="missing",
            says=f"{says}, but this user may not write in this folder.",
            remedy="Set AURA_HOME to another folder, or give this user the right to write in this folder.",
        )
    founded = disk_room.has_stream(Home(folder).nats_data)
    if free >= disk_room.FREE_BYTES_MIN:
        stream = "" if founded else f"; its stream may grow to {size_text(disk_room.stream_bytes(free))}"
        return Part(name="home", says=f"{says}{stream}")
    state: State = "degraded" if founded else "missing"
    remedy = f"Free {size_text(disk_room.FREE_BYTES_MIN)} on this disk, or set AURA_HOME to a folder on another disk."
    return Part(name="home", state=state, says=says, remedy=remedy)


def scratch() -> Part:
    """Check the free space for files that sandboxes share. Canary runs check that these files may be executed."""
    try:
        folder = tempfile.gettempdir()
    except FileNotFoundError as error:
        return Part(
            name="scratch",
            state="missing",
            says=f"This user cannot write in any temporary folder: {error.strerror}.",
            remedy="Free some space in /tmp, or set TMPDIR to a folder on another disk.",
        )
    free = shutil.disk_usage(folder).free
    if free >= SCRATCH_FREE_BYTES_MIN:
        return Part(name="scratch", says=f"{folder}: {size_text(free)} free")
    return Part(
        name="scratch",
        state="missing",
        says=f"{folder}: only {size_text(free)} free.",
        remedy=f"Free some space in {folder}, or set TMPDIR to a folder on another disk.",
    )


def groups() -> Part:
    """Check the version of control groups. Create a group, to check that this user may do so."""
    found = find_groups()
    if found:
        return Part(name="cgroup", says=f"{found.name}: this user may make groups with a memory limit", needed=False)
    try:
        kinds = {line.split()[2] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()}
    except OSError:
        kinds = set()
    version = "version 1" if "cgroup" in kinds else "version 2" if "cgroup2" in kinds else "none mounted"
    return Part(
        name="cgroup",
        state="degraded",
        says=f"{version}: this user may not make a group with a memory limit",
        remedy=GROUPS_REMEDY,
        needed=False,
    )


async def sandbox(name: str, made: Sandbox) -> Part:
    """Check with canary runs which limits a sandbox holds on this machine."""
    try:
        async with asyncio.timeout(PROBE_WAIT_S):
            held = await made.probe()
    except AuraError as error:
        return Part(name=name, state="missing", says=error.message, remedy=error.hint)
    except (TimeoutError, OSError) as error:
        return Part(
            name=name,
            state="missing",
            says=f"Its canary run did not end: {said_by(error)}.",
            remedy="Run `aura doctor` again when this machine is less busy.",
        )
    if not held.not_held:
        return Part(name=name, says=_held(held))
    remedy = GROUPS_REMEDY if "tree memory" in held.not_held else f"Use another sandbox or machine, {ACCEPT}"
    return Part(name=name, state="degraded", says=_held(held), remedy=remedy)


def _held(held: Capabilities) -> str:
    """Return the limits that the sandbox holds, and the limits that it does not hold, as text."""
    proven = {
        "memory of all processes together (a canary that used too much was killed)": held.tree_memory,
        "number of processes": held.processes,
        "system calls (a filter)": held.syscall_filter,
    }
    walls = [
        "no network",
        "root read-only",
        "time",
        "output",
        "disk",
        *(name for name, is_held in proven.items() if is_held),
    ]
    text = f"{held.backend}, {held.confinement}: a harmless canary ran normally. Limits held: {', '.join(walls)}."
    return text + (f" Limits not held: {', '.join(held.not_held)}." if held.not_held else "")


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())
