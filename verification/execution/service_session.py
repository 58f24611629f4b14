"""Requests of one case to a service, and the check of the responses. This code runs outside the sandbox."""

import asyncio
import base64
import json
import time

import msgspec

from verification.execution.case_runner import CaseProblem
from verification.execution.http_exchange import BadResponse, Response, Sent, Unsendable, exchange
from verification.execution.response_comparison import problem_of_reply, saved_from
from verification.execution.service_channel import Forged, Gone, ServiceChannel
from verification.requirements.model import Case, Request, Serve, Step
from verification.requirements.placeholders import NUMBER, Saved, Scalar, filled, filled_target, filled_text, names_in
from verification.verdict.model import FindingKind

READY_WAIT_S = 10.0  # limit from the service's start to its first good answer to the path `ready`
READY_REQUEST_S = 2.0  # limit for one answer to the path `ready`
READY_EVERY_S = 0.05
REQUEST_WAIT_S = 10.0  # limit for one request, including its connection
TOLD_CHARS_MAX = 300


class StepFailed(Exception):
    """Error raised when a step shows that the case does not pass."""

    def __init__(self, kind: FindingKind, text: str) -> None:
        super().__init__(text)
        self.problem = CaseProblem(kind, text)


class Visit:
    """The requests of one case to the service, over all its starts."""

    def __init__(self, case: Case, serve: Serve, *, ready_s: float = READY_WAIT_S) -> None:
        self.case = case
        self.serve = serve
        self.ready_s = ready_s
        self.saved: dict[str, Scalar] = {}
        self.left_s = case.within_s  # remaining time for requests; the wait until the service is ready does not count

    async def life(self, steps: list[Step], door: ServiceChannel, port: int) -> CaseProblem | None:
        """Run all steps of one start. Return the first problem, or None."""
        try:
            await self._ready(door, port)
            for step in steps:
                assert step.request is not None
                await self._step(step.request, door, port)
        except StepFailed as failed:
            return failed.problem
        except Forged:
            return CaseProblem("forged_answer", "wrote to the judge's channel")
        return None

    async def _ready(self, door: ServiceChannel, port: int) -> None:
        until = time.monotonic() + self.ready_s
        sent = Sent("GET", self.serve.ready, (), b"")
        last = "nothing listened on the port"
        while (left_s := until - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(min(left_s, READY_REQUEST_S)):
                    response = await _asked(sent, door, port)
                if response is not None and 200 <= response.status <= 299:
                    return
                if response is not None:
                    last = f"it answered {response.status}"
            except Gone as gone:
                raise StepFailed(*_gone(gone.told, "before it was ready")) from gone
            except BadResponse as error:
                last = f"it {error}"
            except OSError:  # includes TimeoutError; the last attempt may have had less than READY_REQUEST_S
                last = last if left_s < READY_REQUEST_S else "it did not answer in time"
            await asyncio.sleep(READY_EVERY_S)
        text = f"was not ready within {self.ready_s:g} s: GET {self.serve.ready}: {last}"
        raise StepFailed("timeout", f"the service {text}")

    async def _step(self, request: Request, door: ServiceChannel, port: int) -> None:
        started = time.monotonic()
        numbers = range(1, request.parallel + 1)
        tasks = [asyncio.ensure_future(self._one(request, {**self.saved, NUMBER: n}, door, port)) for n in numbers]
        try:
            responses = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self.left_s -= time.monotonic() - started
        for name, path in request.save.items():
            value = saved_from(responses[0], path)
            if value is None:
                raise StepFailed("wrong_result", f"{_called(request)} gave no {path}, which a later step needs")
            self.saved[name] = value

    async def _one(self, request: Request, saved: Saved, door: ServiceChannel, port: int) -> Response:
        """Send one request and return its response. Raises Forged, or StepFailed if the response is not as expected."""
        called = _called(request)
        wait_s = min(REQUEST_WAIT_S, self.left_s)
        try:
            async with asyncio.timeout(max(wait_s, 0)):
                response = await _asked(_sent(request, saved), door, port)
        except TimeoutError as error:
            raise StepFailed("timeout", f"{called} was not answered within {max(wait_s, 0):.3g} s") from error
        except BadResponse as error:
            if (told := await _state(door)) != "runs":
                raise StepFailed(*_gone(told, f"at {called}")) from error
            raise StepFailed("wrong_result", f"{called} {error}") from error
        except Unsendable as error:
            raise StepFailed("wrong_result", f"{called} could not be sent with the saved values: {error}") from error
        except Gone as gone:
            raise StepFailed(*_gone(gone.told, f"at {called}")) from gone
        except OSError:
            response = None
        if response is None:
            raise StepFailed(*_gone(await _state(door), f"at {called}"))
        if problem := problem_of_reply(request.reply, response, saved):
            raise StepFailed(problem.kind, f"{called} {problem.text}")
        return response


async def _state(door: ServiceChannel) -> str:
    """Return the state of the service after a broken connection.

    The launcher may notice the service's end a moment after the connection ends, so this function asks twice.
    """
    if (told := await door.state()) == "runs":
        await asyncio.sleep(READY_EVERY_S)
        told = await door.state()
    return told


async def _asked(sent: Sent, door: ServiceChannel, port: int) -> Response | None:
    """Send a request and return its response, or None if the service accepts no connection."""
    line = await door.connect()
    if line is None:
        return None
    with line:
        return await exchange(line, sent, f"127.0.0.1:{port}")


def _sent(request: Request, saved: Saved) -> Sent:
    """Return the HTTP request with the saved values filled in.

    Raises Unsendable if a saved value in the path is empty, because then the path would name something else.
    """
    if empty := [name for name in names_in(request.target.partition("?")[0]) if saved[name] == ""]:
        raise Unsendable(f"`{empty[0]}` is empty")
    headers = tuple((name, filled_text(value, saved)) for name, value in request.headers)
    body = b""
    if request.json is not msgspec.UNSET:
        body = json.dumps(filled(request.json, saved), ensure_ascii=False, allow_nan=False).encode()
        if "content-type" not in {name.lower() for name, _ in headers}:
            headers = (("Content-Type", "application/json"), *headers)
    elif isinstance(request.send, dict):
        body = base64.b64decode(request.send["$bytes"])
    elif request.send is not None:
        body = filled_text(request.send, saved).encode()
    return Sent(request.method, filled_target(request.target, saved), headers, body)


def _called(request: Request) -> str:
    times = f" ({request.parallel} at the same time)" if request.parallel > 1 else ""
    return f"{request.method} {request.target[:TOLD_CHARS_MAX]}{times}"


def _gone(told: str, when: str) -> tuple[FindingKind, str]:
    """Return the kind and text of the problem when a service does not answer. `told` is the launcher's report."""
    word, _, rest = told.partition(" ")
    if word == "failed":
        return "did_not_start", f"the service could not be started: {plain(rest)}"
    if word == "ended":
        kind: FindingKind = "did_not_start" if when.startswith("before") else "no_answer"
        return kind, f"the service ended with exit code {plain(rest)} {when}"
    if word == "runs":
        return "wrong_result", f"the service refused or closed the connection {when}"
    return "no_answer", f"the service ended without an answer {when}"


def plain(text: str) -> str:
    """Return at most TOLD_CHARS_MAX characters of untrusted output, with "?" for characters that are not printable."""
    return "".join(char if char.isprintable() or char == "\n" else "?" for char in text[:TOLD_CHARS_MAX])
