"""The record of a session in place of its model: the prompts that differ, and the end of the record."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from agents.employees.call_errors import CallFailed
from agents.employees.contract import ToolCall
from agents.employees.conversation import CallRequest, Message
from agents.permits import PermitRefused
from agents.rerun.attempts import AttemptRecord
from agents.rerun.sessions import RECORD_ENDS, RecordedPermits, ResultHere, recorded_conversation
from agents.sessions.transcript import encoded
from domain import task
from domain.money import NOTHING
from domain.snapshot import PromptRecord, Snapshot
from domain.tree import digest_of
from tests.unit.recorded_runs import CALL, MemoryBlobs, order_id
from tests.unit.samples import EMPLOYEE, FIRST, PROFILE, RUN

IDS: dict[str, Any] = {"run": RUN, "task": FIRST, "employee": EMPLOYEE, "order": order_id(1)}
ASSIGNED = task.Assigned(**IDS, attempt=1, seed=1, reservation=CALL, due_at=10, form="session", calls_max=9)
START = (Message(role="system", text="Rules."), Message(role="user", text="The task."))


def asked(command: str, id: str) -> Message:
    return Message(role="assistant", text="", calls=(ToolCall(id=id, name="run", arguments={"command": command}),))


def shown(text: str, id: str) -> Message:
    return Message(role="tool", text=text, call_id=id)


THREE = [
    (asked("date", "a"), shown("Monday", "a")),
    (asked("ls", "b"), shown("a.py", "b")),
    (asked("true", "c"), shown("", "c")),
]


async def on_record(blobs: MemoryBlobs, turns: Sequence[tuple[Message, Message]] = THREE) -> AttemptRecord:
    """Return the record of a session with these turns."""
    calls, prompt = {}, list(START)
    sent = 0
    for index, (answer, result) in enumerate(turns):
        new = await blobs.put([encoded(message) for message in prompt[sent:]])
        (kept,) = await blobs.put([encoded(answer)])
        record = PromptRecord(base=index - 1 if index else None, kept=sent, messages=new)
        snapshot = Snapshot(outcome="answered", provider="p", endpoint="", model="m", answer=kept)
        calls[index] = task.CallFinished(**IDS, snapshot=snapshot, charged=NOTHING, index=index, prompt=record)
        sent = len(prompt)
        prompt += [answer, result]
    return AttemptRecord(ASSIGNED, PROFILE, calls)


def request(*messages: Message) -> CallRequest:
    return CallRequest(messages=messages, output_tokens_max=10, wall_s=1.0)


async def test_answers_are_played_and_prompts_compared() -> None:
    blobs = MemoryBlobs()
    model = await recorded_conversation(await on_record(blobs), blobs)
    assert model.has_tools
    prompt = list(START)
    for answer, result in THREE:
        played = await model.complete(request(*prompt))
        assert played.calls == answer.calls
        prompt += [answer, result]
    assert model.differences == {}


async def test_the_first_message_that_differs_is_named_and_calls_that_repeat_it_say_so() -> None:
    blobs = MemoryBlobs()
    model = await recorded_conversation(await on_record(blobs), blobs)
    await model.complete(request(*START))
    await model.complete(request(*START, THREE[0][0], shown("Tuesday", "a")))
    await model.complete(request(*START, THREE[0][0], shown("Tuesday", "a"), *THREE[1]))
    assert model.differences == {1: (3, "tool", "Monday", "Tuesday", False), 2: (3, "tool", "Monday", "Tuesday", True)}


async def test_a_message_whose_text_was_purged_is_compared_by_its_digest() -> None:
    blobs = MemoryBlobs()
    record = await on_record(blobs)
    blobs.purge(digest_of(encoded(THREE[0][1])))
    for today, differences in (("Monday", {}), ("Tuesday", {1: (3, "tool", None, "Tuesday", False)})):
        model = await recorded_conversation(record, blobs)
        await model.complete(request(*START))
        await model.complete(request(*START, THREE[0][0], shown(today, "a")))
        assert model.differences == differences


async def test_a_recorded_fault_is_played_without_its_wait() -> None:
    blobs = MemoryBlobs()
    record = await on_record(blobs)
    failed = replace(record.calls[0].snapshot, outcome="overloaded", answer=None, retry_after_s=60.0)
    calls = {**record.calls, 0: replace(record.calls[0], snapshot=failed)}
    model = await recorded_conversation(record._replace(calls=calls), blobs)
    with pytest.raises(CallFailed) as refused:
        await model.complete(request(*START))
    assert refused.value.failure == "overloaded"
    assert (refused.value.retry_after_s or 9) < 0.1


async def test_a_recorded_model_refuses_a_probe_as_every_model_does() -> None:
    blobs = MemoryBlobs()
    model = await recorded_conversation(await on_record(blobs), blobs)
    with pytest.raises(CallFailed, match="cannot be probed"):
        await model.probe()
    assert (await model.complete(request(*START))).calls == THREE[0][0].calls  # the control: the record is not used up


@pytest.mark.parametrize(
    ("submitted", "outcome", "code"),
    [(True, "", "calls_used_up"), (False, "lease_ended", "lease_ended"), (False, "cancelled", RECORD_ENDS)],
)
async def test_the_end_of_the_record_is_the_end_of_the_permits(submitted: bool, outcome: str, code: str) -> None:
    blobs = MemoryBlobs()
    record = await on_record(blobs, THREE[:1])
    record = record._replace(
        submitted=task.Submitted(**IDS, files={}, tree="t") if submitted else None,
        ended=task.AttemptEnded(**IDS, outcome=outcome) if outcome else None,
    )
    model = await recorded_conversation(record, blobs)
    permits = RecordedPermits(record, model, ResultHere(), lease_s=60.0)
    assert await permits.ask(CALL) == 0
    await model.complete(request(*START))
    with pytest.raises(PermitRefused) as refused:
        await permits.ask(CALL)
    assert refused.value.code == code


async def test_a_model_without_tools_is_recognised() -> None:
    blobs = MemoryBlobs()
    fenced = Message(role="assistant", text="```sh\nls\n```")
    for rules, has_tools in (("Write aura-submit to hand in.", False), ("Call submit to hand in.", True)):
        record = await on_record(blobs, [(fenced, shown("", ""))])
        (first,) = await blobs.put([encoded(Message(role="system", text=rules))])
        prompt = replace(record.calls[0].prompt, messages=(first,))
        record = record._replace(calls={0: replace(record.calls[0], prompt=prompt)})
        assert (await recorded_conversation(record, blobs)).has_tools is has_tools
