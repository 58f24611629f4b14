"""The results of backtests, stored in the home: one file for each commit."""

from pathlib import Path
from typing import TypeVar

import msgspec

from domain.errors import Unavailable
from verification.backtest.commits import FixCommit

R = TypeVar("R")


def kept_result(folder: Path, fix: FixCommit, decoder: "msgspec.json.Decoder[R]") -> R | None:
    """Return the stored result of a commit; None if there is none that can be read."""
    try:
        return decoder.decode((folder / f"{fix.id}.json").read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def keep_result(folder: Path, fix: FixCommit, result: msgspec.Struct) -> None:
    """Write a result atomically: no reader sees a part of it. Raises Unavailable if the home is not writable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / f"{fix.id}.part"
        beside.write_bytes(msgspec.json.encode(result))
        beside.replace(folder / f"{fix.id}.json")
    except OSError as error:
        raise Unavailable(
            f"The result of commit {fix.id[:12]} cannot be stored: {error}.",
            hint="Free some space, or set AURA_HOME to another folder.",
        ) from error
