"""The usage in answers of each wire format, and the splitting of streams."""

from typing import Any

import pytest

from agents.gateway.sse import EventSplitter, EventTooLarge, data_of
from agents.gateway.usage_reader import ChatUsage, GeminiUsage, MessagesUsage, ResponsesUsage, UsageReader

CHOICE = {"finish_reason": "stop", "message": {"content": "x"}}


def _read(reader: UsageReader, *parts: dict[str, Any]) -> UsageReader:
    for part in parts:
        reader.read(part)
    return reader


def test_chat_counts_cached_tokens_and_thinking() -> None:
    details = {"prompt_tokens_details": {"cached_tokens": 5}, "completion_tokens_details": {"reasoning_tokens": 3}}
    usage = {"prompt_tokens": 10, "completion_tokens": 7, **details}
    reader = _read(ChatUsage(), {"model": "m", "id": "c", "choices": [CHOICE], "usage": usage})
    assert (reader.input_tokens, reader.output_tokens, reader.cached_tokens, reader.reasoning_tokens) == (10, 7, 5, 3)
    assert (reader.model, reader.id, reader.finish) == ("m", "c", "stop")
    assert reader.has_usage()


def test_usage_in_the_middle_of_a_stream_is_not_final() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 7}
    reader = _read(ChatUsage(), {"choices": [{"delta": {"content": "x"}}], "usage": usage})
    assert not reader.has_usage()
    reader.read({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {**usage, "completion_tokens": 9}})
    assert reader.has_usage()
    assert reader.output_tokens == 9


def test_messages_add_the_tokens_of_the_cache_to_the_input() -> None:
    start = {"usage": {"input_tokens": 4, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 6}}
    reader = _read(MessagesUsage(), {"type": "message_start", "message": {"model": "m", **start}})
    assert not reader.has_usage()
    reader.read({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 8}})
    assert (reader.input_tokens, reader.output_tokens) == (100, 8)
    assert (reader.cached_tokens, reader.written_tokens) == (90, 6)
    assert reader.has_usage()
    assert not reader.ended
    reader.read({"type": "message_stop"})
    assert reader.ended


def test_gemini_adds_thoughts_and_tool_prompts() -> None:
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 3, "toolUsePromptTokenCount": 2}
    reader = _read(GeminiUsage(), {"candidates": [{"finishReason": "STOP"}], "usageMetadata": usage})
    assert (reader.input_tokens, reader.output_tokens) == (12, 8)
    assert reader.has_usage()


def test_a_blocked_prompt_of_gemini_is_complete() -> None:
    usage = {"promptTokenCount": 10}
    reader = _read(GeminiUsage(), {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": usage})
    assert (reader.finish, reader.has_usage(), reader.output_tokens) == ("SAFETY", True, 0)


@pytest.mark.parametrize("status", ["completed", "incomplete", "failed"])
def test_responses_end_with_their_status(status: str) -> None:
    usage = {"input_tokens": 10, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 2}}
    answer = {"id": "r", "model": "m", "status": status, "usage": usage}
    reader = _read(ResponsesUsage(), {"type": f"response.{status}", "response": answer})
    assert (reader.input_tokens, reader.output_tokens, reader.cached_tokens, reader.ended) == (10, 5, 2, True)
    assert not _read(ResponsesUsage(), {"type": "response.created", "response": {**answer, "status": "queued"}}).final


@pytest.mark.parametrize("value", [None, "7", -1, 1.5, True, 10**12, [], {}])
def test_a_value_that_is_not_a_count_is_not_usage(value: Any) -> None:
    usage = {"prompt_tokens": value, "completion_tokens": 7}
    assert not _read(ChatUsage(), {"choices": [CHOICE], "usage": usage}).has_usage()
    usage["prompt_tokens"] = 7.0
    assert _read(ChatUsage(), {"choices": [CHOICE], "usage": usage}).has_usage()  # control


@pytest.mark.parametrize("reader", [ChatUsage(), ResponsesUsage(), MessagesUsage(), GeminiUsage()])
def test_odd_answers_are_read_without_usage(reader: UsageReader) -> None:
    odd: tuple[dict[str, Any], ...] = (
        {},
        {"choices": "x", "usage": []},
        {"choices": [None, 1], "usage": {"prompt_tokens": {}}},
        {"type": "response.completed", "response": None},
        {"type": "message_start", "message": 1},
        {"type": "message_delta", "delta": None, "usage": None},
        {"candidates": [{"content": 1}], "usageMetadata": "x", "promptFeedback": []},
    )
    _read(reader, *odd)
    assert not reader.has_usage()


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"])
def test_each_kind_of_line_end_ends_an_event(end: bytes) -> None:
    event = b'event: x\ndata: {"a": 1}' + end
    assert list(EventSplitter().feed(event * 2)) == [event, event]
    assert data_of(event) == ([{"a": 1}], False)


def test_events_without_an_empty_line_between_them_are_each_read() -> None:
    assert data_of(b'data: {"a": 1}\ndata: {"b": 2}\ndata: [DONE]\n\n') == ([{"a": 1}, {"b": 2}], True)


def test_an_event_over_several_lines_is_one() -> None:
    assert data_of(b'data: {"a":\ndata: 1}\n\n') == ([{"a": 1}], False)


def test_an_event_without_an_end_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.gateway.sse.EVENT_BYTES_MAX", 1000)
    splitter = EventSplitter()
    assert list(splitter.feed(b"data: " + b"x" * 900)) == []
    with pytest.raises(EventTooLarge):
        list(splitter.feed(b"x" * 200))
