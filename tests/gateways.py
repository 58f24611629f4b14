"""A gateway for tests before the double of a provider, with an account that decides as the domain does."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from msgspec.structs import replace

from agents.employees.pricing import Rates
from agents.gateway.contract import CallRefused, MeteredCall, Upstream
from agents.gateway.gateway import Gateway
from agents.gateway.refusals import WireName
from agents.gateway.spending import Spending
from agents.permits import Permit
from domain.attempt import Attempt, OpenCall, finished, started
from domain.money import Amount
from tests.provider_double import Act, Provider, provider

SECRET = "sk-test-7f3a9c21d0e84b56"
MODEL = "hired-model"
RATES = Rates(Decimal(3), Decimal(15))
PLENTY = Amount(Decimal(100), 50_000_000)
PATHS: dict[WireName, str] = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
    "gemini": "/v1beta/models/some-model:generateContent",
}


class Account:
    """The manager's side of the permits, in memory: the domain's attempt, with its rules for bounds and charges."""

    def __init__(self, reservation: Amount, calls_max: int = 1000) -> None:
        self.attempt = Attempt(
            order=UUID(int=1), employee=UUID(int=2), number=1, seed=7, due_at=0, reservation=reservation
        )
        self.calls_max = calls_max
        self.calls: dict[int, MeteredCall] = {}
        self.accounts: tuple[str, ...] = ()
        self.asked: list[str] = []
        self.worst = reservation
        """The least that was ever left, before a receipt gave something back."""

    async def ask(self, bound: Amount, avoid: Collection[str] = ()) -> Permit:
        await asyncio.sleep(0)
        account = next((name for name in self.accounts if name not in avoid), "")
        index = self.attempt.calls
        if index >= self.calls_max:
            raise CallRefused("calls_used_up", f"The attempt has used its {self.calls_max} calls.")
        if not bound.fits(self.attempt.left):
            raise CallRefused("reservation_used_up", "The bound of the call does not fit.")
        self.attempt = started(self.attempt, index, OpenCall(bound=bound))
        left = self.attempt.left
        self.worst = Amount(min(self.worst.usd, left.usd), min(self.worst.tokens, left.tokens))
        self.asked.append(account)
        return Permit(index, account)

    async def receipt(self, index: int, call: MeteredCall) -> None:
        await asyncio.sleep(0)
        bound, cost = self.attempt.open[index].bound, call.snapshot.cost
        charged = bound if cost is None else cost.at_most(bound) if call.snapshot.estimated else cost
        self.attempt = finished(self.attempt, index, charged)
        self.calls[index] = call


class World(NamedTuple):
    """A gateway before a double, and the account of its attempt."""

    gateway: Gateway
    provider: Provider
    account: Account
    spending: Spending


@asynccontextmanager
async def world(
    act: Act,
    *,
    reservation: Amount = PLENTY,
    wires: Sequence[WireName] = tuple(PATHS),
    calls_max: int = 1000,
    wait_s: float = 30.0,
    keys: Mapping[str, str] | None = None,
    **upstream: Any,
) -> AsyncIterator[World]:
    """Run a gateway and a double. `keys`: name of an account -> its key."""
    settings: dict[str, Any] = {"output_tokens_max": 1000, "wall_s": 60.0, "price": RATES, "secret": SECRET}
    settings |= {"model": MODEL, **upstream}
    async with provider(act) as double:
        base_url = settings.pop("base_url", double.address)
        account, spending = Account(reservation, calls_max), Spending(reservation, wait_s=wait_s)
        hired = Upstream(provider="double", base_url=base_url, wires=frozenset(wires), **settings)
        through = {name: replace(hired, secret=key) for name, key in (keys or {}).items()}
        account.accounts = tuple(through)
        gateway = Gateway(hired, account, spending, accounts=through)
        try:
            yield World(gateway, double, account, spending)
        finally:
            await gateway.close()


class Answered(NamedTuple):
    """The answer that the agent read. `whole`: its end was as its headers say."""

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Line(NamedTuple):
    """The agent's end of a connection, and the task in which the gateway serves it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    serving: "asyncio.Task[None]"


async def connected(gateway: Gateway) -> Line:
    """Open a new connection of the gateway, as the relay does."""
    theirs, ours = socket.socketpair()
    ours.setblocking(False)
    serving = asyncio.create_task(gateway.serve(ours))
    return Line(*await asyncio.open_unix_connection(sock=theirs, limit=1 << 26), serving)


async def send(gateway: Gateway, raw: bytes, *, ends: bool = False, wait_s: float = 30.0) -> Answered:
    """Send bytes on a new connection of the gateway, and read its answer to the end.

    `ends`: no further bytes follow, so that the gateway does not wait for the rest of a request that has no end.
    """
    line = await connected(gateway)
    try:
        line.writer.write(raw)
        if ends:
            line.writer.write_eof()
        async with asyncio.timeout(wait_s):
            received = await _all(line.reader)
    finally:
        line.writer.close()
        await line.serving
    return parsed(received)


async def _all(reader: asyncio.StreamReader) -> bytes:
    received = b""
    try:
        while piece := await reader.read(1 << 20):
            received += piece
    except ConnectionError:
        pass
    return received


def parsed(received: bytes) -> Answered:
    """Return the answer in these bytes. Status 0: there is none."""
    head, _, rest = received.partition(b"\r\n\r\n")
    if not head:
        return Answered(0, {}, b"", False, received)
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body, whole = rest, len(rest) == int(headers.get("content-length", "-1"))
    if headers.get("transfer-encoding") == "chunked":
        body, whole = _chunks(rest)
    return Answered(int(first.split(" ")[1]), headers, body, whole, received)


def _chunks(rest: bytes) -> tuple[bytes, bool]:
    body = b""
    while True:
        size, separator, rest = rest.partition(b"\r\n")
        if not separator:
            return body, False
        length = int(size, 16)
        if not length:
            return body, True
        body, rest = body + rest[:length], rest[length + 2 :]


def post(path: str, body: Any, *headers: str) -> bytes:
    """Return an HTTP request with a JSON body. `headers`: further lines."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1:4141",
        "Content-Type: application/json",
        "Authorization: Bearer agents-own-key",
        f"Content-Length: {len(content)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def honest_body(wire: WireName, text: str = "Add two numbers.") -> dict[str, Any]:
    """Return a usual request of a wire format, with a tool."""
    schema = {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]}
    if wire == "chat":
        function = {"name": "run", "description": "Run a command.", "parameters": schema}
        return {
            "model": "gpt-x",
            "messages": [{"role": "system", "content": "You code."}, {"role": "user", "content": text}],
            "tools": [{"type": "function", "function": function}],
            "max_tokens": 200,
        }
    if wire == "responses":
        tool = {"type": "function", "name": "run", "description": "Run a command.", "parameters": schema}
        content = [{"type": "input_text", "text": text}]
        message = {"type": "message", "role": "user", "content": content}
        return {"model": "gpt-x", "instructions": "You code.", "input": [message], "tools": [tool], "store": False}
    if wire == "messages":
        block = {"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}
        return {
            "model": "claude-x",
            "system": [{"type": "text", "text": "You code."}],
            "messages": [{"role": "user", "content": [block]}],
            "tools": [{"name": "run", "description": "Run a command.", "input_schema": schema}],
            "max_tokens": 200,
        }
    return {
        "contents": [{"role": "user", "parts": [{"text": text}]}],
        "tools": [{"functionDeclarations": [{"name": "run", "parameters": schema}]}],
        "generationConfig": {"maxOutputTokens": 200, "temperature": 0},
    }
