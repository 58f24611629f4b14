"""Assembly of an answer of Anthropic or Gemini that came as a stream of events. The result equals that of a single
response. Our requests ask for no stream, but some servers send one all the same.
"""

import json
from typing import Any

from agents.employees.event_stream import ended_early, objects_of
from agents.employees.json_body import safe_object

_JOINED = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
"""Kind of a delta -> the key of its text, in the delta and in the block."""
_INPUT = "input_json_delta"


def message_of_stream(body: bytes) -> dict[str, Any]:
    """Return the message that Anthropic's events form together.

    :raises CallFailed: connection, if the stream ends before the answer does.
    """
    message: dict[str, Any] = {}
    blocks: dict[int, dict[str, Any]] = {}
    written: dict[int, str] = {}  # the input of each tool call as JSON text
    for event in objects_of(body):
        kind = event.get("type")
        if kind == "error":
            return safe_object({**message, **event})
        if kind == "message_start" and isinstance(event.get("message"), dict):
            message |= event["message"]
        elif kind == "content_block_start" and isinstance(event.get("content_block"), dict):
            blocks[_index(event)] = dict(event["content_block"])
        elif kind == "content_block_delta" and isinstance(event.get("delta"), dict):
            _add(blocks.setdefault(_index(event), {}), written, _index(event), event["delta"])
        elif kind == "message_delta":
            _end(message, event)
    if not message.get("stop_reason"):
        raise ended_early()
    for index, text in written.items():
        blocks[index]["input"] = _json(text)
    return safe_object(message | {"content": [blocks[index] for index in sorted(blocks)]})


def content_of_stream(body: bytes) -> dict[str, Any]:
    """Return the answer that Gemini's chunks form together: all parts of the first candidate.

    :raises CallFailed: connection, if the stream ends before the answer does.
    """
    whole: dict[str, Any] = {}
    first: dict[str, Any] = {}
    parts: list[Any] = []
    for chunk in objects_of(body):
        whole |= {key: value for key, value in chunk.items() if key != "candidates"}
        candidates = chunk.get("candidates")
        if isinstance(candidates, list) and candidates and isinstance(candidates[0], dict):
            first |= candidates[0]
            content = candidates[0].get("content")
            added = content.get("parts") if isinstance(content, dict) else None
            parts += added if isinstance(added, list) else []
    if first:
        whole["candidates"] = [first | {"content": {"role": "model", "parts": parts}}]
    if not (first.get("finishReason") or whole.get("error") or whole.get("promptFeedback")):
        raise ended_early()
    return safe_object(whole)


def _json(text: str) -> Any:
    """Return the value of a JSON text; the text itself if it is not JSON; an empty object for an empty text."""
    try:
        return json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        return text


def _index(event: dict[str, Any]) -> int:
    index = event.get("index")
    return index if isinstance(index, int) else 0


def _add(block: dict[str, Any], written: dict[int, str], index: int, delta: dict[str, Any]) -> None:
    kind = str(delta.get("type"))
    if kind == _INPUT:
        written[index] = written.get(index, "") + str(delta.get("partial_json") or "")
    elif kind in _JOINED:
        key = _JOINED[kind]
        block[key] = str(block.get(key) or "") + str(delta.get(key) or "")


def _end(message: dict[str, Any], event: dict[str, Any]) -> None:
    """Add the reason of the end, and the counts, which replace those of the start."""
    delta, counts = event.get("delta"), event.get("usage")
    if isinstance(delta, dict):
        message |= delta
    if isinstance(counts, dict):
        before = message.get("usage")
        message["usage"] = (before if isinstance(before, dict) else {}) | {
            key: value for key, value in counts.items() if value is not None
        }
