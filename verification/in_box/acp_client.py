"""The client of the Agent Client Protocol (ACP) for a coding agent in its box. It sends one prompt and ends.

It uses only the standard library. Its arguments are the file with the prompt, the working directory, and the command
line of the agent. It speaks JSON-RPC with the agent over the agent's standard input and output.

The agent gets no capability of the client: no files, no terminal, no MCP server. It has its own tools in the box. The
box is the wall, so each request for a permission is answered with "allow once"; only a fetch is rejected, because the
box has no network. Costs that the agent reports are ignored.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

VERSION = 1
LINE_BYTES_MAX = 64 * 1024 * 1024
TEXT_CHARS_MAX = 2000  # of one printed update
METHOD_NOT_FOUND = -32601
EXITS = {"end_turn": 0, "max_tokens": 3, "max_turn_requests": 4, "refusal": 5, "cancelled": 6}
"""Reason why the agent stopped -> exit status."""
BROKEN = 7  # exit status if the agent does not follow the protocol, or ends too early
CAPABILITIES = {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False}
_ALLOWED = ("allow_once", "allow_always")
_REJECTED = ("reject_once", "reject_always")


class ProtocolError(Exception):
    """Error raised when the agent does not answer as the protocol says."""


class Client:
    """One connection with one agent."""

    def __init__(self, agent: "subprocess.Popen[bytes]") -> None:
        assert agent.stdin is not None
        assert agent.stdout is not None
        self._sending, self._receiving = agent.stdin, agent.stdout
        self._number = 0
        self._messages = self._received()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Make a request and return its result. Meanwhile answer the agent's own requests. Raises ProtocolError."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": parameters})
        for message in self._messages:
            if "method" in message:
                self._answer(message)
            elif message.get("id") == self._number:
                if "error" in message:
                    raise ProtocolError(f"{method} failed: {json.dumps(message['error'])[:TEXT_CHARS_MAX]}")
                result = message.get("result")
                return result if isinstance(result, dict) else {}
        raise ProtocolError(f"the agent ended before it answered {method}")

    def _answer(self, message: dict[str, Any]) -> None:
        """Answer a request of the agent, or print a notification."""
        parameters = message.get("params")
        parameters = parameters if isinstance(parameters, dict) else {}
        if "id" not in message:
            show(parameters.get("update"))
        elif message["method"] == "session/request_permission":
            outcome = permission(parameters)
            print(f"[permission: {outcome.get('optionId', 'rejected')}]"[:TEXT_CHARS_MAX], flush=True)
            self._send({"id": message["id"], "result": {"outcome": outcome}})
        else:
            error = {"code": METHOD_NOT_FOUND, "message": f"The client does not offer {message['method']}."}
            self._send({"id": message["id"], "error": error})

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._sending.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
            self._sending.flush()
        except OSError as error:
            raise ProtocolError(f"the agent takes no message: {error}") from error

    def _received(self) -> Iterator[dict[str, Any]]:
        """Yield the messages of the agent. Other lines are printed, because some programs write notes."""
        while line := self._receiving.readline(LINE_BYTES_MAX):
            try:
                message = json.loads(line)
            except ValueError:
                message = None
            if isinstance(message, dict):
                yield message
            else:
                print(line.decode(errors="replace").rstrip()[:TEXT_CHARS_MAX], flush=True)


def permission(parameters: dict[str, Any]) -> dict[str, str]:
    """Return the outcome of a request for a permission."""
    call, options = parameters.get("toolCall"), parameters.get("options")
    wanted = _REJECTED if isinstance(call, dict) and call.get("kind") == "fetch" else _ALLOWED
    offered = {each.get("kind"): each.get("optionId") for each in options or () if isinstance(each, dict)}
    chosen = next((offered[kind] for kind in wanted if isinstance(offered.get(kind), str)), None)
    return {"outcome": "cancelled"} if chosen is None else {"outcome": "selected", "optionId": chosen}


def show(update: Any) -> None:
    """Print a text or a tool call of the agent."""
    if not isinstance(update, dict):
        return
    kind, content = update.get("sessionUpdate"), update.get("content")
    if kind == "agent_message_chunk" and isinstance(content, dict):
        print(str(content.get("text", ""))[:TEXT_CHARS_MAX], flush=True)
    elif kind == "tool_call":
        print(f"[{update.get('kind', 'tool')}] {update.get('title', '')}"[:TEXT_CHARS_MAX], flush=True)


def work(client: Client, prompt: str, folder: str) -> int:
    """Let the agent work on one prompt, and return the exit status."""
    answer = client.call(
        "initialize",
        protocolVersion=VERSION,
        clientCapabilities=CAPABILITIES,
        clientInfo={"name": "aura", "title": "Aura Orchestra", "version": "1"},
    )
    if answer.get("protocolVersion") != VERSION:
        raise ProtocolError(f"the agent speaks version {answer.get('protocolVersion')}, not {VERSION}")
    session = client.call("session/new", cwd=folder, mcpServers=[]).get("sessionId")
    if not isinstance(session, str):
        raise ProtocolError("the agent opened no session")
    done = client.call("session/prompt", sessionId=session, prompt=[{"type": "text", "text": prompt}])
    reason = done.get("stopReason")
    print(f"[the agent stopped: {reason}]", flush=True)
    return EXITS.get(str(reason), BROKEN)


def main() -> int:
    """Start the agent, let it work, and end it."""
    prompt_file, folder, *command = sys.argv[1:]
    with open(prompt_file, encoding="utf-8") as file:
        prompt = file.read()
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as agent:
        try:
            return work(Client(agent), prompt, folder)
        except ProtocolError as error:
            print(f"The agent does not follow the protocol: {error}.", file=sys.stderr)
            return BROKEN
        finally:
            agent.kill()


if __name__ == "__main__":
    sys.exit(main())
