"""A small JSON file that is replaced in one step, readable by its owner alone."""

import os
from pathlib import Path
from typing import TypeVar

import msgspec

from domain.errors import Unavailable

T = TypeVar("T", bound=msgspec.Struct)


def write_record(path: Path, value: msgspec.Struct) -> None:
    """Writes and syncs a new file, then renames it over the old one: a reader sees the one or the other."""
    write_private(path, msgspec.json.format(msgspec.json.encode(value), indent=1))


def write_private(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def read_record(path: Path, decoder: "msgspec.json.Decoder[T]") -> T | None:
    """None when there is no such file."""
    try:
        return decoder.decode(path.read_bytes())
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise Unavailable(
            f"{path} cannot be read: {error}.",
            hint="Put it back from a backup. If it is in run/ and no data are to be kept, delete the whole AURA_HOME.",
            code="broken_record",
        ) from error
