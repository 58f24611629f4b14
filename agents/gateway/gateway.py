"""The model gateway of one attempt: an HTTP server for the connections of one box.

Each request is parsed strictly, matched with the allow-list, built again from its allowed fields, bounded, permitted,
sent with the organisation's key, and settled by its usage.
"""

import asyncio
import socket
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from agents.gateway import limits
from agents.gateway.checks import Check, Checks
from agents.gateway.contract import CallRefused, Permit, Upstream
from agents.gateway.exchange import Outgoing, exchange
from agents.gateway.fields import Notes
from agents.gateway.http_request import BodyRoom, Request, read_request
from agents.gateway.json_body import encode_body, parse_body
from agents.gateway.local_answers import local_answer
from agents.gateway.refusals import GatewayRefusal
from agents.gateway.reply import Reply
from agents.gateway.routes import Route, match, wire_of_path
from agents.gateway.spending import Reserved, Spending
from agents.gateway.wires import chat, gemini, messages, responses
from agents.gateway.wires.wire import Wire
from agents.permits import Permit as CallPermit
from bus.logger import SILENT, Logger
from domain.faults import ACCOUNT_FAULTS
from domain.money import NOTHING, Amount

if TYPE_CHECKING:
    from agents.employees.providers.http_client import BoundedClient

WIRES: tuple[Wire, ...] = (chat.WIRE, responses.WIRE, messages.WIRE, gemini.WIRE)
_BY_NAME = {wire.name: wire for wire in WIRES}
NO_ACCOUNTS: Mapping[str, Upstream] = {}


class Allowed(NamedTuple):
    """A request that passed the allow-list. `input_tokens`: the most that it can have. `wanted`: output tokens."""

    wire: Wire
    fields: dict[str, Any]
    input_tokens: int
    wanted: int
    stream: bool
    usage_asked: bool
    removed: tuple[str, ...]


class Gateway:
    """The gateway of one attempt. Call `close` when the attempt has ended: it waits for the open calls."""

    def __init__(
        self,
        upstream: Upstream,
        permit: Permit,
        spending: Spending,
        *,
        accounts: Mapping[str, Upstream] = NO_ACCOUNTS,
        check: Check | None = None,
        log: Logger = SILENT,
    ) -> None:
        """`accounts`: name of an account -> the same model through it; none: the hired model has one key.

        `check`: judges a copy of the work for `aura-check`; None: there is no such route.
        """
        self.checks = Checks(check)
        self._upstream = upstream
        self._permit = permit
        self._spending = spending
        self._log = log
        self._room = BodyRoom()
        self._accounts = accounts
        self._clients: dict[str, BoundedClient] = {}
        self.refused: list[str] = []
        """Codes of the refused requests, in order, at most REFUSALS_MAX."""
        self.call_refused: CallRefused | None = None
        """The last permit that was refused. The caller can end the attempt because of it."""

    async def serve(self, line: socket.socket) -> None:
        """Answer the one request of a connection. The gateway closes the connection."""
        reader, writer = await asyncio.open_unix_connection(sock=line)
        reply = Reply(reader, writer)
        try:
            await self._serve(reader, reply)
        except OSError:
            reply.gone = True  # the agent has closed the connection
        except Exception as error:  # one connection: the others of this box, and of this worker, go on
            self._log.error("gateway_defect", error=type(error).__name__)
            reply.gone = True
        finally:
            await reply.close()

    async def close(self) -> None:
        """Close the connections to the provider."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def _serve(self, reader: asyncio.StreamReader, reply: Reply) -> None:
        target = ""
        try:
            request = await read_request(reader, self._room)
            if request is None:
                return
            target = request.target
            try:
                await self._answer(request, reply)
            finally:
                self._room.give_back(len(request.body))
        except GatewayRefusal as refusal:
            if len(self.refused) < limits.REFUSALS_MAX:
                self.refused.append(refusal.code)
            await reply.refuse(refusal, wire_of_path(target))

    async def _answer(self, request: Request, reply: Reply) -> None:
        matched = match(request.method, request.target)
        if matched.route.action == "check":
            await reply.whole(200, await self.checks.answer())
            return
        if matched.route.action != "call":
            await reply.whole(200, local_answer(matched, request.body, self._upstream.model))
            return
        if len(request.body) > limits.IN_THREAD_BYTES:
            allowed = await asyncio.to_thread(self._allowed, matched.route, request)
        else:
            allowed = self._allowed(matched.route, request)
        await self._call(allowed, reply)

    def _allowed(self, route: Route, request: Request) -> Allowed:
        """Return the request as it may be sent. Raises GatewayRefusal."""
        wire = _BY_NAME[route.wire]
        if wire.name not in self._upstream.wires:
            offered = ", ".join(sorted(self._upstream.wires))
            raise GatewayRefusal(404, "other_wire", f"The hired model answers only in these formats: {offered}.")
        if request.headers.get("content-type", "application/json").partition(";")[0].strip() != "application/json":
            raise GatewayRefusal(415, "not_json", "Send the body as application/json.")
        body, notes = parse_body(request.body), Notes()
        fields = wire.rule.check(body, "", notes)
        meter, hired = self._upstream.meter(wire.name), self._upstream.hired
        wanted = min(wire.asked(fields) or meter.output_tokens_max, meter.output_tokens_max)
        size = len(encode_body(wire.forced(fields, hired, wanted)))
        return Allowed(
            wire=wire,
            fields=fields,
            input_tokens=meter.input_bound(size, notes.images),
            wanted=wanted,
            stream=route.stream or wire.streams(fields),
            usage_asked=(fields.get("stream_options") or {}).get("include_usage") is True,
            removed=tuple(notes.removed),
        )

    async def _call(self, allowed: Allowed, reply: Reply) -> None:
        """Make the call within the reservation. Its bound is held until its receipt."""
        meter = self._upstream.meter(allowed.wire.name)
        reserved = await self._spending.reserve(meter, allowed.input_tokens, allowed.wanted)
        charged = NOTHING
        try:
            if reply.closed_by_agent:
                return  # nobody waits for this answer any more
            failed: set[str] = set()
            while True:
                permit = await self._permitted(reserved.bound, failed)
                charged = reserved.bound
                failed.add(permit.account)
                charged, again = await self._made(
                    permit, allowed, reserved, reply, others=len(failed) < len(self._accounts)
                )
                if not again:
                    return
        finally:
            self._spending.settle(reserved, charged)

    async def _permitted(self, bound: Amount, avoid: Collection[str]) -> CallPermit:
        try:
            return await self._permit.ask(bound, avoid)
        except CallRefused as refused:
            self.call_refused = refused
            status = 402 if refused.code.endswith("_used_up") else 403
            raise GatewayRefusal(status, refused.code, f"This call is not permitted: {refused.message}") from None

    async def _made(
        self, permit: CallPermit, allowed: Allowed, reserved: Reserved, reply: Reply, *, others: bool
    ) -> tuple[Amount, bool]:
        """Make a permitted call, and send its receipt. Return its charge, and whether to make it by another account.

        `others`: there are other accounts. A fault of the account is then not shown to the agent.
        """
        wire, upstream = allowed.wire, self._accounts.get(permit.account, self._upstream)
        call = Outgoing(
            wire,
            encode_body(wire.forced(allowed.fields, upstream.hired, reserved.output_tokens)),
            reserved.output_tokens,
            stream=allowed.stream,
            usage_asked=allowed.usage_asked or wire.name != "chat",
            removed=allowed.removed,
            held_back=ACCOUNT_FAULTS if others else frozenset(),
        )
        try:
            await exchange(call, upstream, self._connected(permit.account, upstream), reply)
        finally:
            metered = call.metered(upstream)
            await self._permit.receipt(permit.index, metered)
        cost = metered.snapshot.cost
        if cost is None:
            return reserved.bound, False
        return cost.at_most(reserved.bound) if metered.snapshot.estimated else cost, call.is_held_back

    def _connected(self, account: str, upstream: Upstream) -> "BoundedClient":
        client = self._clients.get(account)
        if client is None:
            from agents.employees.providers.http_client import open_client

            client = open_client(upstream.base_url, upstream.wall_s, keyed=bool(upstream.secret))
            self._clients[account] = client
        return client
