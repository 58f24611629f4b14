"""The log lines of a process: one line per occurrence, as JSON for programs or as text for a terminal.

A line contains only ids and kinds. It never contains a prompt, an answer or a secret.
"""

import json
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from typing import Any, Literal, Protocol, TextIO, cast

from bus.redaction import Redactor

Form = Literal["json", "text"]
FIRST = ("timestamp", "level", "role", "event", "seq", "run", "task")
"""Order of the first fields of each line. Further fields follow."""


class Logger(Protocol):
    """The interface of structlog's loggers. `event` is one word for the occurrence. Fields with None are left out."""

    def info(self, event: str, **fields: object) -> object: ...

    def warning(self, event: str, **fields: object) -> object: ...

    def error(self, event: str, **fields: object) -> object: ...

    def bind(self, **fields: object) -> "Logger": ...


class Silent:
    """A logger that writes nothing."""

    def info(self, event: str, **fields: object) -> None: ...

    def warning(self, event: str, **fields: object) -> None: ...

    def error(self, event: str, **fields: object) -> None: ...

    def bind(self, **fields: object) -> "Silent":
        del fields
        return self


SILENT = Silent()


def open_logger(form: Form, stream: TextIO, redactor: Redactor, **fields: object) -> Logger:
    """Return a logger that writes lines to a stream, each with these fields."""
    import structlog  # imported here, so that only a process that serves pays for the import

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
    """Writer of whole lines. If a line cannot be written, the process continues without it."""

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
    """Render a line as text, for example `12:30:01 manager delivered seq=12 run=…`."""
    time = str(fields["timestamp"])[11:19]
    level = "" if fields["level"] == "info" else f" {fields['level']}:"
    rest = [f"{name}={value}" for name, value in fields.items() if name not in ("timestamp", "level", "role", "event")]
    return " ".join([time + level, str(fields.get("role", "")), str(fields["event"]), *rest]).replace("\n", " ")
