"""The id of this machine, and the names of the sandbox limits. A person may accept that a limit is not enforced."""

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
"""Maps the name of a limit on the command line to its name in a sandbox and a verdict (`not_held`)."""
SYSTEM_ID = Path("/etc/machine-id")
OWN_ID = "machine"
"""File in the home folder with the machine's id, used if the system has no id."""
ID_CHARS = 16
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def limit_named(name: str) -> str:
    """Return a limit's name in a verdict for its name on the command line. Raises Invalid for an unknown name."""
    words = LIMITS.get(name) or next((words for words in LIMITS.values() if words == name), None)
    if words is None:
        raise Invalid(f"There is no limit {name!r}.", hint=f"Choose from {', '.join(LIMITS)}.")
    return words


def name_of(limit: str) -> str:
    """Return a limit's name on the command line for its name in a verdict."""
    return next((name for name, words in LIMITS.items() if words == limit), limit)


def machine_id(named: str | None, home: Path, system: Path = SYSTEM_ID) -> str:
    """Return the machine's id. It is `named`, or a digest of the system's id, or an id stored in the home folder.

    The system's own id is confidential, so only its digest is recorded. Raises Invalid for an invalid name.
    """
    if named is not None:
        if not _NAME.fullmatch(named):
            raise Invalid(
                f"AURA_MACHINE is not a valid machine name: {named[:80]!r}.",
                hint="Use at most 64 letters, digits, dots, hyphens and underscores. Begin with a letter or digit.",
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
    except FileExistsError:  # another process created it first
        return _read(file)
    except OSError:  # the home folder is not writable, so only the host name identifies the machine
        return ""
    return made


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
