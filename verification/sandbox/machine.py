"""The id of this machine, and the names of limits that it may not enforce and a person may accept to miss."""

import re
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path

from domain.errors import Invalid
from domain.tree import digest_of

LIMITS: Mapping[str, str] = {
    "memory": "tree memory",
    "processes": "processes",
    "system-calls": "system calls",
}
"""The name of a limit on the command line -> its name in a sandbox and a verdict (`not_held`)."""
SYSTEM_ID = Path("/etc/machine-id")
OWN_ID = "machine"
"""File of the home with the machine's id, if the system has none."""
ID_CHARS = 16
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def limit_named(name: str) -> str:
    """Return the limit of this name, in the words of a verdict. Raises Invalid."""
    words = LIMITS.get(name) or next((words for words in LIMITS.values() if words == name), None)
    if words is None:
        raise Invalid(f"There is no limit {name!r}.", hint=f"Name one of {', '.join(LIMITS)}.")
    return words


def name_of(limit: str) -> str:
    """Return the name of a limit on the command line."""
    return next((name for name, words in LIMITS.items() if words == limit), limit)


def machine_id(named: str | None, home: Path, system: Path = SYSTEM_ID) -> str:
    """Return the machine's id: the given name, else a digest of the system's id, else an id that the home stores.

    The system's own id is confidential, so only a digest of it is recorded. Raises Invalid for an invalid name.
    """
    if named is not None:
        if not _NAME.fullmatch(named):
            raise Invalid(
                f"AURA_MACHINE is {named[:80]!r}.",
                hint="Write up to 64 letters, digits, dots, hyphens and underscores.",
            )
        return named
    known = _read(system) or f"{_own(home / OWN_ID)} {socket.gethostname()}"
    return digest_of(f"aura machine {known}".encode())[:ID_CHARS]


def _own(file: Path) -> str:
    known = _read(file)
    if known:
        return known
    made = secrets.token_hex(ID_CHARS)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="ascii") as opened:
            opened.write(made)
    except FileExistsError:  # another process was first
        return _read(file)
    except OSError:  # the home is not writable, so only the host name identifies the machine
        return ""
    return made


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
