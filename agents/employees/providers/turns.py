"""The parts of a request that the vendors' formats share: turns, tools and calls.

Some formats have no system role, and want all results of one turn's calls in one message.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from agents.employees.contract import ToolCall
from agents.employees.conversation import Message, Tool
from agents.employees.safe_text import safe, safe_json

NOTHING = "(no text)"  # servers refuse an empty text, and templates of models leave it out
OUR_ID = "call-"  # beginning of the id of a call that came without one


def system_of(messages: Sequence[Message]) -> str:
    """Return the system's text; empty if there is none."""
    return "\n\n".join(message.text for message in messages if message.role == "system" and message.text.strip())


def turns_of(messages: Sequence[Message]) -> Iterator[tuple[bool, list[Message]]]:
    """Yield the turns without the system's: whether it is the assistant's, and its messages."""
    spoken = [message for message in messages if message.role != "system"]
    for assistant, group in groupby(spoken, key=lambda message: message.role == "assistant"):
        yield assistant, list(group)


def callable_calls(message: Message) -> tuple[ToolCall, ...]:
    """Return the calls that can be sent back as calls. The others are sent back as text."""
    return tuple(call for call in message.calls if call.whole)


def written(message: Message) -> str:
    """Return an assistant's text, with the calls that were malformed as it wrote them."""
    malformed = [call.text for call in message.calls if not call.whole and call.text.strip()]
    return "\n\n".join([*([message.text] if message.text.strip() else []), *malformed])


def filled(text: str) -> str:
    """Return a text that is not empty."""
    return safe(text) if text.strip() else NOTHING


def declared(tool: Tool, schema: str) -> dict[str, Any]:
    """Return a tool with its parameters under the vendor's name for their schema."""
    return {"name": tool.name, "description": safe(tool.description), schema: safe_json(tool.parameters)}


def id_under(key: str, id: str) -> dict[str, str]:
    """Return the id of a call as the server gave it. The server never sees an id that we made."""
    return {} if not id or id.startswith(OUR_ID) else {key: id}


def names_of_calls(messages: Iterable[Message]) -> dict[str, str]:
    """Return call id -> name of the tool, of all calls that can be sent back as calls."""
    return {call.id: call.name for message in messages for call in callable_calls(message)}


def own_content(message: Message, key: str) -> list[Any] | None:
    """Return the content that a provider wants back, stored under its key; None if there is none of this provider."""
    opaque = message.opaque
    content = opaque.get(key) if isinstance(opaque, dict) else None
    return content if isinstance(content, list) and content else None
