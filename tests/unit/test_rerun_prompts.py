"""Recorded prompts of every provider's form are compared with those of today, and recorded answers are played."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from agents.employees.adaptations import adapted
from agents.employees.call_errors import CallFailed
from agents.employees.conversation import CallRequest, Message
from agents.employees.providers import anthropic_messages, gemini_content, openai
from agents.employees.providers.openai_responses import OpenAIResponsesModel
from agents.rerun.model import RecordedAnswer
from agents.rerun.prompts import Said, first_difference, recorded_request, todays_request
from bus.memory_bucket import MemoryBucket
from bus.object_bucket import BucketLimits
from domain.errors import Invalid, LimitReached, NotFound
from domain.snapshot import Snapshot
from domain.tree import digest_of

MESSAGES = (Message(role="system", text="Be careful."), Message(role="user", text="Write double.py. Ümlaut"))
REQUEST = CallRequest(messages=MESSAGES, output_tokens_max=100, wall_s=10.0, seed=7)
CHAT: dict[str, Any] = {"model": "m", "messages": openai.messages_of(MESSAGES)}
RESPONSES = OpenAIResponsesModel(base_url="http://127.0.0.1:1/v1", model="m", api_key=None, price="zero")
FORMS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("chat", CHAT),
    ("chat without a message of the system", adapted(CHAT, ("no_system",))),
    ("responses", RESPONSES._params(REQUEST)),
    ("messages", anthropic_messages.params_of("m", REQUEST, stored=True)),
    ("generateContent", gemini_content.params_of(REQUEST)),
)


@pytest.mark.parametrize("form", [form for _, form in FORMS], ids=[name for name, _ in FORMS])
def test_the_same_prompt_is_recognised_in_every_form(form: Mapping[str, Any]) -> None:
    recorded = recorded_request(msgspec.json.encode(form))
    assert first_difference(recorded, todays_request(MESSAGES, recorded)) is None
    other = (*MESSAGES[:1], Message(role="user", text="Write double.py. Umlaut"))
    difference = first_difference(recorded, todays_request(other, recorded))
    assert difference is not None, "control: another prompt differs"
    assert difference.message == len(recorded) - 1
    assert "Ümlaut" in (difference.recorded or "")


def test_an_excerpt_begins_shortly_before_the_difference() -> None:
    text = "same " * 100
    found = first_difference([Said("user", f"{text}old{'x' * 500}")], [Said("user", f"{text}new")])
    assert found is not None
    assert (found.recorded or "").startswith("…")
    assert len(found.recorded or "") < 250
    assert (found.today or "").endswith("new")


def test_a_message_more_or_less_is_a_difference() -> None:
    one, two = Said("user", "a"), Said("assistant", "b")
    assert first_difference([one], [one, two]) == (1, "assistant", None, "b", False)
    assert first_difference([one, two], [one]) == (1, "assistant", "b", None, False)
    assert first_difference([], []) is None


@pytest.mark.parametrize("prompt", [b"", b'{"messages": [', b"[]", b'{"brief": {}}', b"\xff"])
def test_a_prompt_that_was_cut_or_has_no_messages_is_refused(prompt: bytes) -> None:
    with pytest.raises(Invalid):
        recorded_request(prompt)


async def test_a_recorded_failure_is_played_and_one_found_by_reading_is_found_again() -> None:
    failed = RecordedAnswer(Snapshot(outcome="rate_limit", provider="p", endpoint="", model="m", message="Slow."), "")
    with pytest.raises(CallFailed) as refused:
        await failed.complete(REQUEST)
    assert (refused.value.failure, refused.value.message) == ("rate_limit", "Slow.")
    cut = RecordedAnswer(
        Snapshot(outcome="truncated", provider="p", endpoint="", model="m", finish_reason="MAX_TOKENS"), "def a"
    )
    result = await cut.complete(REQUEST)
    assert (result.text, result.finish) == ("def a", "length")


async def test_a_bucket_in_memory_has_the_limits_and_errors_of_a_real_one() -> None:
    bucket = MemoryBucket("PACKS", BucketLimits(bytes_max=10, age_s=60.0))
    name = await bucket.put(b"12345678")
    assert name == digest_of(b"12345678")
    assert await bucket.get(name, 8) == b"12345678"
    assert [each.name for each in await bucket.objects()] == [name]
    with pytest.raises(LimitReached):
        await bucket.put(b"123")
    with pytest.raises(LimitReached):
        await bucket.get(name, 7)
    await bucket.delete(name)
    assert await bucket.find(name) is None
    with pytest.raises(NotFound):
        await bucket.get(name, 8)
