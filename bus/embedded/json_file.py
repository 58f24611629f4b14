"""A small JSON file that is replaced in one step. Only its owner can read it."""

import os
from pathlib import Path
from typing import TypeVar

import msgspec

from domain.errors import Unavailable

T = TypeVar("T", bound=msgspec.Struct)


def write_record(path: Path, value: msgspec.Struct) -> None:
    """Write and sync a new file, then rename it over the old one. A reader sees either the old or the new file."""
    write_private(path, msgspec.json.format(msgspec.json.encode(value), indent=1))


def write_private(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def read_record(path: Path, decoder: "msgspec.json.Decoder[T]") -> T | None:
    """Return the decoded file, or None if there is no such file. Raises Unavailable if it cannot be decoded."""
    try:
        return decoder.decode(path.read_bytes())
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise Unavailable(
            f"{path} cannot be read: {error}.",
            hint="Restore it from a backup. If it is in run/ and you need no data, delete the whole AURA_HOME.",
            code="broken_record",
        ) from error
