"""Doubles of coding agents that speak ACP: small programs without a model. Each plays the lines that its test gives."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from verification.in_box.acp_client import Limits, run

PROGRAM = """
# A double of a coding agent that speaks ACP. It has no model.
import json, os, subprocess, sys, time
def send(**message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)
def read():
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    with open("heard.jsonl", "a") as heard:
        heard.write(line)
    return json.loads(line)
def hear(method):
    message = read()
    assert message["method"] == method, message
    return message
def answer(message, **result):
    send(id=message["id"], result=result)
def refuse(message, code, said):
    send(id=message["id"], error={"code": code, "message": said})
def ask(method, **params):
    send(id="agent-1", method=method, params=params)
    return read()
def may(kind="execute", options=("allow_always", "allow_once", "reject_once"), session="s1"):
    offered = [{"optionId": "id-of-" + each, "name": each, "kind": each} for each in options]
    call = {"toolCallId": "t1", "title": "a call", "kind": kind}
    answer = ask("session/request_permission", sessionId=session, toolCall=call, options=offered)
    return answer["result"]["outcome"] if "result" in answer else answer["error"]
def update(name, **fields):
    send(method="session/update", params={"sessionId": "s1", "update": {"sessionUpdate": name, **fields}})
def say(text, kind="agent_message_chunk"):
    update(kind, content={"type": "text", "text": text})
def begin():
    answer(hear("initialize"), protocolVersion=1, agentCapabilities={}, authMethods=[])
    answer(hear("session/new"), sessionId="s1")
    return hear("session/prompt")
def end(prompt, reason="end_turn"):
    answer(prompt, stopReason=reason)
"""


class Played:
    """The end of one conversation: exit status, steps, and what the agent has heard."""

    def __init__(self, status: int, lines: Sequence[str], folder: Path) -> None:
        self.status = status
        self.steps: list[dict[str, Any]] = [json.loads(line) for line in lines]
        heard = folder / "heard.jsonl"
        self.heard = [json.loads(line) for line in heard.read_text().splitlines()] if heard.exists() else []

    @property
    def end(self) -> str:
        return str(self.steps[-1]["text"])

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the steps of a kind, without the kind."""
        return [
            {name: value for name, value in each.items() if name != "kind"}
            for each in self.steps
            if each["kind"] == kind
        ]


async def play(folder: Path, code: str, *, prompt: str = "Do it.", **limits: Any) -> Played:
    """Let the client talk to a double that runs this code after the functions of PROGRAM."""
    (folder / "agent.py").write_text(PROGRAM + code)
    lines: list[str] = []
    argv = (sys.executable, "-I", "-S", str(folder / "agent.py"))
    status = await run(argv, prompt, lines.append, folder=str(folder), limits=Limits(**{"linger_s": 0.1, **limits}))
    return Played(status, lines, folder)
