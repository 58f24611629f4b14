"""The next attempt gets the previous answer and its problems, until the work is verified."""

import asyncio

import pytest

from agents.employees.posting import Posting
from director.services.left_out import left_out
from director.terminal.event_text import Story
from domain import task
from tests.integration.house import House, Sample, of
from tests.loopback import Seen, honest, loopback

pytestmark = pytest.mark.needs_sandbox
NOTES = "```text path=notes.txt\nhello\n```\n"


@pytest.mark.slow
@pytest.mark.ci
async def test_each_attempt_is_told_what_was_wrong_with_the_answer_before(house: House) -> None:
    """No code, then a wrong file beside one out of scope, then an edit of the answer before."""
    sample = Sample(1)
    path, number = f"{sample.module('T1')}.py", sample.numbers["T1"]
    wrong = f"```python path=/workspace/{path}\ndef add(n):\n    return n\n```\n{NOTES}"
    edit = f"{path}\n<<<<<<< SEARCH\n    return n\n=======\n    return n + {number}\n>>>>>>> REPLACE\n{NOTES}"
    answers, prompts = [f"I would add {number}.", wrong, edit], list[str]()

    async def reply(writer: asyncio.StreamWriter, seen: Seen) -> None:
        prompts.append(seen.body["messages"][1]["content"])
        await honest(answers[min(len(prompts), len(answers)) - 1])(writer, seen)

    async with loopback(reply) as server:
        await house.post(Posting(name="model", kind="openai", model="m", base_url=server.base_url, price="zero"))
        async with house.running():
            run = await house.submit(sample)
            log = await house.until_type(run, "run.delivered")
            assert await left_out(house.office.store, run) == ["notes.txt"]
    handed_in = [event.event for event in of(log, run, "task.submitted")]
    assert [event.dropped for event in handed_in if isinstance(event, task.Submitted)] == [("notes.txt",)] * 2
    assert not [event for event in log if event.envelope.type in ("employee.warned", "employee.suspended")]
    story = Story()
    for event in log:
        story.hear(event)
    told = [story.tell(event) for event in log]
    assert "T1: model wrote files outside its scope, and they were left out: notes.txt" in told
    first, second, third = prompts[:3]
    assert "Functions that add." in first, "the requirement's prose"
    assert "holds no code block" in second
    assert f"I would add {number}." in second, "the answer before"
    assert "notes.txt is outside your scope" in third
    assert "return n" in third
    assert "A1" in third or f"n + {number}" in third or f"{number + 1}" in third, "why it was rejected"
