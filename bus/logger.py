"""The log of a process: one line for each occurrence, JSON for programs or text for a terminal.

Lines name what they are about by ids and kinds. No prompt, no answer and no secret is ever in one.
"""

import json
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import Any, Literal, Protocol, TextIO, cast

from bus.redaction import Redactor

Form = Literal["json", "text"]
FIRST = ("timestamp", "level", "role", "event", "seq", "run", "task")
"""The order in which every line begins; further fields follow."""


class Logger(Protocol):
    """As structlog has it. `event` is a word for what happened; fields that are None are left out."""

    def info(self, event: str, **fields: object) -> object: ...

    def warning(self, event: str, **fields: object) -> object: ...

    def error(self, event: str, **fields: object) -> object: ...

    def bind(self, **fields: object) -> "Logger": ...


class Silent:
    """Says nothing."""

    def info(self, event: str, **fields: object) -> None: ...

    def warning(self, event: str, **fields: object) -> None: ...

    def error(self, event: str, **fields: object) -> None: ...

    def bind(self, **fields: object) -> "Silent":
        del fields
        return self


SILENT = Silent()


def open_logger(form: Form, stream: TextIO, redactor: Redactor, **fields: object) -> Logger:
    """A logger that writes lines with these fields to a stream."""
    import structlog  # only a process that serves pays for it

    render: Callable[[Any, str, MutableMapping[str, Any]], str] = _json if form == "json" else _text
    opened = structlog.wrap_logger(
        _Lines(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _ordered,
            render,
            lambda _logger, _name, line: redactor.clean_text(cast(str, line)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        cache_logger_on_first_use=True,
    )
    return cast(Logger, opened.bind(**fields))


class _Lines:
    """Writes whole lines. A log that cannot be written stops nobody's work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def info(self, line: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(f"{line}\n")
            self._stream.flush()

    warning = error = info


def _ordered(_logger: Any, _name: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    known = {name: fields[name] for name in FIRST if fields.get(name) is not None}
    return known | {name: value for name, value in fields.items() if name not in FIRST and value is not None}


def _json(_logger: Any, _name: str, fields: MutableMapping[str, Any]) -> str:
    return json.dumps(fields, default=str, ensure_ascii=False)


def _text(_logger: Any, _name: str, fields: MutableMapping[str, Any]) -> str:
    """12:30:01 manager delivered seq=12 run=…"""
    time = str(fields["timestamp"])[11:19]
    level = "" if fields["level"] == "info" else f" {fields['level']}:"
    rest = [f"{name}={value}" for name, value in fields.items() if name not in ("timestamp", "level", "role", "event")]
    return " ".join([time + level, str(fields.get("role", "")), str(fields["event"]), *rest]).replace("\n", " ")
