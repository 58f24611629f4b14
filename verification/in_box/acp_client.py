"""A client of ACP (agent client protocol) in the box of a coding agent. It starts the agent and sends it one prompt.

It uses only the standard library. Its arguments are the file with the prompt, the agent's program and the arguments of
the program. It talks to the agent in JSON-RPC 2.0 over the agent's standard input and output, one message per line.
It offers the agent no files, no terminal and no MCP server: the agent works in the box with tools of its own. It writes
the steps of the agent to standard output as JSON lines. Its exit status is 0 if the agent ended its turn, and otherwise
one of the statuses below. The wall is the box and not this program: an agent could end it, or lie to it.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from verification.in_box.acp_steps import CANCELLED, SAID_CHARS_MAX, Report, object_of, permission, show, text_of

PROTOCOL_VERSION = 1
STOP_REASONS = {"end_turn": 0, "max_tokens": 10, "max_turn_requests": 11, "refusal": 12, "cancelled": 13}
"""Reason for which an agent ends its turn -> exit status."""
NO_ANSWER, NOT_ACP, TOO_MUCH, OTHER_VERSION, LOG_IN, AGENT_ENDED, REFUSED_BY_AGENT, NOT_READING = range(20, 28)
CANNOT_START = 127  # exit status if the agent cannot be started, as in a shell
AUTH_REQUIRED, NOT_OFFERED, WRONG_SESSION = -32000, -32601, -32602
"""Error codes of JSON-RPC and ACP."""
POLL_S = 0.05


class Limits(NamedTuple):
    """The limits of one conversation. The time of the prompt has no limit here: the box ends the whole command."""

    line_bytes_max: int = 16 * 1024 * 1024
    messages_max: int = 2_000_000
    requests_max: int = 20_000  # requests of the agent
    foreign_lines_max: int = 200  # lines that are no message, such as warnings of a runtime
    report_bytes_max: int = 8 * 1024 * 1024
    start_wait_s: float = 120.0  # for the answer to `initialize` and `session/new`
    send_wait_s: float = 60.0  # until the agent reads
    cancel_wait_s: float = 10.0
    end_wait_s: float = 5.0  # from the end of the turn to the end of the program
    linger_s: float = 1.0  # from the end of the program until its last messages are read


LIMITS = Limits()


class Fault(Exception):
    """The end of a conversation without a reason of the agent. `status`: the exit status."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Conversation:
    """The exchange of messages with one agent. `fail` ends it at any moment."""

    def __init__(self, process: asyncio.subprocess.Process, report: Report, limits: Limits) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._report, self._limits = process, report, limits
        self._stdin, self._stdout = process.stdin, process.stdout
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._asked = self._messages = self._requests = self._foreign = 0
        self._fault: Fault | None = None
        self._sending = asyncio.Lock()
        self._session = ""
        self._open = True  # the agent may get permissions

    async def turn(self, prompt: str, folder: str) -> str:
        """Send the prompt, and return the reason for which the agent ended its turn. Raises Fault."""
        wait_s = self._limits.start_wait_s
        files = {"readTextFile": False, "writeTextFile": False}
        offered = {"protocolVersion": PROTOCOL_VERSION, "clientCapabilities": {"fs": files, "terminal": False}}
        offered["clientInfo"] = {"name": "aura", "version": "1"}
        version = (await self._ask("initialize", offered, wait_s)).get("protocolVersion")
        if version != PROTOCOL_VERSION:
            raise Fault(OTHER_VERSION, f"The agent speaks version {version!r:.20} of ACP, not {PROTOCOL_VERSION}.")
        made = await self._ask("session/new", {"cwd": folder, "mcpServers": []}, wait_s)
        self._session = text_of(made.get("sessionId"))
        if not self._session:
            raise Fault(NOT_ACP, "The agent made a session without a name.")
        blocks = [{"type": "text", "text": prompt}]
        ended = await self._ask("session/prompt", {"sessionId": self._session, "prompt": blocks}, None)
        return text_of(ended.get("stopReason"))

    async def listen(self) -> None:
        """Read all messages of the agent until it ends."""
        try:
            while line := await self._line():
                await self._take(line)
            await self.ended(self._limits.linger_s)
            self.fail(Fault(AGENT_ENDED, f"The agent has ended before its turn was over ({self._code()})."))
        except Fault as fault:
            self.fail(fault)

    async def watch(self) -> None:
        """Notice the end of the agent also if a program that it has started still holds its output open."""
        while not await self.ended(POLL_S):
            pass
        await asyncio.sleep(self._limits.linger_s)
        self.fail(Fault(AGENT_ENDED, f"The agent has ended before its turn was over ({self._code()})."))

    def cancel(self) -> None:
        """Ask the agent to end its turn. It is ended after `cancel_wait_s`."""
        late = Fault(STOP_REASONS["cancelled"], "The agent was asked to stop, and was ended.")
        self._open = False
        if not self._session:
            self.fail(late)
            return
        message = {"jsonrpc": "2.0", "method": "session/cancel", "params": {"sessionId": self._session}}
        self._stdin.write(json.dumps(message).encode() + b"\n")
        asyncio.get_running_loop().call_later(self._limits.cancel_wait_s, self.fail, late)

    def fail(self, fault: Fault) -> None:
        """End the agent and everything that waits for it. Only the first fault counts."""
        self._fault = self._fault or fault
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(self._fault)
        self.kill()

    async def close(self) -> None:
        """Let the agent end by itself after its turn, and then end it."""
        self._open = False
        with suppress(OSError):
            self._stdin.close()
        await self.ended(self._limits.end_wait_s)
        self.kill()

    async def ended(self, wait_s: float) -> bool:
        """Wait for the end of the agent's process, and return whether it has ended."""
        for _ in range(round(wait_s / POLL_S)):
            if self._process.returncode is not None:
                return True
            await asyncio.sleep(POLL_S)
        return self._process.returncode is not None

    def kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _code(self) -> str:
        code = self._process.returncode
        return "it closed its output" if code is None else f"exit status {code if code >= 0 else 128 - code}"

    async def _ask(self, method: str, params: dict[str, Any], wait_s: float | None) -> dict[str, Any]:
        """Send a request and return its result. Raises Fault, also if the agent answers with an error."""
        self._asked += 1
        number = self._asked
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            await self._send({"id": number, "method": method, "params": params})
            async with asyncio.timeout(wait_s):
                answer = await waiting
        except TimeoutError:
            raise Fault(NO_ANSWER, f"The agent did not answer {method} within {wait_s:g} s.") from None
        finally:
            del self._waiting[number]
        if error := answer.get("error"):
            raise _refusal(method, error)
        result = answer.get("result")
        if not isinstance(result, dict):
            raise Fault(NOT_ACP, f"The agent's answer to {method} is not an object.")
        return result

    async def _send(self, message: dict[str, Any]) -> None:
        if self._fault is not None:
            raise self._fault
        try:
            self._stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
            async with asyncio.timeout(self._limits.send_wait_s), self._sending:
                await self._stdin.drain()
        except TimeoutError:
            raise Fault(NOT_READING, "The agent does not read its messages.") from None
        except (OSError, RuntimeError):
            pass  # the agent ends: `listen` and `watch` notice it

    async def _line(self) -> bytes:
        try:
            return await self._stdout.readuntil(b"\n")
        except asyncio.IncompleteReadError as end:
            return end.partial
        except asyncio.LimitOverrunError:
            limit = self._limits.line_bytes_max
            raise Fault(TOO_MUCH, f"A message of the agent has more than {limit} bytes.") from None

    async def _take(self, line: bytes) -> None:
        """Take one message: an answer, a request, a notification, or something else."""
        self._messages += 1
        if self._messages > self._limits.messages_max:
            raise Fault(TOO_MUCH, f"The agent has sent more than {self._limits.messages_max} messages.")
        message = _parsed(line)
        method, number = message.get("method"), message.get("id")
        if isinstance(method, str) and "id" in message:
            await self._answer(method, number, object_of(message.get("params")))
        elif method == "session/update":
            show(self._report, object_of(object_of(message.get("params")).get("update")))
        elif type(number) is int and (waiting := self._waiting.get(number)) is not None:
            if not waiting.done():
                waiting.set_result(message)
        elif not isinstance(method, str) and line.strip():
            self._foreign += 1
            self._report.step("foreign", text=text_of(line.decode(errors="replace").strip(), SAID_CHARS_MAX))
            if self._foreign > self._limits.foreign_lines_max:
                raise Fault(NOT_ACP, f"More than {self._limits.foreign_lines_max} lines of the agent are not ACP.")

    async def _answer(self, method: str, number: Any, params: dict[str, Any]) -> None:
        """Answer a request of the agent. Only permissions are given; nothing else is offered."""
        self._requests += 1
        if self._requests > self._limits.requests_max:
            raise Fault(TOO_MUCH, f"The agent has sent more than {self._limits.requests_max} requests.")
        if method != "session/request_permission":
            self._report.step("refused", method=method[:SAID_CHARS_MAX])
            error = {"code": NOT_OFFERED, "message": f"{method[:SAID_CHARS_MAX]} is not offered: use your own tools."}
            await self._send({"id": number, "error": error})
        elif not self._session or params.get("sessionId") != self._session:
            error = {"code": WRONG_SESSION, "message": "There is no such session."}
            await self._send({"id": number, "error": error})
        else:
            call = object_of(params.get("toolCall"))
            outcome, why = permission(call, params.get("options")) if self._open else (CANCELLED, "the turn is over")
            title, chosen = text_of(call.get("title"), SAID_CHARS_MAX), outcome.get("optionId", "cancelled")
            self._report.step("permission", title=title, answer=chosen, why=why)
            await self._send({"id": number, "result": {"outcome": outcome}})


def _refusal(method: str, error: Any) -> Fault:
    said, code = text_of(object_of(error).get("message"), SAID_CHARS_MAX), object_of(error).get("code")
    if code == AUTH_REQUIRED:
        return Fault(LOG_IN, f"The agent wants a log-in ({said}). Its template must set it to an API key instead.")
    return Fault(REFUSED_BY_AGENT, f"The agent refused {method}: {said} ({code!r:.20}).")


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        return object_of(json.loads(line))
    except (ValueError, RecursionError):
        return {}


async def run(
    argv: Sequence[str], prompt: str, write: Callable[[str], None], *, folder: str = "", limits: Limits = LIMITS
) -> int:
    """Start the agent, let it work on the prompt, and return the exit status. `write` gets each line of the report."""
    report = Report(write, limits.report_bytes_max)
    try:
        status = await _turn(argv, prompt, folder or os.getcwd(), report, limits)
        sentence = "The agent has ended its turn."
    except Fault as fault:
        status, sentence = fault.status, str(fault)
    report.end(status, sentence)
    return status


async def _turn(argv: Sequence[str], prompt: str, folder: str, report: Report, limits: Limits) -> int:
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, cwd=folder, stdin=pipe, stdout=pipe, limit=limits.line_bytes_max, start_new_session=True
        )
    except (OSError, ValueError) as error:
        raise Fault(CANNOT_START, f"{argv[0]} cannot be started: {error}") from error
    talk = Conversation(process, report, limits)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, talk.cancel)
    try:
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(talk.listen()), group.create_task(talk.watch())]
            reason = await talk.turn(prompt, folder)
            await talk.close()
            for other in others:
                other.cancel()
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None  # a fault is one error
    finally:
        talk.kill()
        process._transport.close()  # type: ignore[attr-defined]  # closes the pipes also if others hold them open
        await talk.ended(limits.linger_s)
    if reason not in STOP_REASONS:
        raise Fault(NOT_ACP, f"The agent ended its turn for an unknown reason: {reason[:SAID_CHARS_MAX]!r}.")
    if status := STOP_REASONS[reason]:
        raise Fault(status, f"The agent ended its turn early: {reason}.")
    return status


def main() -> None:
    """Run the agent of the command line."""
    with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
        prompt = file.read()
    sys.exit(asyncio.run(run(sys.argv[2:], prompt, lambda line: print(line, flush=True))))


if __name__ == "__main__":
    main()
