"""The processes of a box, as they are seen from outside: their memory, their variables, and their connections."""

import os
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

PAGE_BYTES = 4096
READ_BYTES_MAX = 16 * 1024 * 1024
PAGES_AT_ONCE = 1 << 20
PRESENT = 1 << 63  # bit of an entry of /proc/PID/pagemap


class Search:
    """A search for byte strings in the memory and the variables of all processes of a box. Set `keeper` first."""

    def __init__(self, marks: Sequence[bytes]) -> None:
        self.keeper = 0
        self.found: set[bytes] = set()
        self.bytes_read = 0
        self._marks = marks

    def look(self) -> None:
        """Search all processes that run now, except the keeper, which is not the agent's."""
        for pid in processes_beside(self.keeper):
            if pid == self.keeper:
                continue
            with suppress(OSError):
                self._look_at(Path(f"/proc/{pid}/environ").read_bytes())
            for piece in memory_of(pid):
                self._look_at(piece)

    def _look_at(self, piece: bytes) -> None:
        self.bytes_read += len(piece)
        self.found |= {mark for mark in self._marks if mark in piece}


def processes_beside(pid: int) -> list[int]:
    """Return all processes in the same process namespace."""
    space = os.readlink(f"/proc/{pid}/ns/pid")
    found = []
    for name in os.listdir("/proc"):
        with suppress(OSError):
            if name.isdigit() and os.readlink(f"/proc/{name}/ns/pid") == space:
                found.append(int(name))
    return found


def memory_of(pid: int) -> Iterator[bytes]:
    """Yield the present pages of all writable mappings of a process, in pieces."""
    try:
        lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
        memory, pages = open(f"/proc/{pid}/mem", "rb", 0), open(f"/proc/{pid}/pagemap", "rb", 0)  # noqa: SIM115
    except OSError:
        return
    with memory, pages:
        for line in lines:
            place, mode = line.split()[:2]
            begin, end = (int(each, 16) for each in place.split("-"))
            if mode.startswith("rw"):
                yield from _pieces(memory.fileno(), pages.fileno(), begin, end)


def _pieces(memory: int, pages: int, begin: int, end: int) -> Iterator[bytes]:
    for first in range(begin // PAGE_BYTES, end // PAGE_BYTES, PAGES_AT_ONCE):
        count = min(PAGES_AT_ONCE, end // PAGE_BYTES - first)
        with suppress(OSError):
            entries = os.pread(pages, 8 * count, first * 8)
            for at, length in _runs(entries):
                with suppress(OSError):  # the agent has given this memory back a moment ago
                    yield os.pread(memory, length * PAGE_BYTES, (first + at) * PAGE_BYTES)


def _runs(entries: bytes) -> Iterator[tuple[int, int]]:
    """Yield (first page, number of pages) of present pages that follow each other, at most READ_BYTES_MAX."""
    begin, length = 0, 0
    if not any(entries):
        return
    for at, (entry,) in enumerate(struct.iter_unpack("<Q", entries)):
        if entry & PRESENT and length * PAGE_BYTES < READ_BYTES_MAX:
            begin, length = (begin, length + 1) if length else (at, 1)
        elif length:
            yield begin, length
            begin, length = at, int(bool(entry & PRESENT))
    if length:
        yield begin, length


def remote_addresses(pid: int) -> set[str]:
    """Return the remote addresses of all connections in the network of a process, without port."""
    found = set()
    for name in ("tcp", "udp", "tcp6", "udp6"):
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]:
                found.add(_address(line.split()[2].partition(":")[0]))
    return found - {"0.0.0.0", "::"}


def _address(text: str) -> str:
    words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, packed).removeprefix("::ffff:")


def interfaces(pid: int) -> set[str]:
    """Return the network interfaces that a process sees."""
    lines = Path(f"/proc/{pid}/net/dev").read_text().splitlines()[2:]
    return {line.partition(":")[0].strip() for line in lines}
