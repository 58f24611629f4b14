"""Sandbox interface. A sandbox runs untrusted code within limits, and reports which limits this machine can enforce."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from domain.tree import Tree

MIB = 1024 * 1024
PAGE_BYTES = 4096  # unit of a file's size in the work folder
PYTHON = "python3"
"""Name of the Python interpreter in a box, for `argv`. Every sandbox puts this program on PATH."""
WORK = "/work"
"""The private work folder of a box. It is the working directory of `argv`."""
PROGRAMS = "/aura/bin"
"""First folder on the box's PATH. The `read_only` files in this folder are executable."""

Reason = Literal["exit", "timeout", "memory", "output_limit", "file_limit", "setup_failed"]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one run. They apply to all processes of the run together, except `open_files`: it limits each process.

    `work_bytes` and `files` limit only the files that the run writes. A sandbox adds the size and number of the input
    files.
    """

    wall_s: float = 30.0
    memory_bytes: int = 512 * MIB
    processes: int = 64
    output_bytes: int = MIB  # stdout and stderr together
    file_bytes: int = 32 * MIB  # largest size of one file
    work_bytes: int = 64 * MIB  # total size of the work folder
    tmp_bytes: int = 48 * MIB  # size of /tmp: enough for a command's output and one file of the largest permitted size
    files: int = 4096  # number of files in all writable folders together
    open_files: int = 256  # number of files that one process may have open
    collect_files: int = 200
    collect_bytes: int = 8 * MIB
    collect_depth: int = 16


class LiveBox(msgspec.Struct, frozen=True, kw_only=True):
    """Access to a box while it runs.

    `work` is the descriptor of the work folder. It is closed when the box has ended, so the receiver duplicates it.
    `oom_kills` counts how often the memory limit was exceeded. `file_count` counts the entries of all writable folders.
    """

    work: int
    oom_kills: Callable[[], int]
    file_count: Callable[[], int]


class RunSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Specification of one run.

    `files` are written into the work folder; their paths are relative. If `files` is a tree, the box also gets its file
    modes and links, and an empty folder for each submodule. `read_only` files have absolute paths in the box.

    `collect` has glob patterns of the files to copy out, relative to the work folder. `**` matches across folders.
    `folders` maps an absolute path in the box to a folder of the host, which the box sees read-only. Every user must be
    able to read such a folder, and it must contain nothing that is secret from code under test. `links` maps the path
    of a link in the box to a folder below the work folder; both are absolute. `door` is the descriptor of a socket that
    becomes the standard input of the run, instead of `stdin`. The run gets a copy of it; the caller closes the
    original.

    `live` is for a program that runs many commands, one after another. The sandbox calls it before the program starts.
    Then an exceeded memory or file limit does not end the box: the receiver of `live` watches these limits and ends the
    command. Where the sandbox permits it, the program is the first process of the box, which no other process of the
    box can kill.
    """

    argv: tuple[str, ...]
    files: Mapping[str, bytes] = {}
    read_only: Mapping[str, bytes] = {}
    folders: Mapping[str, Path] = {}
    env: Mapping[str, str] = {}
    stdin: bytes = b""
    door: int | None = None
    links: Mapping[str, str] = {}
    limits: Limits = Limits()
    collect: tuple[str, ...] = ()
    live: Callable[[LiveBox], None] | None = None


def with_room(spec: RunSpec) -> RunSpec:
    """Return the run with limits that include the input files."""
    tree = Tree.of(spec.files)
    paths = tree.paths()
    folders = set[str]()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    taken = sum(-(-len(content) // PAGE_BYTES) * PAGE_BYTES for content in tree.values())
    limits = msgspec.structs.replace(
        spec.limits,
        files=spec.limits.files + len(paths) + len(folders),
        work_bytes=spec.limits.work_bytes + taken,
    )
    return msgspec.structs.replace(spec, limits=limits)


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a run. If `reason` is `setup_failed`, `argv` was never started, and `stderr` contains the cause.

    `exit_code` is the exit status that the code chose, or None if the sandbox ended the run. `refused` lists the files
    that were not copied out, with reasons. `folders` are the empty folders that match `collect`.
    """

    reason: Reason
    exit_code: int | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    files: Mapping[str, bytes] = {}
    refused: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    wall_s: float = 0.0
    peak_memory_bytes: int | None = None


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """Limits that a sandbox enforces on this machine, proven by trial runs.

    `not_held` names the limits that it cannot enforce.
    """

    backend: str  # for example "bubblewrap 0.11.0"
    confinement: str  # "cgroup v1", "cgroup v2", "systemd scope" or "none"
    tree_memory: bool
    processes: bool
    syscall_filter: bool
    not_held: tuple[str, ...] = ()
    image: str = ""  # hex sha256 of the read-only files that the boxes see


class Sandbox(Protocol):
    """Runner of untrusted code. `run` never raises for faults of the code. It raises Unavailable if no box starts."""

    async def probe(self) -> Capabilities: ...
    async def run(self, spec: RunSpec) -> RunResult: ...
    async def sweep(self) -> int: ...
    async def close(self) -> None: ...
