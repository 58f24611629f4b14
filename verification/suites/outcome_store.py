"""Store of test outcomes on a base. The tests need not run on the base again for each verdict.

The file name is a digest of everything that the outcome depends on: the base, the pinned libraries, the judge's own
tools, the sandbox image and the options. The folder belongs to the user who judges, like the folder of libraries.
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

FORM = 1  # version of the stored format; increase it when the runner changes its report
UNUSED_S = 30 * 24 * 3600.0
"""Maximum age in seconds of an unused outcome. It is removed when another outcome is stored."""
Kept = TypeVar("Kept", bound=msgspec.Struct)
_outcome = msgspec.json.Decoder(BaseOutcome)


class OutcomeStore:
    """Store of outcomes in a folder. Without a folder, the store keeps outcomes in memory.

    `image` is the digest of the read-only part of the sandbox (Capabilities.image).
    """

    def __init__(self, folder: Path | None, image: str) -> None:
        self._folder = folder
        self._image = image
        self._here: dict[str, bytes] = {}

    def get(self, key: str) -> BaseOutcome | None:
        """Return the stored outcome of tests for a key; None if it does not exist or cannot be read."""
        return self.get_as(key, _outcome)

    def get_as(self, key: str, decoder: msgspec.json.Decoder[Kept]) -> Kept | None:
        """Return the stored value for a key; None if it does not exist or cannot be read."""
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
        """Store an outcome. Errors of the file system are ignored: then the next verdict only takes longer."""
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
