"""The steps of a coding agent that speaks ACP: their report as JSON lines, and the permissions that the agent gets.

It runs in the box beside `acp_client.py`, and uses only the standard library.
"""

import json
from collections.abc import Callable
from typing import Any

REFUSED_KINDS = {"fetch": "the box has no network"}
"""Kind of tool call that is not permitted -> reason."""
CANCELLED = {"outcome": "cancelled"}
SAID_CHARS_MAX = 500
TEXT_CHARS_MAX = 4000
ENTRIES_MAX = 100
_DONE = ("completed", "failed")
_TEXTS = {"agent_message_chunk": "message", "agent_thought_chunk": "thought"}


class Report:
    """The JSON lines about the agent's steps. Pieces of a text are joined. After `bytes_max` only the end follows."""

    def __init__(self, write: Callable[[str], None], bytes_max: int) -> None:
        self._write = write
        self._left = bytes_max
        self._kind = ""
        self._text = ""

    def text(self, kind: str, text: str) -> None:
        if kind != self._kind or len(self._text) >= TEXT_CHARS_MAX:
            self.flush()
        self._kind, self._text = kind, self._text + text[:TEXT_CHARS_MAX]

    def flush(self) -> None:
        if text := self._text.strip():
            self._line({"kind": self._kind, "text": text})
        self._kind = self._text = ""

    def step(self, kind: str, **fields: Any) -> None:
        self.flush()
        self._line({"kind": kind, **{name: value for name, value in fields.items() if value}})

    def end(self, status: int, sentence: str) -> None:
        self.flush()
        self._write(json.dumps({"kind": "end", "status": status, "text": sentence}))

    def _line(self, fields: dict[str, Any]) -> None:
        line = json.dumps(fields)
        self._left -= len(line) + 1
        if self._left >= 0:
            self._write(line)


def permission(call: dict[str, Any], options: Any) -> tuple[dict[str, str], str]:
    """Return the outcome for a tool call, and the reason of a refusal.

    A permission is for this call only: "always" is never chosen. If the agent offers no fitting choice, the call is
    cancelled.
    """
    offered: dict[str, str] = {}
    for option in options if isinstance(options, list) else ():
        offered.setdefault(text_of(object_of(option).get("kind")), text_of(object_of(option).get("optionId")))
    kind = call.get("kind")
    why = REFUSED_KINDS.get(kind, "") if isinstance(kind, str) else ""
    if not why and not offered.get("allow_once"):
        why = "the agent does not offer a permission for one call"
    chosen = offered.get("reject_once" if why else "allow_once")
    return ({"outcome": "selected", "optionId": chosen} if chosen else CANCELLED), why


def show(report: Report, update: dict[str, Any]) -> None:
    """Report a step of the agent. Reported usage and cost are ignored, as everything that is no step."""
    kind = update.get("sessionUpdate")
    if isinstance(kind, str) and kind in _TEXTS:
        report.text(_TEXTS[kind], text_of(object_of(update.get("content")).get("text")))
    elif kind == "tool_call" or (kind == "tool_call_update" and update.get("status") in _DONE):
        output = "\n".join(
            text_of(object_of(object_of(each).get("content")).get("text")) for each in list_of(update, "content")
        )
        title, tool = text_of(update.get("title"), SAID_CHARS_MAX), text_of(update.get("kind"), SAID_CHARS_MAX)
        status, id = text_of(update.get("status"), SAID_CHARS_MAX), text_of(update.get("toolCallId"), SAID_CHARS_MAX)
        report.step("tool", id=id, tool=tool, title=title, status=status, output=output[:TEXT_CHARS_MAX].strip())
    elif kind == "plan":
        entries = [text_of(object_of(each).get("content"), SAID_CHARS_MAX) for each in list_of(update, "entries")]
        report.step("plan", entries=entries[:ENTRIES_MAX])


def object_of(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def list_of(update: dict[str, Any], name: str) -> list[Any]:
    value = update.get(name)
    return value if isinstance(value, list) else []


def text_of(value: Any, chars_max: int = TEXT_CHARS_MAX) -> str:
    return value[:chars_max] if isinstance(value, str) else ""
