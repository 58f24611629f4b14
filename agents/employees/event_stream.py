"""Assembly of an answer that came as a stream of server-sent events. The result has the form of a single response."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from agents.employees.call_errors import CallFailed

BOM = b"\xef\xbb\xbf"
CHUNKS_MAX = 1_000_000
_JOINED = ("content", "reasoning_content", "reasoning", "refusal")
_DONE = "[DONE]"


def without_comments(body: bytes) -> bytes:
    """Return the body without the comments at its start.

    Gateways send comment lines, which begin with a colon, to keep the connection open.
    """
    body = body.removeprefix(BOM).lstrip()
    while body.startswith(b":"):
        body = body.partition(b"\n")[2].lstrip()
    return body


def is_stream(body: bytes) -> bool:
    """Return whether a body consists of server-sent events. The content type in the header is ignored."""
    start = without_comments(body[: 1 << 20])
    return start.startswith((b"data:", b"event:", b"id:", b"retry:"))


def completion_of_stream(body: bytes) -> dict[str, Any]:
    """Return the completion that the events form together.

    :raises CallFailed: connection, if the stream ends before the answer does; malformed_response, if there are
    no events.
    """
    whole: dict[str, Any] = {}
    choice: dict[str, Any] = {}
    message: dict[str, Any] = {"role": "assistant", "content": None}
    calls: dict[int, dict[str, Any]] = {}
    done = False
    for data in events_of(body):
        if data == _DONE:
            done = True
            break
        chunk = object_in(data)
        if chunk is None:
            continue
        whole |= {key: value for key, value in chunk.items() if key != "choices" and value is not None}
        for part in _first_choices(chunk):
            choice |= {
                key: value for key, value in part.items() if key not in ("delta", "message") and value is not None
            }
            delta = part.get("delta") or part.get("message")
            if isinstance(delta, dict):
                _add(message, calls, delta)
    if not whole and not choice:
        raise CallFailed("malformed_response", "The server's answer is a stream without a completion.")
    if "error" not in whole and not done and choice.get("finish_reason") is None:
        raise ended_early()
    if calls:
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
    return whole | ({"choices": [choice | {"message": message}]} if choice or message["content"] else {"choices": []})


def events_of(body: bytes) -> Iterator[str]:
    """Yield the data of each event, with its lines joined. If the stream ends in the middle of a line, the incomplete
    line is included.
    """
    lines: list[str] = []
    text = body.removeprefix(BOM).decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    for line in [*text.split("\n"), ""]:
        if line.startswith("data:"):
            data = line[5:].removeprefix(" ")
            if lines and _complete(lines):
                yield "\n".join(lines)  # some servers omit the empty line between events
                lines = []
            lines.append(data)
        elif not line and lines:
            yield "\n".join(lines)
            lines = []
        if lines and lines[-1].strip() == _DONE:
            yield _DONE
            return


def _complete(lines: list[str]) -> bool:
    try:
        json.loads("\n".join(lines))
    except (ValueError, RecursionError):
        return False
    return True


def objects_of(body: bytes) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of the events. An incomplete one is left out: the caller notices the missing end."""
    for data in events_of(body):
        if (event := object_in(data)) is not None:
            yield event


def object_in(text: str | bytes) -> dict[str, Any] | None:
    """Return the object of a JSON text, or None if the text is something else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def ended_early() -> CallFailed:
    """Return the failure for a stream without its end. A part of the answer may have a price."""
    return CallFailed("connection", "The stream of the answer ended before the answer did.")


def _first_choices(chunk: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the parts of the first choice. Other choices were not requested."""
    choices = chunk.get("choices")
    for part in choices if isinstance(choices, list) else []:
        if isinstance(part, dict) and part.get("index") in (0, None):
            yield part


def _add(message: dict[str, Any], calls: dict[int, dict[str, Any]], delta: Mapping[str, Any]) -> None:
    """Append the text and the calls of one delta to those of earlier deltas."""
    for key in _JOINED:
        value = delta.get(key)
        if isinstance(value, str):
            before = message.get(key)
            message[key] = [*before, value] if isinstance(before, list) else (before or "") + value
        elif isinstance(value, list) and key == "content":
            before = message.get(key)
            message[key] = [*(before if isinstance(before, list) else [before] if before else []), *value]
    details = delta.get("reasoning_details")
    if isinstance(details, list):
        message["reasoning_details"] = [*message.get("reasoning_details", []), *details]
    called = delta.get("tool_calls")
    for number, part in enumerate(called if isinstance(called, list) else []):
        if isinstance(part, dict):
            _add_call(calls, part, number)


def _add_call(calls: dict[int, dict[str, Any]], part: Mapping[str, Any], number: int) -> None:
    """Append a part of a call to its earlier parts. Some servers send no index, but each call has its own id."""
    index, id = part.get("index", number), part.get("id")
    index = index if isinstance(index, int) else number
    if id and calls.get(index, {}).get("id", id) != id:
        index = next((place for place, call in calls.items() if call.get("id") == id), max(calls) + 1)
    function = part.get("function")
    function = function if isinstance(function, dict) else {}
    if "index" not in part and not id and not function.get("name") and calls:
        index = max(calls)
    call = calls.setdefault(index, {"function": {"name": "", "arguments": ""}})
    call |= {key: part[key] for key in ("id", "type", "extra_content") if part.get(key)}
    for key in ("name", "arguments"):
        value = function.get(key)
        if isinstance(value, str):
            call["function"][key] += value
