"""The calls of a coding agent for readers: its tool calls and their results, in every wire format."""

import json
from typing import Any

import pytest

from agents.workers.gateway_permits import prompt_parts
from director.services.attempt_calls import CallReader
from director.services.attempt_record import OrderRecord
from director.terminal.attempt_text import AttemptText
from domain import task
from domain.money import Amount
from domain.snapshot import PromptRecord, Snapshot
from tests.unit.recorded_runs import CALL, MemoryBlobs
from tests.unit.samples import EMPLOYEE
from tests.unit.test_rerun_sessions import ASSIGNED, IDS
from tests.unit.test_seen_messages import ANSWERS, ASKED, RESULTS

TASK: dict[str, dict[str, Any]] = {
    "chat": {"messages": [{"role": "user", "content": "Write it."}]},
    "messages": {"messages": [{"role": "user", "content": [{"type": "text", "text": "Write it."}]}]},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "Write it."}]}]},
    "responses": {"input": [{"role": "user", "content": "Write it."}]},
}
"""Wire format -> the first request."""
CALLED = {"type": "function_call", "call_id": "c1", "name": "run", "arguments": '{"command":"ls"}'}


def after(wire: str) -> list[dict[str, Any]]:
    """Return the messages that the second request has more than the first: the answer and its result."""
    asked = CALLED if wire == "responses" else dict(ASKED)[wire]
    return [asked, dict(RESULTS)[wire]]


async def receipt(
    blobs: MemoryBlobs, wire: str, index: int, request: dict[str, Any], *, kept: int
) -> task.CallFinished:
    parts = prompt_parts(json.dumps(request).encode())
    (answer,) = await blobs.put([json.dumps(dict(ANSWERS)[wire]).encode()])
    record = PromptRecord(base=index - 1 if index else None, kept=kept, messages=await blobs.put(parts[kept:]))
    snapshot = Snapshot(
        outcome="answered", provider="p", endpoint="", model="m", answer=answer, parameters={"wire": wire}, cost=CALL
    )
    return task.CallFinished(**IDS, snapshot=snapshot, charged=CALL, index=index, prompt=record)


@pytest.mark.parametrize("wire", TASK)
async def test_tool_calls_and_results_are_shown(wire: str) -> None:
    blobs, order = MemoryBlobs(), OrderRecord(ASSIGNED)
    (name, first), *_ = TASK[wire].items()
    settings = {"model": "m", "tools": [{"name": "run"}]}
    requests = [{**settings, name: first}, {**settings, name: [*first, *after(wire)]}]
    for index, request in enumerate(requests):
        order.hear(task.CallStarted(**IDS, index=index, bound=CALL), index)
        order.hear(await receipt(blobs, wire, index, request, kept=2 if index else 0), index)
    reader = CallReader(order, {EMPLOYEE: "claude"}, blobs)
    one, two = [await reader.view(index) for index in (0, 1)]
    assert (one.employee, one.thought) == ("claude", "I look.")
    assert [(each.name, json.loads(each.arguments)) for each in one.actions] == [("run", {"command": "ls"})]
    assert [(each.call_id, each.text) for each in one.results] == [("c1", "a.py")]
    assert (one.prompt or "").endswith("[user]\nWrite it.")
    assert (two.continues, two.prompt, two.results) == (0, None, [])
    assert Amount(two.total_usd, two.total_tokens) == CALL + CALL


async def test_an_open_call_and_one_that_was_cut_off() -> None:
    order = OrderRecord(ASSIGNED)
    order.hear(task.CallStarted(**IDS, index=0, bound=CALL), 1)
    reader = CallReader(order, {EMPLOYEE: "ada"}, MemoryBlobs())
    still_open = await reader.view(0)
    assert (still_open.outcome, still_open.bound_usd, still_open.cost_usd) == (None, CALL.usd, None)
    assert not order.is_over
    order.hear(task.Released(**IDS, reason="The lease ended.", cut_off=True, charged=CALL), 2)
    cut_off = await reader.view(0)
    assert (cut_off.outcome, cut_off.cost_usd, cut_off.total_usd) == ("cut_off", CALL.usd, CALL.usd)
    assert order.is_over


async def test_content_that_was_purged_is_none_and_no_error() -> None:
    blobs, order = MemoryBlobs(), OrderRecord(ASSIGNED)
    first = await receipt(blobs, "chat", 0, TASK["chat"], kept=0)
    messages = [*TASK["chat"]["messages"], *after("chat")]
    second = await receipt(blobs, "chat", 1, {"messages": messages}, kept=2)
    for index, each in enumerate((first, second)):
        order.hear(task.CallStarted(**IDS, index=index, bound=CALL), index)
        order.hear(each, index)
    for digest in {first.snapshot.answer, first.prompt.messages[1], second.prompt.messages[1]}:
        blobs.purge(digest or "")
    call = await CallReader(order, {}, blobs).view(0)
    assert (call.answer, call.actions, [each.text for each in call.results]) == (None, [], [None])
    assert "not on record, or was purged" in (call.prompt or "")


@pytest.mark.parametrize(
    ("end", "outcome", "message", "said"),
    [
        (None, "", "", "at work"),
        ("handed in", "", "", "handed in: 2 changed paths"),
        ("ended", "stuck", "", "ended without work: stuck"),
        ("ended", "declined", "No\nway.", "ended without work: declined: No way."),
        ("released", "cut_off", "The lease ended.", "released without work: cut_off: The lease ended."),
    ],
)
def test_the_end_of_an_order_in_words(end: str | None, outcome: str, message: str, said: str) -> None:
    order = {"end": end, "outcome": outcome, "message": message, "paths": 2, "dropped": ["no\x1bte.txt"]}
    assert AttemptText().end(order) == f"{said}\nleft out, because it is outside the scope: no<U+001B>te.txt"
