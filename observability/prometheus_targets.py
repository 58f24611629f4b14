"""AURA_HOME/run/prometheus-targets.json: the addresses of this home's processes, in the file_sd format of Prometheus.

Each process adds itself with its present port. A process that dies keeps its entry, so Prometheus sees that it is down.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bus.embedded.json_file import write_private
from observability.process_registry import RUN_FOLDER, Presence

TARGETS_FILE = "prometheus-targets.json"
LOCK_FILE = "prometheus-targets.lock"


class Target(msgspec.Struct, frozen=True):
    """The entry of one process: its address, and its name and role as labels."""

    targets: tuple[str, ...]
    labels: dict[str, str]


_targets = msgspec.json.Decoder(list[Target])


def enter(home: Path, presence: Presence) -> None:
    """Add a process. It replaces an entry with the same name. A process without an address only removes that entry."""
    name = presence.name
    with _held(home) as path:
        others = [target for target in _read(path) if target.labels.get("name") != name]
        if presence.url is not None:
            roles = dict.fromkeys(role.partition(":")[0] for role in presence.roles)
            labels = {"name": name, "role": ",".join(roles)}
            others.append(Target((presence.url.removeprefix("http://"),), labels))
        _write(path, others)


def leave(home: Path, presence: Presence) -> None:
    """Remove the entry of a process that has ended normally, unless a new process with its name has replaced it."""
    with _held(home) as path:
        known = _read(path)
        if presence.url is not None:
            address = presence.url.removeprefix("http://")
            _write(path, [target for target in known if target.targets != (address,)])


def clear(home: Path) -> None:
    """Remove all entries: nothing runs in this home."""
    if (home / RUN_FOLDER / TARGETS_FILE).exists():
        with _held(home) as path:
            _write(path, [])


@contextmanager
def _held(home: Path) -> Iterator[Path]:
    """Yield the file's path under a lock, so that no other process changes the file."""
    folder = home / RUN_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder / TARGETS_FILE
    finally:
        os.close(lock)


def _read(path: Path) -> list[Target]:
    try:
        return _targets.decode(path.read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return []  # a missing or invalid file is written again


def _write(path: Path, targets: list[Target]) -> None:
    targets.sort(key=lambda target: target.labels.get("name", ""))
    content = msgspec.json.format(msgspec.json.encode(targets), indent=1)
    if not path.exists() or path.read_bytes() != content:
        write_private(path, content)
