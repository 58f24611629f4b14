"""Sandbox interface: one bounded run of untrusted code as values, and the limits that the machine can hold."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from domain.tree import Tree

MIB = 1024 * 1024
PAGE_BYTES = 4096  # what a file takes at least, and in multiples of which it grows
PYTHON = "python3"
"""The name by which `argv` asks for the box's own interpreter; every sandbox puts it on PATH."""
WORK = "/work"
"""The private work folder of a box, and the directory in which `argv` starts."""
PROGRAMS = "/aura/bin"
"""First folder of the box's PATH; `read_only` files put there are executable."""

Reason = Literal["exit", "timeout", "memory", "output_limit", "file_limit", "setup_failed"]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one run. Hard caps on the whole tree of processes, but for `open_files`, which is per process.

    `work_bytes` and `files` are the run's own: a sandbox adds what goes in.
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
    """One run: `files` go into the work folder (relative paths), `read_only` beside it (absolute paths in the box).

    `files` may be a tree: then its modes and links go in too, and each submodule is an empty folder.

    `collect` names the files to bring out as globs over paths relative to the work folder; `**` crosses folders.
    `folders` are folders of the host that the box sees read-only, by their absolute path in the box. They must be
    readable by everybody and hold nothing but what any box may see.
    `links` are names in the box for folders of the work folder, both absolute paths. `door` is the descriptor of a
    socket that the run has as its standard input in place of `stdin`; its own copy, and the caller closes this one.
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
    """The run with limits that hold what goes in as well as what it may write."""
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
    """End of a run. `setup_failed` means that `argv` was never started; its cause is in `stderr`.

    `exit_code` is the code's own claim and None when the sandbox ended the run. `refused` lists what copy-out
    did not bring out, and why; `folders` are the empty ones among what `collect` names.
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
    """Limits that a sandbox holds on this machine, proven by runs.

    `not_held` names in words those that it cannot hold.
    """

    backend: str  # "bubblewrap 0.11.0"
    confinement: str  # "cgroup v1", "cgroup v2", "systemd scope" or "none"
    tree_memory: bool
    processes: bool
    syscall_filter: bool
    not_held: tuple[str, ...] = ()
    image: str = ""  # hex sha256 that names what the boxes see read-only


class Sandbox(Protocol):
    """Runs untrusted code. `run` never raises for what the code did; a missing sandbox is Unavailable."""

    async def probe(self) -> Capabilities: ...
    async def run(self, spec: RunSpec) -> RunResult: ...
    async def sweep(self) -> int: ...
    async def close(self) -> None: ...
