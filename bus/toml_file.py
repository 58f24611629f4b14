"""A TOML file of the home that a person writes. Its fields are checked against the type of a decoder."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from domain.errors import Invalid

T = TypeVar("T")


def read_toml(file: Path, decoder: msgspec.json.Decoder[T], invalid: Callable[[str], Invalid]) -> T | None:
    """Return the content of a file; None without the file.

    Raises Invalid if it cannot be read. Raises the error that `invalid` makes of a fault if its content does not fit.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{file} cannot be read: {error}.", hint="Make it a text file that this user may read.") from None
    try:
        return decoder.decode(msgspec.json.encode(tomllib.loads(text)))
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise invalid(str(error)) from None
