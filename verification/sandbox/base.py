"""Sandbox interface: one run of untrusted code within limits, and the limits that this machine can enforce."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from domain.tree import Tree

MIB = 1024 * 1024
PAGE_BYTES = 4096  # a file takes whole pages of this size
PYTHON = "python3"
"""Name of the box's own interpreter in `argv`. Every sandbox puts it on PATH."""
WORK = "/work"
"""The private work folder of a box. It is the working directory of `argv`."""
PROGRAMS = "/aura/bin"
"""First folder on the box's PATH. `read_only` files in it are executable."""

Reason = Literal["exit", "timeout", "memory", "output_limit", "file_limit", "setup_failed"]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one run. They apply to all processes of the run together; only `open_files` is for each process.

    `work_bytes` and `files` are for what the run itself writes: a sandbox adds the size and number of the input files.
    """

    wall_s: float = 30.0
    memory_bytes: int = 512 * MIB
    processes: int = 64
    output_bytes: int = MIB  # stdout and stderr together
    file_bytes: int = 32 * MIB  # one file
    work_bytes: int = 64 * MIB  # the work folder
    files: int = 4096  # in all writable folders together
    open_files: int = 256  # of one process
    collect_files: int = 200
    collect_bytes: int = 8 * MIB
    collect_depth: int = 16


class RunSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One run. `files` go into the work folder (relative paths), `read_only` elsewhere (absolute paths in the box).

    `files` may be a tree: then its modes and links go in too, and each submodule is an empty folder.

    `collect` are glob patterns of the files to copy out, relative to the work folder; `**` matches across folders.
    `folders` are folders of the host that the box sees read-only, by their absolute path in the box. Everybody must be
    able to read them, and they must not contain anything that code under test may not see. `links` are links in the box
    to folders below the work folder, both absolute paths. `door` is the descriptor of a socket that becomes the
    standard input of the run, instead of `stdin`. The run gets a copy; the caller closes its own.
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


def with_room(spec: RunSpec) -> RunSpec:
    """Return the run with limits that include the input files."""
    tree = Tree.of(spec.files)
    paths = tree.paths()
    folders = {path[:end] for path in paths for end, char in enumerate(path) if char == "/"}
    taken = sum(-(-len(content) // PAGE_BYTES) * PAGE_BYTES for content in tree.values())
    limits = msgspec.structs.replace(
        spec.limits,
        files=spec.limits.files + len(paths) + len(folders),
        work_bytes=spec.limits.work_bytes + taken,
    )
    return msgspec.structs.replace(spec, limits=limits)


class RunResult(msgspec.Struct, frozen=True, kw_only=True):
    """End of a run. With `setup_failed`, `argv` was never started, and `stderr` contains the cause.

    `exit_code` is the code's own claim, or None if the sandbox ended the run. `refused` lists the files that were not
    copied out, with reasons. `folders` are the empty folders that match `collect`.
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

    backend: str  # "bubblewrap 0.11.0"
    confinement: str  # "cgroup v1", "cgroup v2", "systemd scope" or "none"
    tree_memory: bool
    processes: bool
    syscall_filter: bool
    not_held: tuple[str, ...] = ()
    image: str = ""  # hex sha256 of the read-only files that the boxes see


class Sandbox(Protocol):
    """Runner of untrusted code. `run` never raises for faults of the code. It raises Unavailable without a sandbox."""

    async def probe(self) -> Capabilities: ...
    async def run(self, spec: RunSpec) -> RunResult: ...
    async def sweep(self) -> int: ...
    async def close(self) -> None: ...
