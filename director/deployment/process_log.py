"""The log of a serving process, on stderr."""

import logging
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from bus.logger import Form, Logger, open_logger
from bus.redaction import Redactor, secrets_of
from director.settings import Settings

DEFECT = "defect"
FRAMES_MAX = 12


def form_of(settings: Settings) -> Form:
    """Return the format in AURA_LOG. If it is not set: text if stderr is a terminal, else JSON."""
    return settings.log or ("text" if sys.stderr.isatty() else "json")


def open_log(settings: Settings, role: str, environment: Mapping[str, str]) -> Logger:
    """Open the log of this process. Secrets are removed from its lines."""
    known = secrets_of(environment)
    for address in (settings.nats_url, settings.worker_nats_url, settings.postgres_dsn):
        if address:
            known += [address, urlsplit(address).password or ""]
    return open_logger(form_of(settings), sys.stderr, Redactor(known), role=role)


@contextmanager
def libraries_in(log: Logger) -> Iterator[None]:
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
    """A logging handler that writes each record of a library as a log line."""

    def __init__(self, log: Logger) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._log.warning(
            "library",
            logger=record.name,
            text=record.getMessage().partition("\n")[0],
            error=kind_of(error) if error else None,
            where=places_of(error) if error else None,
        )


def _leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def kind_of(error: BaseException) -> str:
    """Return the class name of an error; for a group of errors, the class name of the first one."""
    return type(_leaf(error)).__name__


def places_of(error: BaseException) -> Sequence[str]:
    """Return the last FRAMES_MAX places of an error's traceback. The innermost place comes last."""
    frames = traceback.extract_tb(_leaf(error).__traceback__ or error.__traceback__)[-FRAMES_MAX:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
