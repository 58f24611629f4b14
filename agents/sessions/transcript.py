"""The conversation of a session. It is shortened when the prompt no longer fits the model."""

import msgspec

from agents.briefs.fence import shortened
from agents.employees.conversation import Message
from agents.employees.safe_text import safe_json
from agents.employees.usage import tokens_of

MESSAGES_KEPT_AT_END = 8
"""Messages at the end of the conversation that are never shortened."""
SHORTENED_CHARS = 200
SHORTENED_SHARE = 0.7
"""Share of the prompt's limit to which a conversation is shortened if it does not fit."""


class Transcript:
    """The messages of a session. `prompt_tokens_max`: the most tokens that a prompt may have; None: no limit."""

    def __init__(self, first: tuple[Message, ...], *, prompt_tokens_max: int | None) -> None:
        self._messages: list[Message] = []
        self._encoded: list[bytes] = []
        self._size = 0
        self._most = prompt_tokens_max
        self.add(*first)
        self._first = len(first)

    @property
    def messages(self) -> tuple[Message, ...]:
        return tuple(self._messages)

    @property
    def encoded(self) -> tuple[bytes, ...]:
        """The messages as JSON, as the record keeps them."""
        return tuple(self._encoded)

    def add(self, *messages: Message) -> None:
        new = [encoded(message) for message in messages]
        self._messages += messages
        self._encoded += new
        self._size += sum(map(len, new))

    def fit(self) -> bool:
        """If the prompt does not fit, shorten the oldest results of tools. Return False if it cannot fit.

        Much is shortened at once, because each shortened message makes the provider's cache of the prompt useless.
        """
        if self._fits(1.0):
            return True
        last = max(self._first, len(self._messages) - MESSAGES_KEPT_AT_END)
        for index in range(self._first, last):
            message = self._messages[index]
            if message.role in ("tool", "user") and len(message.text) > SHORTENED_CHARS:
                self._replace(index, msgspec.structs.replace(message, text=_without_end(message.text)))
                if self._fits(SHORTENED_SHARE):
                    return True
        return self._fits(1.0)

    def _fits(self, share: float) -> bool:
        return self._most is None or tokens_of(self._size) <= self._most * share

    def _replace(self, index: int, message: Message) -> None:
        self._size -= len(self._encoded[index])
        self._messages[index], self._encoded[index] = message, encoded(message)
        self._size += len(self._encoded[index])


def _without_end(text: str) -> str:
    left_out = len(text.encode()) - len(text[:SHORTENED_CHARS].encode())
    return shortened(text, SHORTENED_CHARS, f"[{left_out} bytes of this result are left out, to save space]")


def encoded(message: Message) -> bytes:
    """Return a message as JSON, as the record of a session keeps it."""
    return msgspec.json.encode(safe_json(msgspec.to_builtins(message)))
