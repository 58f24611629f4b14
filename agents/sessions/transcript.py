"""The conversation of a session and its record. A call records only the messages that earlier calls did not have."""

import msgspec

from agents.employees.conversation import Message
from agents.employees.safe_text import safe_json
from agents.employees.usage import tokens_of

MESSAGES_KEPT_AT_END = 8
"""Messages at the end of the conversation that are never shortened."""
SHORTENED_CHARS = 200


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """The record of a call's prompt: the first `kept` messages of the prompt of call `base`, then `messages`."""

    base: int | None
    kept: int
    messages: tuple[bytes, ...]


class Transcript:
    """The messages of a session. `prompt_tokens_max`: the most tokens that a prompt may have."""

    def __init__(self, first: tuple[Message, ...], *, prompt_tokens_max: int) -> None:
        self._messages = list(first)
        self._first = len(first)
        self._most = prompt_tokens_max
        self._sent: list[bytes] = []  # the prompt of the last call, message by message
        self._last: int | None = None

    @property
    def messages(self) -> tuple[Message, ...]:
        return tuple(self._messages)

    def add(self, *messages: Message) -> None:
        self._messages += messages

    def fit(self) -> bool:
        """Shorten the oldest results of tools until the prompt fits. Return False if it cannot fit."""
        if tokens_of(self._size()) <= self._most:
            return True
        last = max(self._first, len(self._messages) - MESSAGES_KEPT_AT_END)
        for index in range(self._first, last):
            message = self._messages[index]
            if message.role in ("tool", "user") and len(message.text) > SHORTENED_CHARS:
                self._messages[index] = msgspec.structs.replace(message, text=_shortened(message.text))
                if tokens_of(self._size()) <= self._most:
                    return True
        return tokens_of(self._size()) <= self._most

    def record(self, index: int) -> Recorded:
        """Return the record of the prompt of call `index`, which is the present conversation."""
        prompt = [_encoded(message) for message in self._messages]
        kept = 0
        while kept < min(len(prompt), len(self._sent)) and prompt[kept] == self._sent[kept]:
            kept += 1
        recorded = Recorded(base=self._last, kept=kept if self._last is not None else 0, messages=tuple(prompt[kept:]))
        self._sent, self._last = prompt, index
        return recorded

    def _size(self) -> int:
        return sum(len(_encoded(message)) for message in self._messages)


def _shortened(text: str) -> str:
    head = text[:SHORTENED_CHARS]
    return f"{head}\n[{len(text.encode()) - len(head.encode())} bytes of this result are left out, to save space]"


def _encoded(message: Message) -> bytes:
    return msgspec.json.encode(safe_json(msgspec.to_builtins(message)))
