"""Limits of the boxes in which employees work. They are separate from the limits of a verdict (`Limits`).

A session may build and test a whole project, again and again. A verdict runs one case at a time, so its limits are
lower. A row is chosen by what the employee works on.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from verification.sandbox.base import MIB, Limits

Work = Literal["new", "base"]
"""The object of the work: a new project, or a working copy of an existing repository (a base)."""
KEEPER_BYTES = 12 * MIB  # memory for the keeper, added to the limit of the commands
KEEPER_PROCESSES = 1
KEEPER_OUTPUT_BYTES = MIB // 16  # output of the keeper itself: an error message at most


class SessionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one session's box.

    They apply to all processes of one command together, except `open_files`: it limits each process. `disk_bytes` and
    `files` limit what the session writes; a box adds the size and number of the initial files. The files that commands
    write are in memory, so they count for `memory_bytes`, too.
    """

    memory_bytes: int
    processes: int
    files: int  # number of files, links and folders in all writable folders together
    disk_bytes: int  # size of the working copy's folder
    tmp_bytes: int  # size of /tmp
    file_bytes: int  # largest size of one file
    open_files: int
    minutes: float  # limit of the whole session; then its box ends
    command_s: float  # limit of one command, if the caller names no other
    command_s_max: float  # the longest limit that a caller may name
    output_bytes: int  # output of one command that is kept: half from its beginning, half from its end


SESSION_LIMITS: Mapping[Work, SessionLimits] = {
    "new": SessionLimits(
        memory_bytes=1024 * MIB,
        processes=128,
        files=20_000,
        disk_bytes=256 * MIB,
        tmp_bytes=128 * MIB,
        file_bytes=64 * MIB,
        open_files=1024,
        minutes=60,
        command_s=60,
        command_s_max=300,
        output_bytes=64 * 1024,
    ),
    "base": SessionLimits(
        memory_bytes=2048 * MIB,
        processes=256,
        files=60_000,
        disk_bytes=1024 * MIB,
        tmp_bytes=256 * MIB,
        file_bytes=128 * MIB,
        open_files=1024,
        minutes=180,
        command_s=120,
        command_s_max=900,
        output_bytes=64 * 1024,
    ),
}
"""The limits of a session, by what the employee works on."""

AGENT_MEMORY_BYTES = 2048 * MIB
"""Memory of the program of a coding agent, in addition to its commands."""
AGENT_TMP_BYTES = 256 * MIB
AGENT_PROCESSES = 256
"""Threads and processes of the program of a coding agent, in addition to its commands."""
AGENT_OPEN_FILES = 4096


def agent_limits(limits: SessionLimits) -> SessionLimits:
    """Return the limits of a session in which a coding agent works: its program runs as one long command."""
    return msgspec.structs.replace(
        limits,
        memory_bytes=limits.memory_bytes + AGENT_MEMORY_BYTES,
        processes=limits.processes + AGENT_PROCESSES,
        tmp_bytes=limits.tmp_bytes + AGENT_TMP_BYTES,
        open_files=AGENT_OPEN_FILES,
        command_s=limits.minutes * 60,
        command_s_max=limits.minutes * 60,
    )


def box_limits(limits: SessionLimits) -> Limits:
    """Return the limits of the box that holds a session, with room for its keeper."""
    return Limits(
        wall_s=limits.minutes * 60,
        memory_bytes=limits.memory_bytes + KEEPER_BYTES,
        processes=limits.processes + KEEPER_PROCESSES,
        output_bytes=KEEPER_OUTPUT_BYTES,
        file_bytes=limits.file_bytes,
        work_bytes=limits.disk_bytes,
        tmp_bytes=limits.tmp_bytes,
        files=limits.files,
        open_files=limits.open_files,
    )
