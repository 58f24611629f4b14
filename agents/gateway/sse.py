"""The split of a stream of server-sent events into whole events, unchanged, and the reading of their JSON."""

import re
from collections.abc import Iterator
from typing import Any

from agents.employees.event_stream import object_in
from agents.gateway.limits import EVENT_BYTES_MAX

DONE = b"[DONE]"
_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_LINES = re.compile(rb"\r\n|\n|\r")


class EventTooLarge(Exception):
    """Error raised for an event above EVENT_BYTES_MAX."""


class EventSplitter:
    """Splits bytes into events. The bytes of all events together are the bytes of the stream."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._searched = 0

    def feed(self, content: bytes) -> Iterator[bytes]:
        """Yield each event that is now whole, with the empty line that ends it. Raises EventTooLarge."""
        self._rest += content
        while found := _END.search(self._rest, self._searched):
            event = bytes(self._rest[: found.end()])
            del self._rest[: found.end()]
            self._searched = 0
            yield event
        self._searched = max(0, len(self._rest) - 3)
        if len(self._rest) > EVENT_BYTES_MAX:
            raise EventTooLarge

    def rest(self) -> bytes:
        """Return the bytes after the last whole event."""
        return bytes(self._rest)


def data_of(event: bytes) -> tuple[list[dict[str, Any]], bool]:
    """Return the JSON objects of an event, and whether it contains the end marker.

    Some servers leave out the empty line between events. Then each line is read by itself.
    """
    lines = [line[5:].removeprefix(b" ") for line in _LINES.split(event) if line.startswith(b"data:")]
    done = any(line.strip() == DONE for line in lines)
    lines = [line for line in lines if line.strip() != DONE]
    whole = object_in(b"\n".join(lines))
    parts = [whole] if whole is not None else [part for line in lines if (part := object_in(line)) is not None]
    return parts, done
