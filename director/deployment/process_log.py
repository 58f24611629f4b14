"""The log of a process that serves, on stderr, and the door of one whose log programs read."""

import logging
import os
import sys
import traceback
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn
from urllib.parse import urlsplit

from bus.logger import Form, Logger, open_logger
from bus.redaction import Redactor, secrets_of
from director.settings import Settings
from director.terminal.output import Door
from domain.errors import AuraError

DEFECT = "defect"
FRAMES_MAX = 12


def form_of(settings: Settings) -> Form:
    """As AURA_LOG says; without it text for a terminal, JSON for everything else."""
    return settings.log or ("text" if sys.stderr.isatty() else "json")


def open_log(settings: Settings, role: str, environment: Mapping[str, str]) -> Logger:
    """The log of this process, from which all that is secret is taken out."""
    known = secrets_of(environment)
    for address in (settings.nats_url, settings.postgres_dsn):
        if address:
            known += [address, urlsplit(address).password or ""]
    return open_logger(form_of(settings), sys.stderr, Redactor(known), role=role)


def open_door(command: str, as_json: bool, settings: Settings, role: str) -> tuple[Door, Logger]:
    """The door and the log of a process that serves."""
    log = open_log(settings, role, os.environ)
    return (LogDoor(command, as_json, log) if form_of(settings) == "json" else Door(command, as_json)), log


class LogDoor(Door):
    """Output that writes prints of libraries and others as log lines.

    With --json the answer goes to stdout as everywhere.
    """

    for_people = False

    def __init__(self, command: str, as_json: bool, log: Logger) -> None:
        super().__init__(command, as_json)
        self._log = log

    def say(self, text: str = "") -> None:
        self._log.info("said", text=text)

    def note(self, text: str) -> None:
        self._log.info("said", text=text)

    def answer(self, data: Any, text: str = "") -> None:
        del text  # the line `stopped` says it
        if self.as_json:
            super().answer(data)

    def fail(self, error: AuraError, data: Any = None) -> NoReturn:
        self._log.error("failed", code=error.code, message=error.message, hint=error.hint)
        if self.as_json:
            super().fail(error, data)
        raise SystemExit(error.exit_code)

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        """As every door; a defect is a line with its place and not its text, which may quote what must not be kept."""
        try:
            with _libraries_in(self._log):
                super().run(work)
        except Exception as defect:
            self._log.error(DEFECT, error=_kind(defect), where=_places(defect))
            if self.as_json or os.environ.get("AURA_TRACEBACK"):
                raise
            raise SystemExit(AuraError.exit_code) from None


@contextmanager
def _libraries_in(log: Logger) -> Iterator[None]:
    """Send warnings of libraries to the log."""
    handler = _Library(log)
    logging.getLogger().addHandler(handler)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        logging.getLogger().removeHandler(handler)


class _Library(logging.Handler):
    """Logging handler that writes each record of a library as a line."""

    def __init__(self, log: Logger) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._log.warning(
            "library",
            logger=record.name,
            text=record.getMessage().partition("\n")[0],
            error=_kind(error) if error else None,
            where=_places(error) if error else None,
        )


def _leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _kind(error: BaseException) -> str:
    return type(_leaf(error)).__name__


def _places(error: BaseException) -> Sequence[str]:
    """Where it came from, the innermost last."""
    frames = traceback.extract_tb(_leaf(error).__traceback__ or error.__traceback__)[-FRAMES_MAX:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
