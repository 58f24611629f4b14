"""Outcomes of a base's tests on the base, kept on disk: a base that is judged again is not run again.

A file is named by the digest of everything that the outcome depends on: the base, the pinned libraries, the judge's own
tools, the image of the box and the options. The folder belongs to the user who judges, as the folder of libraries does.
"""

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from domain.tree import digest_of
from verification.packages.toolbox import tools_digest
from verification.suites.base_outcome import BaseOutcome
from verification.suites.pytest_runner import PYTEST

FORM = 1  # of what is kept; another number when the runner changes what it reports
UNUSED_S = 30 * 24 * 3600.0
"""An outcome that was not asked for during this time is removed when another one is put in."""
_outcome = msgspec.json.Decoder(BaseOutcome)


class OutcomeStore:
    """A folder of outcomes. `image` names what the boxes see read-only (Capabilities.image)."""

    def __init__(self, folder: Path, image: str) -> None:
        self._folder = folder
        self._image = image

    def get(self, key: str) -> BaseOutcome | None:
        """The outcome that was kept for this key. None if there is none, or if its file cannot be read."""
        path = self._path(key)
        try:
            outcome = _outcome.decode(path.read_bytes())
            os.utime(path)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return outcome

    def put(self, key: str, outcome: BaseOutcome) -> None:
        """Keep an outcome. A folder that cannot be written costs time and no verdict, so that it raises nothing."""
        path = self._path(key)
        beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(msgspec.json.encode(outcome))
            beside.replace(path)
            self._remove_unused()

    def _path(self, key: str) -> Path:
        whole = digest_of(f"{FORM} {self._image} {tools_digest(PYTEST)} {key}".encode())
        return self._folder / f"{whole}.json"

    def _remove_unused(self) -> None:
        for path in self._folder.iterdir():
            if time.time() - path.stat().st_mtime > UNUSED_S:
                path.unlink(missing_ok=True)
