"""The prompts of a session, rebuilt from its receipts, and the space that they take."""

from collections.abc import Iterable

from agents.employees.contract import ToolCall
from agents.employees.conversation import Message
from agents.sessions.record import Conversations, RecordedPrompt, prompts_of
from agents.sessions.transcript import Transcript
from agents.workers.gateway_permits import prompt_parts
from agents.workers.receipts import Receipts
from agents.workers.result import CallReceipt
from domain.snapshot import PromptRecord, Snapshot
from domain.tree import digest_of
from tests.orders import order
from tests.unit.test_gateway_permits import Queue, metered, permits_of

FIRST = (Message(role="system", text="s" * 500), Message(role="user", text="u"))
SNAPSHOT = Snapshot(outcome="answered", provider="p", endpoint="", model="m")
CALLS = 100
OUTPUT_BYTES = 2000


def record(base: int | None, kept: int, *messages: str) -> PromptRecord:
    return PromptRecord(base=base, kept=kept, messages=messages)


def test_a_prompt_is_the_beginning_of_its_base_and_its_own_messages() -> None:
    prompts = prompts_of({0: record(None, 0, "s", "u"), 1: record(0, 2, "a", "r"), 2: record(1, 3, "short", "b")})
    assert prompts[0] == RecordedPrompt(0, ("s", "u"))
    assert prompts[1] == RecordedPrompt(0, ("s", "u", "a", "r"))
    assert prompts[2] == RecordedPrompt(0, ("s", "u", "a", "short", "b"))


def test_several_conversations_of_one_attempt_are_kept_apart() -> None:
    records = {
        0: record(None, 0, "x", "x0"),
        1: record(None, 0, "y", "y0"),
        2: record(0, 2, "answer x", "result x"),
        3: record(1, 2, "answer y", "result y"),
        4: record(2, 4, "answer x2"),
    }
    conversations = Conversations(records)
    assert conversations.prompts[3] == RecordedPrompt(0, ("y", "y0", "answer y", "result y"))
    assert conversations.after(0) == ("answer x", "result x")
    assert conversations.after(1) == ("answer y", "result y")
    assert conversations.after(3) == (), "no call continues it"
    assert conversations.after(9) == (), "there is no such call"


def test_messages_of_a_receipt_that_is_not_on_record_are_missing() -> None:
    conversations = Conversations({1: record(0, 3, "b"), 2: record(1, 4, "c"), 3: record(2, 2, "d")})
    assert conversations.prompts[1] == RecordedPrompt(3, ("b",))
    assert conversations.prompts[2] == RecordedPrompt(3, ("b", "c"))
    assert conversations.prompts[3] == RecordedPrompt(2, ("d",))
    assert conversations.after(1) == ("c",)
    assert conversations.after(0) == ()


def test_a_worker_cannot_harm_a_reader_with_wrong_records() -> None:
    hostile = {
        0: record(1, 5, "a"),
        1: record(0, 5, "b"),
        2: record(2, 10**12, "c"),
        3: record(None, -4, "d"),
        4: record(3, -1, "e"),
        5: record(3, 10**12, "f"),
    }
    prompts = prompts_of(hostile)
    assert prompts[2] == RecordedPrompt(10**12, ("c",)), "messages that no receipt names are a number, not a list"
    assert prompts[4] == RecordedPrompt(0, ("e",))
    assert prompts[5] == RecordedPrompt(0, ("d", "f"))
    assert {len(prompt.messages) for prompt in prompts.values()} <= {1, 2}


async def test_the_records_of_the_gateway_are_rebuilt_to_the_requests_of_an_agent() -> None:
    queue = Queue()
    permits = permits_of(queue)
    main = [{"role": "user", "content": "Write it."}]
    side = [{"role": "user", "content": "Give it a title."}]
    more = [*main, {"role": "assistant", "content": "ls"}, {"role": "user", "content": "a.py"}]
    requests = [metered(model="m", messages=messages) for messages in (main, side, more)]
    for index, request in enumerate(requests):
        await permits.receipt(index, request)
    rebuilt = prompts_of(records_of(hand_in.calls[0] for _, hand_in in queue.sent))
    for index, request in enumerate(requests):
        assert list(rebuilt[index].messages) == [digest_of(part) for part in prompt_parts(request.request)]


async def test_a_session_of_a_hundred_calls_takes_space_in_proportion_to_its_length() -> None:
    """Each call adds an answer and a result of 2 KB. The whole prompts together have 10 MB."""
    queue, transcript = Queue(), Transcript(FIRST, prompt_tokens_max=None)
    receipts = Receipts(queue, order())
    whole = 0
    for index in range(CALLS):
        await receipts.send(index, SNAPSHOT, b"", transcript.encoded)
        whole += sum(map(len, transcript.encoded))
        transcript.add(
            Message(role="assistant", calls=(ToolCall(id=f"c{index:02}", name="run", arguments={"command": "ls"}),)),
            Message(role="tool", call_id=f"c{index:02}", text=f"{index:04}" * (OUTPUT_BYTES // 4)),
        )
    calls = [hand_in.calls[0] for _, hand_in in queue.sent]
    stored: set[str] = set()
    added = [size_of_new(call.messages, stored) for call in calls]
    assert len(set(added[1:])) == 1, "each call adds the same number of bytes"
    assert sum(added) < CALLS * (OUTPUT_BYTES + 400)
    assert whole > 20 * sum(added), "control: whole prompts would grow with the square"
    assert [len(call.messages) for call in calls[1:]] == [2] * (CALLS - 1)
    assert prompts_of(records_of(calls))[CALLS - 1].length == 2 * CALLS, "control: the last prompt has all messages"


def records_of(calls: Iterable[CallReceipt]) -> dict[int, PromptRecord]:
    """Return the records that the manager makes from these receipts."""
    return {
        call.index: PromptRecord(base=call.base, kept=call.kept, messages=tuple(map(digest_of, call.messages)))
        for call in calls
    }


def size_of_new(contents: Iterable[bytes], stored: set[str]) -> int:
    """Return the bytes of the contents that are not stored yet, and note them as stored."""
    new = {digest_of(content): len(content) for content in contents}
    size = sum(length for digest, length in new.items() if digest not in stored)
    stored |= set(new)
    return size
