"""The ACP client in the box, against doubles of agents: the whole exchange, each refusal, hostile agents, cancel.

`test_a_whole_exchange` is the control of all refusals and faults: the same double without the fault ends well.
"""

import ast
import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.acp_agents import PROGRAM, play
from tests.tiers import CI, every_second_row
from verification.in_box import acp_client, acp_steps
from verification.in_box.acp_client import (
    AGENT_ENDED,
    CANNOT_START,
    LOG_IN,
    NO_ANSWER,
    NOT_ACP,
    NOT_READING,
    OTHER_VERSION,
    REFUSED_BY_AGENT,
    STOP_REASONS,
    TOO_MUCH,
    run,
)

ALLOWED = {"outcome": "selected", "optionId": "id-of-allow_once"}
REJECTED = {"outcome": "selected", "optionId": "id-of-reject_once"}

FAULTS = (
    (
        "log-in",
        "answer(read(), protocolVersion=1); refuse(read(), -32000, 'Please log in')",
        LOG_IN,
        "The agent wants a log-in (Please log in). Its template must set it to an API key instead.",
    ),
    (
        "other version",
        "answer(hear('initialize'), protocolVersion=2)",
        OTHER_VERSION,
        "The agent speaks version 2 of ACP, not 1.",
    ),
    (
        "no name",
        "answer(read(), protocolVersion=1); answer(read())",
        NOT_ACP,
        "The agent made a session without a name.",
    ),
    (
        "version as text",
        "answer(hear('initialize'), protocolVersion='1' * 99999)",
        OTHER_VERSION,
        "The agent speaks version '1111",
    ),
    ("exit", "begin(); sys.exit(3)", AGENT_ENDED, "The agent has ended before its turn was over (exit status 3)."),
    ("no object", "send(id=read()['id'], result=[])", NOT_ACP, "The agent's answer to initialize is not an object."),
    (
        "program left behind",
        "begin(); subprocess.Popen(['sleep', '60'], start_new_session=True); sys.exit(4)",
        AGENT_ENDED,
        "The agent has ended before its turn was over (exit status 4).",
    ),
    (
        "refusal",
        "refuse(read(), -32603, 'no disk')",
        REFUSED_BY_AGENT,
        "The agent refused initialize: no disk (-32603).",
    ),
    (
        "closed output",
        "begin(); os.close(1); time.sleep(60)",
        AGENT_ENDED,
        "The agent has ended before its turn was over (it",
    ),
    ("signal", "begin(); os.kill(os.getpid(), 9)", AGENT_ENDED, "The agent has ended before its turn was over (exit"),
)
"""A name, what the agent does, the exit status of the client, and the beginning of its sentence."""


def running(pid: int) -> bool:
    """Return whether a process runs. A process that has ended can stay as a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_a_whole_exchange(tmp_path: Path) -> None:
    code = """
prompt = begin()
say("I look", "agent_thought_chunk")
say(" first.", "agent_thought_chunk")
say("I write "); say("a file.")
update("tool_call", toolCallId="t1", title="write b.py", kind="edit", status="pending")
allowed = may("edit")
open("b.py", "w").write(prompt["params"]["prompt"][0]["text"])
update("tool_call_update", toolCallId="t1", status="in_progress")
update("tool_call_update", toolCallId="t1", status="completed",
       content=[{"type": "content", "content": {"type": "text", "text": "written"}}])
update("plan", entries=[{"content": "test it", "priority": "high", "status": "pending"}])
update("usage_update", used=5, size=10, cost={"amount": 99, "currency": "USD"})
send(id=prompt["id"], result={"stopReason": "end_turn", "usage": {"totalTokens": 1}})
"""
    played = await play(tmp_path, code, prompt="Schön.\nZwei Zeilen.")
    assert played.status == 0
    assert (tmp_path / "b.py").read_text() == "Schön.\nZwei Zeilen."
    assert [each.pop("kind") for each in played.steps] == [
        *("thought", "message", "tool", "permission", "tool", "plan", "end")
    ]
    assert played.steps == [
        {"text": "I look first."},
        {"text": "I write a file."},
        {"id": "t1", "tool": "edit", "title": "write b.py", "status": "pending"},
        {"title": "a call", "answer": "id-of-allow_once"},
        {"id": "t1", "status": "completed", "output": "written"},
        {"entries": ["test it"]},
        {"status": 0, "text": "The agent has ended its turn."},
    ]
    initialize, new, sent, permission = played.heard
    assert initialize["params"]["clientCapabilities"] == {
        "fs": {"readTextFile": False, "writeTextFile": False},
        "terminal": False,
    }
    assert new["params"] == {"cwd": str(tmp_path), "mcpServers": []}
    assert sent["params"]["sessionId"] == "s1"
    assert permission["result"] == {"outcome": ALLOWED}


@pytest.mark.slow
@pytest.mark.ci
async def test_each_stop_reason_has_a_status(tmp_path: Path) -> None:
    for reason, status in STOP_REASONS.items():
        assert (await play(tmp_path, f"end(begin(), {reason!r})")).status == status
    played = await play(tmp_path, "end(begin(), 'other')")
    assert (played.status, played.end) == (NOT_ACP, "The agent ended its turn for an unknown reason: 'other'.")


async def test_permissions_are_for_one_call_and_not_for_the_network(tmp_path: Path) -> None:
    code = """
prompt = begin()
open("answers", "w").write(repr([
    may("edit"), may("fetch"), may("edit", ["allow_always", "reject_once"]), may("edit", ["allow_always"]),
    may("fetch", ["allow_once"]), may("edit", session="other")["code"], may("edit", ()), may("other")]))
end(prompt)
"""
    played = await play(tmp_path, code)
    cancelled = {"outcome": "cancelled"}
    answers = [ALLOWED, REJECTED, REJECTED, cancelled, cancelled, -32602, cancelled, ALLOWED]
    assert (tmp_path / "answers").read_text() == repr(answers)
    assert [each.get("why", "") for each in played.of("permission")] == [
        "",
        "the box has no network",
        *["the agent does not offer a permission for one call"] * 2,
        "the box has no network",
        "the agent does not offer a permission for one call",
        "",
    ]
    assert played.status == 0


async def test_no_files_no_terminal_no_server_and_no_question_is_offered(tmp_path: Path) -> None:
    methods = ["fs/read_text_file", "fs/write_text_file", "terminal/create", "mcp/connect", "elicitation/create", "x/y"]
    code = f"""
prompt = begin()
for method in {methods}:
    assert ask(method, sessionId="s1", path="/etc/passwd", content="", command="sh")["error"]["code"] == -32601
assert may() == {ALLOWED}
end(prompt)
"""
    played = await play(tmp_path, code)
    assert (played.status, [each["method"] for each in played.of("refused")]) == (0, methods)


@pytest.mark.parametrize(("code", "status", "says"), every_second_row(FAULTS))
async def test_a_fault_has_a_status_and_a_sentence(tmp_path: Path, code: str, status: int, says: str) -> None:
    played = await play(tmp_path, code + "\ntime.sleep(60)")
    assert (played.status, played.end[: len(says)]) == (status, says)


async def test_an_agent_that_never_answers_or_never_reads_is_ended(tmp_path: Path) -> None:
    played = await play(tmp_path, "time.sleep(60)", start_wait_s=0.2)
    assert (played.status, played.end) == (NO_ANSWER, "The agent did not answer initialize within 0.2 s.")
    code = "answer(read(), protocolVersion=1); answer(read(), sessionId='s1'); time.sleep(60)"
    played = await play(tmp_path, code, prompt="x" * 4_000_000, send_wait_s=0.2)
    assert (played.status, played.end) == (NOT_READING, "The agent does not read its messages.")


@pytest.mark.slow
@pytest.mark.ci
async def test_an_agent_that_asks_and_never_reads_is_ended(tmp_path: Path) -> None:
    code = "begin(); [send(id=0, method='x/' + 'y' * 400, params={}) for _ in range(10000)]; time.sleep(60)"
    assert (await play(tmp_path, code, send_wait_s=0.2)).status == NOT_READING


async def test_lines_that_are_no_message_are_shown_and_limited(tmp_path: Path) -> None:
    lines = ["warning: old", "[]", "1", "{}", '{"id": 77, "result": {}}', "[" * 50_000, "\\0\\xff", '{"id": true}']
    code = f"""
prompt = begin()
for line in {lines}:
    print(line, flush=True)
print("", flush=True)
sys.stdout.buffer.write(b"\\xff\\xfe\\n")
send(method="session/update", params=7)
send(method="session/update", params={{"update": {{"sessionUpdate": {{}}, "content": 3}}}})
update("tool_call", toolCallId=[], title=3, content=[1, {{"content": {{"text": 5}}}}])
say(None); say("\\ud800 half")
send(id=None, method="session/request_permission", params={{"sessionId": "s1", "toolCall": 1, "options": [1, {{}}]}})
read()
end(prompt)
"""
    played = await play(tmp_path, code)
    assert played.status == 0
    assert [each["text"] for each in played.of("foreign")][:2] == ["warning: old", "[]"]
    assert len(played.of("foreign")) == 9
    assert played.of("message") == [{"text": "\ud800 half"}]
    code = "begin(); [print('garbage', flush=True) for _ in range(1000)]; time.sleep(60)"
    played = await play(tmp_path, code, foreign_lines_max=50)
    assert (played.status, played.end) == (NOT_ACP, "More than 50 lines of the agent are not ACP.")
    assert len(played.of("foreign")) == 51


@pytest.mark.parametrize(
    ("flood", "limits", "says"),
    [
        ("while True: sys.stdout.write('x' * 65536)", {"line_bytes_max": 100_000}, "has more than 100000 bytes"),
        pytest.param("say('x' * 200000)", {"line_bytes_max": 100_000}, "has more than 100000 bytes", marks=CI),
        ("while True: say('x')", {"messages_max": 500}, "more than 500 messages"),
        ("while True: send(id=1, method='fs/read', params={})", {"requests_max": 20}, "more than 20 requests"),
    ],
)
async def test_a_flood_ends_the_agent(tmp_path: Path, flood: str, limits: dict[str, Any], says: str) -> None:
    """The control: the same limits and an honest agent."""
    played = await play(tmp_path, f"begin()\n{flood}\ntime.sleep(60)", **limits)
    assert played.status == TOO_MUCH
    assert says in played.end
    assert (await play(tmp_path, "prompt = begin(); say('fine'); end(prompt)", **limits)).status == 0


@pytest.mark.slow
@pytest.mark.ci
async def test_a_line_of_100_mb_is_refused(tmp_path: Path) -> None:
    code = "begin(); sys.stdout.write('{\"x\": \"' + 'x' * 100_000_000 + '\"}\\n'); sys.stdout.flush(); time.sleep(60)"
    played = await play(tmp_path, code)
    assert (played.status, played.end) == (TOO_MUCH, "A message of the agent has more than 16777216 bytes.")


async def test_the_report_is_limited(tmp_path: Path) -> None:
    code = "prompt = begin()\nfor n in range(300): say('x' * 9000); update('plan', entries=[])\nend(prompt)"
    played = await play(tmp_path, code, report_bytes_max=50_000)
    assert (played.status, played.end) == (0, "The agent has ended its turn.")
    assert 10 <= len(played.of("message")) <= 13
    assert max(len(each["text"]) for each in played.of("message")) == 4000


async def test_after_the_turn_nothing_is_permitted_and_the_agent_is_ended(tmp_path: Path) -> None:
    code = """
prompt = begin()
end(prompt); time.sleep(0.1)
send(id="late", method="session/request_permission", params={"sessionId": "s1", "toolCall": {}, "options": [
    {"optionId": "yes", "name": "yes", "kind": "allow_once"}]})
open("pid", "w").write(str(subprocess.Popen(["sleep", "60"]).pid))
while True: time.sleep(60)
"""
    played = await play(tmp_path, code, end_wait_s=0.4)
    assert played.status == 0
    assert played.of("permission") == [{"answer": "cancelled", "why": "the turn is over"}]
    assert not running(int((tmp_path / "pid").read_text()))


async def test_a_program_that_cannot_start_says_so(tmp_path: Path) -> None:
    lines: list[str] = []
    assert await run(["/nowhere/agent"], "x", lines.append, folder=str(tmp_path)) == CANNOT_START
    assert "/nowhere/agent cannot be started" in lines[0]


@pytest.mark.parametrize(
    ("code", "limit_s"), [("end(prompt, 'cancelled')", 30.0), pytest.param("time.sleep(60)", 0.2, marks=CI)]
)
async def test_a_cancelled_agent_is_asked_to_stop_and_then_ended(tmp_path: Path, code: str, limit_s: float) -> None:
    code = f"prompt = begin(); open('begun', 'w'); hear('session/cancel'); {code}"
    playing = asyncio.create_task(play(tmp_path, code, cancel_wait_s=limit_s))
    async with asyncio.timeout(120):
        while not (tmp_path / "begun").exists():  # noqa: ASYNC110 (the double is another process)
            await asyncio.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
    played = await playing
    assert played.status == STOP_REASONS["cancelled"]
    assert played.heard[-1]["method"] == "session/cancel"


def test_the_program_reads_its_prompt_and_ends_with_the_status(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(
        PROGRAM + "prompt = begin(); say(prompt['params']['prompt'][0]['text']); end(prompt)"
    )
    (tmp_path / "prompt.md").write_text("Do it.")
    client = ("-c", "from verification.in_box.acp_client import main; main()")
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, *client, "prompt.md", sys.executable, "-I", "-S", "agent.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert '{"kind": "message", "text": "Do it."}' in done.stdout
    assert time.monotonic() - begun < 30


def test_the_client_needs_the_standard_library_alone() -> None:
    foreign: set[str] = set()
    for module in (acp_client, acp_steps):
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            foreign |= {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names}
    assert foreign == {"verification.in_box.acp_steps"}


def test_the_page_has_each_exit_status() -> None:
    page = Path("docs/agents.md").read_text(encoding="utf-8")
    listed = [int(number) for row in re.findall(r"(?m)^\| ([0-9, ]+) \|", page) for number in row.split(",")]
    assert listed == [*STOP_REASONS.values(), *range(acp_client.NO_ANSWER, acp_client.NOT_READING + 1), CANNOT_START]
