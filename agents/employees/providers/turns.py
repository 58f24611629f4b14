"""The messages of a conversation as turns: the vendors' formats have no system role, and all results of one turn's
calls belong into one message.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from agents.employees.contract import ToolCall
from agents.employees.conversation import Message

NOTHING = "(no text)"  # servers refuse an empty text


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
    return tuple(call for call in message.calls if call.arguments is not None and call.name)


def written(message: Message) -> str:
    """Return an assistant's text, with the calls that were malformed as it wrote them."""
    malformed = [call.text for call in message.calls if call not in callable_calls(message) and call.text.strip()]
    return "\n\n".join([*([message.text] if message.text.strip() else []), *malformed])


def names_of_calls(messages: Iterable[Message]) -> dict[str, str]:
    """Return call id -> name of the tool, of all calls that can be sent back as calls."""
    return {call.id: call.name for message in messages for call in callable_calls(message)}


def own_content(message: Message, key: str) -> list[Any] | None:
    """Return the content that a provider wants back, stored under its key; None if there is none of this provider."""
    opaque = message.opaque
    content = opaque.get(key) if isinstance(opaque, dict) else None
    return content if isinstance(content, list) and content else None
