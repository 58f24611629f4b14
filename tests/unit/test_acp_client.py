"""The client of the Agent Client Protocol, before small agents that are doubles: each plays one script."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from verification.in_box import acp_client

AGENT = """
import json, sys
heard = open(sys.argv[1], "w")
def hear():
    line = sys.stdin.readline()
    heard.write(line); heard.flush()
    return json.loads(line) if line else None
def say(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
def answer(**result):
    say(id=hear()["id"], result=result)
def open_session():
    answer(protocolVersion=1, agentCapabilities={})
    answer(sessionId="s-1")
def ask(method, **params):
    say(id=f"a-{method}", method=method, params=params)
    return hear()
"""
OPTIONS = [
    {"optionId": "no", "name": "No", "kind": "reject_once"},
    {"optionId": "always", "name": "Always", "kind": "allow_always"},
    {"optionId": "yes", "name": "Yes", "kind": "allow_once"},
]


def played(folder: Path, script: str) -> tuple[subprocess.CompletedProcess[str], list[dict[str, Any]]]:
    """Run the client before an agent that plays this script. Return its end, and the messages that the agent got."""
    (folder / "agent.py").write_text(AGENT + script)
    (folder / "prompt.md").write_text("Do it.\nNow: é")
    client = Path(acp_client.__file__)
    command = [sys.executable, "-I", "-S", str(client), str(folder / "prompt.md"), str(folder)]
    command += [sys.executable, "-I", "-S", str(folder / "agent.py"), str(folder / "heard")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return done, [json.loads(line) for line in (folder / "heard").read_text().splitlines()]


def test_one_prompt_is_sent_and_the_agent_gets_no_capability(tmp_path: Path) -> None:
    script = """
open_session()
prompt = hear()
print("a note of the program")
say(method="session/update", params={"update": {"sessionUpdate": "agent_message_chunk", "content": {"text": "Done."}}})
say(method="session/update", params={"update": {"sessionUpdate": "usage_update", "cost": {"amount": 99}}})
say(id=prompt["id"], result={"stopReason": "end_turn"})
hear()
"""
    done, heard = played(tmp_path, script)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "a note of the program\nDone.\n[the agent stopped: end_turn]\n"
    first, second, third = heard
    assert first["params"]["clientCapabilities"] == {
        "fs": {"readTextFile": False, "writeTextFile": False},
        "terminal": False,
    }
    assert second["params"] == {"cwd": str(tmp_path), "mcpServers": []}
    assert third["params"]["prompt"] == [{"type": "text", "text": "Do it.\nNow: é"}]


def test_permissions_are_answered_and_other_requests_are_refused(tmp_path: Path) -> None:
    script = f"""
options = {OPTIONS!r}
open_session()
prompt = hear()
ask("session/request_permission", toolCall={{"kind": "execute"}}, options=options)
ask("session/request_permission", toolCall={{"kind": "fetch"}}, options=options)
ask("session/request_permission", toolCall={{"kind": "edit"}}, options=options[:1])
ask("fs/read_text_file", path="/etc/passwd")
ask("terminal/create", command="sh")
say(id=prompt["id"], result={{"stopReason": "end_turn"}})
"""
    done, heard = played(tmp_path, script)
    assert done.returncode == 0, done.stderr
    run, fetch, other, read, terminal = heard[3:]
    assert run["result"] == {"outcome": {"outcome": "selected", "optionId": "yes"}}
    assert fetch["result"] == {"outcome": {"outcome": "selected", "optionId": "no"}}
    assert other["result"] == {"outcome": {"outcome": "cancelled"}}
    assert read["error"]["code"] == terminal["error"]["code"] == acp_client.METHOD_NOT_FOUND


@pytest.mark.parametrize(
    ("script", "status", "says"),
    [
        ("open_session(); say(id=hear()['id'], result={'stopReason': 'refusal'})", 5, "refusal"),
        ("open_session(); say(id=hear()['id'], result={'stopReason': 'max_tokens'})", 3, "max_tokens"),
        ("open_session(); say(id=hear()['id'], result={})", 7, "None"),
        ("open_session(); hear()", 7, "ended before it answered session/prompt"),
        ("answer(protocolVersion=2)", 7, "version 2"),
        ("answer(protocolVersion=1); say(id=hear()['id'], error={'code': -32000, 'message': 'log in'})", 7, "log in"),
        ("answer(protocolVersion=1); answer(other=1)", 7, "opened no session"),
        ("say(id=hear()['id'], result=[1])", 7, "version None"),
        ("print('[1]'); print('{'); sys.exit(9)", 7, "ended before it answered initialize"),
    ],
)
def test_each_end_has_an_exit_status(tmp_path: Path, script: str, status: int, says: str) -> None:
    done, _ = played(tmp_path, script)
    assert done.returncode == status
    assert says in done.stdout + done.stderr


def test_a_program_that_does_not_exist_ends_with_an_error(tmp_path: Path) -> None:
    (tmp_path / "prompt.md").write_text("x")
    command = [sys.executable, "-I", "-S", acp_client.__file__, str(tmp_path / "prompt.md"), str(tmp_path), "/none"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0
    assert "/none" in done.stderr


def test_the_client_is_a_file_of_the_standard_library_alone() -> None:
    lines = Path(acp_client.__file__).read_text().splitlines()
    names = {line.split()[1] for line in lines if line.startswith(("import ", "from "))}
    assert names == {"json", "subprocess", "sys", "collections.abc", "typing"}
