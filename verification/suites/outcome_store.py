"""Outcomes on a base, kept on disk: a base that is judged again is not run again.

A file is named by the digest of everything that the outcome depends on: the base, the pinned libraries, the judge's own
tools, the image of the box and the options. The folder belongs to the user who judges, as the folder of libraries does.
"""

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from domain.tree import digest_of
from verification.packages.toolbox import tools_digest
from verification.suites.base_outcome import BaseOutcome
from verification.suites.pytest_runner import PYTEST

FORM = 1  # of what is kept; another number when the runner changes what it reports
UNUSED_S = 30 * 24 * 3600.0
"""An outcome that was not asked for during this time is removed when another one is put in."""
Kept = TypeVar("Kept", bound=msgspec.Struct)
_outcome = msgspec.json.Decoder(BaseOutcome)


class OutcomeStore:
    """A folder of outcomes; without a folder they are kept as long as the store itself.

    `image` names what the boxes see read-only (Capabilities.image).
    """

    def __init__(self, folder: Path | None, image: str) -> None:
        self._folder = folder
        self._image = image
        self._here: dict[str, bytes] = {}

    def get(self, key: str) -> BaseOutcome | None:
        """The outcome of tests that was kept for this key. None if there is none, or if its file cannot be read."""
        return self.get_as(key, _outcome)

    def get_as(self, key: str, decoder: msgspec.json.Decoder[Kept]) -> Kept | None:
        """Read what was kept for this key. None if there is none, or if its file cannot be read."""
        name = self._name(key)
        try:
            content = self._here[name] if self._folder is None else (self._folder / name).read_bytes()
            outcome = decoder.decode(content)
            if self._folder is not None:
                os.utime(self._folder / name)
        except (KeyError, OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return outcome

    def put(self, key: str, outcome: msgspec.Struct) -> None:
        """Keep an outcome. A folder that cannot be written costs time and no verdict, so that it raises nothing."""
        name, content = self._name(key), msgspec.json.encode(outcome)
        if self._folder is None:
            self._here[name] = content
            return
        beside = self._folder / f"{name}.{secrets.token_hex(4)}"
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(content)
            beside.replace(self._folder / name)
            self._remove_unused(self._folder)

    def _name(self, key: str) -> str:
        whole = digest_of(f"{FORM} {self._image} {tools_digest(PYTEST)} {key}".encode())
        return f"{whole}.json"

    @staticmethod
    def _remove_unused(folder: Path) -> None:
        for path in folder.iterdir():
            if time.time() - path.stat().st_mtime > UNUSED_S:
                path.unlink(missing_ok=True)
