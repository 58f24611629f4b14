"""Principals. A process gets its principal from the key file that it can read, never from an argument."""

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import UUID

from domain.errors import Forbidden, Invalid
from domain.message import NAMESPACE, derive
from domain.tree import digest_of
from governance.authority import ROLES, Role

KEY_BYTES = 32
_SECRET = re.compile(f"[0-9a-f]{{{2 * KEY_BYTES}}}")


@dataclass(frozen=True, slots=True)
class Principal:
    """A principal: a key with its role, or a person. The id is derived from the key, or it is the id of the user.

    `role` "user": the gate reads the roles of the person from the log. `scopes`: the scopes of the token through which
    the person acts; None without a token.
    """

    id: UUID
    role: Role | Literal["user"]
    scopes: tuple[str, ...] | None = None


def create(folder: Path, role: Role, *, name: str | None = None) -> Path:
    """Create the key file of a role, or of `name` in that role, unless the file exists. Only its owner can read it."""
    return written_once(folder / (name or role), f"{role}:{secrets.token_hex(KEY_BYTES)}\n".encode("ascii"))


def written_once(path: Path, content: bytes) -> Path:
    """Write a file that only its owner can read, unless the file exists.

    If several processes write, the first one wins. A reader never sees an incomplete file.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.exists():
        return path
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")  # gets its name only when it is complete
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass  # another process was first, and its key is used
    finally:
        temporary.unlink()
    return path


def read_secret(path: Path) -> bytes:
    """Return the content of a key file. Raises Forbidden if it cannot be read, or if other users can read it."""
    try:
        content = path.read_bytes()
        mode = path.stat().st_mode & 0o777
    except OSError as error:
        raise Forbidden(
            f"The key {path} cannot be read: {error.strerror}.",
            hint="Run this as the user who ran `aura up`, in the same AURA_HOME.",
        ) from error
    if mode & 0o077:
        raise Forbidden(f"Other users can read the key {path}.", hint=f"Run: chmod 600 {path}")
    return content


def load(folder: Path, name: str) -> Principal:
    """Return the principal of a key file. Raises Forbidden if it cannot be read, Invalid if it is not a key."""
    path = folder / name
    text = read_secret(path).decode("ascii", errors="replace").strip()
    role, _, secret = text.partition(":")
    if role not in ROLES or not _SECRET.fullmatch(secret):
        raise Invalid(f"{path} is not a key.", hint="Restore it from a backup of AURA_HOME/keys.")
    return Principal(derive(NAMESPACE, "principal", role, digest_of(secret.encode())), role)


def load_or_create(folder: Path, role: Role, *, name: str | None = None) -> Principal:
    """Return the principal of a role. The first call creates the key."""
    create(folder, role, name=name)
    return load(folder, name or role)
