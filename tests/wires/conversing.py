"""Calls of a double of a provider, for tests of conversations, and a double that refuses requests with some word."""

import json
from typing import Any

import pytest

from agents.employees.contract import ModelResult, ToolCall
from agents.employees.conversation import CallRequest, Message
from tests.loopback import Reply, Seen, loopback
from tests.wires.cases import GOOD
from tests.wires.played import WIRES, address, request_of
from tests.wires.wire import Wire, sends

each = pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)


def assistant(result: ModelResult) -> Message:
    """Return an answer as the message of the next request."""
    return Message(role="assistant", text=result.text or "", calls=result.calls, opaque=result.opaque)


def said(call: ToolCall, text: str) -> Message:
    return Message(role="tool", call_id=call.id, text=text)


async def answered(wire: Wire, request: CallRequest, *bodies: Any) -> tuple[list[ModelResult], list[Seen]]:
    """Send the request once for each body that the double answers with."""
    left = list(bodies)

    async def reply(writer: Any, seen: Seen) -> None:
        await sends(200, left.pop(0))(writer, seen)

    async with loopback(reply) as server:
        model = wire.model(address(server))
        results = [await model.complete(request) for _ in bodies]
        await model.close()
        return results, list(server.seen)


async def sent(wire: Wire, *messages: Message, tools: bool = True) -> Any:
    """Return the request that the double received for these messages."""
    _, (seen,) = await answered(wire, request_of(messages, tools=tools), wire.body(GOOD))
    return wire.sent(seen)


def picky(word: str, refusal: str, wire: Wire) -> Reply:
    """Return a server that refuses requests with this word in them."""

    async def reply(writer: Any, seen: Seen) -> None:
        refused = word in json.dumps(seen.body)
        answer = sends(400, wire.error(400, refusal)) if refused else sends(200, wire.body(GOOD))
        await answer(writer, seen)

    return reply
