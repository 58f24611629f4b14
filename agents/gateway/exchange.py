"""One permitted call to the provider: the answer is passed to the agent while its usage is read from it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from agents.employees.call_errors import CallFailed
from agents.employees.event_stream import ended_early, object_in
from agents.employees.providers.failures import failed_call, request_id_of
from agents.employees.retry_after import retry_after_s
from agents.employees.safe_text import one_line
from agents.employees.server_errors import failure_of_status, sentence_of
from agents.gateway import limits
from agents.gateway.contract import FREE, MeteredCall, Upstream, snapshot_of
from agents.gateway.refusals import GatewayRefusal
from agents.gateway.reply import Reply, passed_headers
from agents.gateway.routes import address_of_call
from agents.gateway.sse import EventSplitter, EventTooLarge, data_of
from agents.gateway.wires.wire import Wire

if TYPE_CHECKING:
    import httpx2

    from agents.employees.providers.http_client import BoundedClient

MESSAGE_CHARS_MAX = 300
REMOVED_CHARS_MAX = 200  # of the list of removed fields in the record
DRAIN_WAIT_S = 0.5
DRAIN_BYTES_MAX = 65_536
KEY_STATUSES = frozenset({401, 402, 403, 407})
"""Answers about the key or the account of the organisation. The agent can do nothing about them."""


class Outgoing:
    """One call: what is sent, and what is known about its answer so far.

    `usage_asked`: the agent asked for the usage of a stream; otherwise the event with the usage is not passed on.
    `held_back`: failures that are not passed on, because the call is then made by another account.
    """

    def __init__(
        self,
        wire: Wire,
        body: bytes,
        output_tokens: int,
        *,
        stream: bool,
        usage_asked: bool,
        removed: tuple[str, ...],
        held_back: frozenset[str] = frozenset(),
    ) -> None:
        self.wire = wire
        self.body = body
        self.output_tokens = output_tokens
        self.stream = stream
        self.usage_asked = usage_asked
        self.removed = removed
        self.held_back = held_back
        self.usage = wire.reader()
        self.answer = bytearray()
        self.outcome = "cancelled"
        self.message = ""
        self.free = False
        self.retry_after_s: float | None = None
        self.headers: dict[str, str] = {}
        self.begun = time.monotonic()

    @property
    def answer_bytes_max(self) -> int:
        """The most bytes of the answer that are read. A server that sends more does not keep its limit of tokens."""
        most = self.output_tokens * limits.ANSWER_BYTES_PER_TOKEN + limits.ANSWER_ECHOES_MAX * len(self.body)
        return min(limits.ANSWER_BYTES_MAX, most + limits.ANSWER_BYTES_FREE)

    @property
    def is_held_back(self) -> bool:
        """Whether the call failed in a way that the agent does not see."""
        return self.outcome in self.held_back

    def keep(self, content: bytes) -> None:
        """Add bytes of the answer to the record. Raises CallFailed if there are more than the limit."""
        self.answer += content
        if len(self.answer) > self.answer_bytes_max:
            raise CallFailed("too_large", f"The answer has more than {self.answer_bytes_max} bytes. It was cut off.")

    def failed(self, failure: CallFailed) -> None:
        """Note why the call has no usable answer."""
        self.outcome, self.free = failure.failure, failure.costs_nothing
        self.message = one_line(failure.message, MESSAGE_CHARS_MAX)
        self.retry_after_s = failure.retry_after_s

    def metered(self, upstream: Upstream) -> MeteredCall:
        """Return the record of the call, with its cost."""
        charge = upstream.meter(self.wire.name).charge(self.usage, len(self.body))
        request, answer = bytes(self.body), bytes(self.answer)
        parameters: dict[str, Any] = {"output_tokens_max": self.output_tokens, "wire": self.wire.name}
        if self.removed:
            parameters["removed"] = one_line(", ".join(self.removed), REMOVED_CHARS_MAX)
        snapshot = snapshot_of(
            upstream,
            request,
            answer,
            outcome=self.outcome,
            model_reported=self.usage.model,
            parameters=parameters,
            input_tokens=self.usage.input_tokens,
            output_tokens=self.usage.output_tokens,
            cost=FREE if self.free else charge.amount,
            cost_source=charge.source,
            latency_s=time.monotonic() - self.begun,
            finish_reason=self.usage.finish,
            request_id=request_id_of(self.headers) or self.usage.id,
            message=self.message,
            estimated=charge.estimated,
            retry_after_s=self.retry_after_s,
        )
        return MeteredCall(snapshot=snapshot, request=request, answer=answer)


async def exchange(call: Outgoing, upstream: Upstream, client: "BoundedClient", reply: Reply) -> None:
    """Send the call and pass its answer to the agent. Note the outcome in `call`. Only a cancellation is raised.

    If the agent closes its connection, the rest of the answer is still read, because it is paid for.
    """
    import httpx2

    if reply.closed_by_agent:  # it went away while the manager was asked
        call.failed(CallFailed("cancelled", "The agent closed the connection before the call.", costs_nothing=True))
        return
    try:
        async with asyncio.timeout(upstream.wall_s):
            await _exchange(call, upstream, client, reply)
    except CallFailed as failure:
        call.failed(failure)
    except EventTooLarge:
        call.failed(CallFailed("too_large", f"An event has more than {limits.EVENT_BYTES_MAX} bytes."))
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
        call.failed(failed_call(error, upstream.base_url, upstream.secret) or _unknown(error))
    if call.outcome != "answered" and not reply.begun and not call.is_held_back:
        await reply.refuse(_refusal(call), call.wire.name)


def _unknown(error: Exception) -> CallFailed:
    return CallFailed("connection", f"{type(error).__name__} at the model's server.")


def _refusal(call: Outgoing) -> GatewayRefusal:
    """Return the answer for a call that failed before the agent got the head of an answer."""
    status = 504 if call.outcome == "timeout" else 502
    return GatewayRefusal(status, call.outcome, f"The model's server did not answer: {call.message}")


async def _exchange(call: Outgoing, upstream: Upstream, client: "BoundedClient", reply: Reply) -> None:
    address = address_of_call(call.wire.name, upstream.base_url, upstream.model, stream=call.stream)
    headers = upstream.headers_of(call.wire.name)
    request = client.build_request("POST", address, headers=headers, content=call.body)
    response = await client.begin(request)
    try:
        headers = {name.lower(): value for name, value in response.headers.items()}
        call.headers = passed_headers(headers, upstream.secret)
        if response.status_code >= 300:
            await _error(call, upstream, response, reply)
        elif response.headers.get("content-type", "").lower().startswith("text/event-stream"):
            await _stream(call, upstream, response, reply)
        else:
            await _whole(call, upstream, response, reply)
    finally:
        await response.aclose()


async def _error(call: Outgoing, upstream: Upstream, response: "httpx2.Response", reply: Reply) -> None:
    """Pass an error of the provider on. It costs nothing, because it is not an answer of the model."""
    from agents.employees.providers.http_client import read_bounded

    status = response.status_code
    body = (await read_bounded(response)).content
    call.answer += _without_key(body, upstream)
    if status < 400:
        raise CallFailed("moved", f"{upstream.base_url} answered {status}: a redirect is not followed.")
    text = body.decode(errors="replace")
    failure = failure_of_status(status, text)
    said = sentence_of(text, upstream.secret) or f"status {status}"
    headers = {name.lower(): value for name, value in response.headers.items()}
    wait_s = retry_after_s(headers, text, now=datetime.now(UTC))
    call.failed(CallFailed(failure, said, costs_nothing=True, retry_after_s=wait_s))
    if call.is_held_back:
        return
    if status in KEY_STATUSES:
        refusal = GatewayRefusal(502, failure, "The model's server refuses the organisation's key or account.")
        await reply.refuse(refusal, call.wire.name)
    elif _is_json(bytes(call.answer)):
        await reply.whole(status, bytes(call.answer), call.headers)
    else:
        await reply.refuse(GatewayRefusal(status, failure, call.message), call.wire.name)


async def _whole(call: Outgoing, upstream: Upstream, response: "httpx2.Response", reply: Reply) -> None:
    """Read a whole answer, and pass it on."""
    async for piece in response.aiter_bytes():
        call.keep(piece)
    call.answer = bytearray(_without_key(bytes(call.answer), upstream))
    raw = object_in(bytes(call.answer))
    if raw is None:
        raise CallFailed("malformed_response", "The answer is not a JSON object.")
    call.usage.read(raw)
    call.outcome = "answered"
    await reply.whole(response.status_code, bytes(call.answer), call.headers)


async def _stream(call: Outgoing, upstream: Upstream, response: "httpx2.Response", reply: Reply) -> None:
    """Pass each event on when it is whole. After the end marker nothing more is read."""
    splitter, pieces = EventSplitter(), response.aiter_bytes()
    await reply.stream(call.headers)
    async for piece in pieces:
        for event in splitter.feed(piece):
            if await _event(call, upstream, event, reply):
                await _ended(call, reply)
                return await _drained(pieces)
    if rest := splitter.rest():
        await _event(call, upstream, rest, reply)
    if not call.usage.complete:
        raise ended_early()
    return await _ended(call, reply)


async def _drained(pieces: AsyncIterator[bytes]) -> None:
    """Read the end of a stream after its end marker, so that the connection can be used again."""
    import httpx2

    left = DRAIN_BYTES_MAX
    try:
        async with asyncio.timeout(DRAIN_WAIT_S):
            async for piece in pieces:
                left -= len(piece)
                if left < 0:
                    return
    except (TimeoutError, httpx2.HTTPError):
        return  # the answer is complete; only the connection is lost


async def _ended(call: Outgoing, reply: Reply) -> None:
    call.outcome = "answered"
    await reply.end()


async def _event(call: Outgoing, upstream: Upstream, event: bytes, reply: Reply) -> bool:
    """Read the usage of an event and pass the event on. Return whether it ends the stream."""
    event = _without_key(event, upstream)
    call.keep(event)
    parts, done = data_of(event)
    for part in parts:
        call.usage.read(part)
    if done:
        call.usage.done()
    if call.usage_asked or done or not _is_usage_alone(parts):
        await reply.event(event)
    return done or call.usage.ended


def _is_usage_alone(parts: list[Any]) -> bool:
    """Return whether an event has only the usage that the gateway asked for. Some agents expect a choice in each."""
    return len(parts) == 1 and parts[0].get("choices") == [] and isinstance(parts[0].get("usage"), dict)


def _without_key(content: bytes, upstream: Upstream) -> bytes:
    """Return the bytes without the key, even if the provider repeats it."""
    return content.replace(upstream.secret.encode(), b"[key]") if upstream.secret else content


def _is_json(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict | list)
    except (ValueError, RecursionError):
        return False
