"""Readers of the usage in an answer, one for each wire format. They read events of a stream and whole bodies alike."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from agents.employees.reply import name_in
from agents.employees.usage import TOKENS_REPORTED_MAX, mapping_in

DEPTH_MAX = 12  # of the texts that are counted


class UsageReader(ABC):
    """The usage of one answer. None: not reported yet.

    `written`: the part of the input that was written to the provider's cache at a higher price. `cached`: the part that
    was read from it. `complete`: the answer has ended by itself. `final`: the reported usage is of the whole answer.
    `ended`: the last event of the stream has come.
    """

    def __init__(self) -> None:
        self.input_tokens: int | None = None
        self.cached_tokens: int | None = None
        self.written_tokens: int | None = None
        self.output_tokens: int | None = None
        self.reasoning_tokens: int | None = None
        self.answer_bytes = 0
        self.complete = False
        self.final = False
        self.ended = False
        self.model: str | None = None
        self.id: str | None = None
        self.finish: str | None = None

    @abstractmethod
    def read(self, raw: Mapping[str, Any]) -> None:
        """Read one event, or the whole body."""

    def done(self) -> None:
        """Note the end marker of a stream."""
        self.ended = True

    def has_usage(self) -> bool:
        """Return whether the usage of the whole answer was reported. Zeros carry no information."""
        return self.final and self.input_tokens is not None and bool(self.input_tokens or self.output_tokens)

    def _named(self, raw: Mapping[str, Any], model: str, id: str) -> None:
        self.model = name_in(raw, model) or self.model
        self.id = name_in(raw, id) or self.id

    def _count(self, value: Any) -> None:
        self.answer_bytes += sum(len(part.encode(errors="replace")) for part in _texts(value, 0))


class ChatUsage(UsageReader):
    def read(self, raw: Mapping[str, Any]) -> None:
        self._named(raw, "model", "id")
        for choice in objects(raw.get("choices")):
            self._count(choice.get("delta") or choice.get("message"))
            self.finish = name_in(choice, "finish_reason") or self.finish
        self.complete = self.complete or self.finish is not None
        usage = raw.get("usage")
        if isinstance(usage, dict):
            self.input_tokens = count(usage, "prompt_tokens")
            self.output_tokens = count(usage, "completion_tokens")
            self.cached_tokens = count(mapping_in(usage, "prompt_tokens_details"), "cached_tokens")
            self.reasoning_tokens = count(mapping_in(usage, "completion_tokens_details"), "reasoning_tokens")
            self.final = self.complete and self.output_tokens is not None

    def done(self) -> None:
        self.complete = self.ended = True


class ResponsesUsage(UsageReader):
    def read(self, raw: Mapping[str, Any]) -> None:
        kind = raw.get("type")
        answer = mapping_in(raw, "response") if isinstance(kind, str) else raw
        if isinstance(kind, str) and kind.endswith(".delta"):
            self._count(raw.get("delta"))
        if not answer:
            return
        self._named(answer, "model", "id")
        status = name_in(answer, "status")
        if status not in ("completed", "incomplete", "failed"):
            return
        self.finish, self.complete = status, True
        self.ended = isinstance(kind, str)
        if not isinstance(kind, str):
            self._count(answer.get("output"))
        usage = mapping_in(answer, "usage")
        self.input_tokens = count(usage, "input_tokens")
        self.output_tokens = count(usage, "output_tokens")
        self.cached_tokens = count(mapping_in(usage, "input_tokens_details"), "cached_tokens")
        self.reasoning_tokens = count(mapping_in(usage, "output_tokens_details"), "reasoning_tokens")
        self.final = self.output_tokens is not None


class MessagesUsage(UsageReader):
    """In this format `input_tokens` does not contain the tokens that were read from the cache or written to it."""

    def __init__(self) -> None:
        super().__init__()
        self._usage: dict[str, Any] = {}

    def read(self, raw: Mapping[str, Any]) -> None:
        kind = raw.get("type")
        if kind in ("message_start", "message"):
            message = mapping_in(raw, "message") if kind == "message_start" else raw
            self._named(message, "model", "id")
            self._count(message.get("content"))
            self._add(message)
        elif kind == "content_block_delta":
            self._count(raw.get("delta"))
        elif kind == "message_delta":
            self._add({"usage": raw.get("usage"), "stop_reason": mapping_in(raw, "delta").get("stop_reason")})
        elif kind == "message_stop":
            self.complete = self.ended = True

    def _add(self, message: Mapping[str, Any]) -> None:
        self._usage |= {name: value for name, value in mapping_in(message, "usage").items() if value is not None}
        self.finish = name_in(message, "stop_reason") or self.finish
        self.complete = self.complete or self.finish is not None
        self.cached_tokens = count(self._usage, "cache_read_input_tokens")
        self.written_tokens = count(self._usage, "cache_creation_input_tokens")
        fresh = count(self._usage, "input_tokens")
        if fresh is not None:
            self.input_tokens = fresh + (self.cached_tokens or 0) + (self.written_tokens or 0)
        self.output_tokens = count(self._usage, "output_tokens")
        self.final = self.complete and self.output_tokens is not None


class GeminiUsage(UsageReader):
    """In this format thoughts are not part of the count of the candidates."""

    def read(self, raw: Mapping[str, Any]) -> None:
        self._named(raw, "modelVersion", "responseId")
        for candidate in objects(raw.get("candidates")):
            self._count(candidate.get("content"))
            self.finish = name_in(candidate, "finishReason") or self.finish
        self.finish = name_in(mapping_in(raw, "promptFeedback"), "blockReason") or self.finish
        self.complete = self.finish is not None
        usage = mapping_in(raw, "usageMetadata")
        if not usage:
            return
        asked = count(usage, "promptTokenCount")
        self.input_tokens = None if asked is None else asked + (count(usage, "toolUsePromptTokenCount") or 0)
        self.cached_tokens = count(usage, "cachedContentTokenCount")
        self.reasoning_tokens = count(usage, "thoughtsTokenCount")
        self.output_tokens = (count(usage, "candidatesTokenCount") or 0) + (self.reasoning_tokens or 0)
        self.final = self.complete


def count(source: Mapping[str, Any], name: str) -> int | None:
    """Return a whole number of tokens, or None if the value cannot be one."""
    value = source.get(name)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= TOKENS_REPORTED_MAX else None


def objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a list."""
    yield from (item for item in (value if isinstance(value, list) else []) if isinstance(item, dict))


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth < DEPTH_MAX and isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item, depth + 1)
