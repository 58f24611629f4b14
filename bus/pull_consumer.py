"""Requests for the messages of a durable pull consumer, one after the other.

A request stays open for a long time, so an idle reader costs almost nothing. It ends early if the reader is told to
stop. After a reconnect it is sent again at once, because the server forgets the requests of a broken connection.
"""

import asyncio
from collections import deque
from contextlib import ExitStack

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from bus.nats_client import connection_of
from bus.reconnects import after_reconnect
from bus.signals import calling_when_set

FIRST_WAIT_S = 1.0
"""Longest first request (s). The consumer may not exist yet, and then the server may not answer at all."""
ANSWER_WAIT_S = 1.0
"""Seconds after the end of a request in which the server says that there was no message."""
NANO = 1_000_000_000
DELIVERED = "$JS.ACK."
"""Prefix of the reply subject of a delivered message. A status of the server has no such reply subject."""
STATUS_HEADER = "Status"
NO_RESPONDERS = "503"
TIMED_OUT = "408"


class PullConsumer:
    """The reader of one durable consumer. At most one request is open, for one message."""

    def __init__(self, client: Client, stream: str, durable: str) -> None:
        self._client = client
        self._consumer = f"{stream}.{durable}"
        self._subscription: Subscription | None = None
        self._arrived: deque[Msg] = deque()
        self._wake = asyncio.Event()
        self._ends_at = 0.0  # end of the open request on the loop's clock; 0: no request is open
        self._longest_s = FIRST_WAIT_S
        self._closing = ExitStack()

    async def next(self, wait_s: float, stop: asyncio.Event | None = None) -> Msg | None:
        """Return the next message, or None if none comes within `wait_s` or until `stop`.

        A message that the server has sent before it heard of the stop is returned. A wait may end earlier than
        `wait_s`. Raises the errors of the connection.
        """
        if not self._arrived and not self._ends_at:
            if stop is not None and stop.is_set():
                return None  # a request of a reader that stops would take a message from the next reader
            await self._ask(min(wait_s, self._longest_s))
        until = asyncio.get_running_loop().time() + wait_s
        if stop is None:
            await self._wait(until)
        else:
            async with calling_when_set(stop, self._wake.set):
                await self._wait(until, stop)
            if stop.is_set() and not self._arrived:
                await self._drain()
        return self._first()

    async def _wait(self, until: float, stop: asyncio.Event | None = None) -> None:
        """Wait until a message or a status arrives, until the request has ended, or until a time of the loop."""
        while not self._arrived and self._ends_at and not (stop is not None and stop.is_set()):
            self._wake.clear()
            try:
                async with asyncio.timeout_at(min(self._ends_at, until) + ANSWER_WAIT_S):
                    await self._wake.wait()
            except TimeoutError:
                if self._ends_at <= until:
                    await self.close()  # nobody answers: a late answer must not meet the next request
                    self._longest_s = FIRST_WAIT_S
                return

    def _first(self) -> Msg | None:
        """Return the first message that has arrived. Skip what the server says about the request."""
        while self._arrived:
            message = self._arrived.popleft()
            self._ends_at = 0.0
            if message.reply.startswith(DELIVERED):  # do not trust the headers: a message's author wrote them
                return message
            status = (message.headers or {}).get(STATUS_HEADER)
            if status == NO_RESPONDERS:
                self._longest_s = FIRST_WAIT_S
                raise NoRespondersError
            self._longest_s = float("inf") if status == TIMED_OUT else FIRST_WAIT_S
        return None

    async def _ask(self, wait_s: float) -> None:
        if self._subscription is None:
            inbox = self._client.new_inbox()
            self._subscription = await connection_of(self._client).subscribe_direct(inbox, self._receive)
            self._closing.enter_context(after_reconnect(self._client, self._forget_request))
        request = msgspec.json.encode({"batch": 1, "expires": int(wait_s * NANO)})
        await self._client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._consumer}", request, reply=self._subscription.subject
        )
        self._ends_at = asyncio.get_running_loop().time() + wait_s

    def _receive(self, message: Msg) -> None:
        self._arrived.append(message)
        self._wake.set()

    def _forget_request(self) -> None:
        """The connection is a new one, so the server no longer has the request. The next call asks again."""
        self._ends_at, self._longest_s = 0.0, FIRST_WAIT_S
        self._wake.set()

    async def _drain(self) -> None:
        """End the request. Afterwards every message that the server has sent is here."""
        if self._subscription is None or not self._client.is_connected:
            return
        subscription, self._subscription = self._subscription, None
        self._closing.close()
        self._ends_at = 0.0
        try:
            async with asyncio.timeout(ANSWER_WAIT_S):
                await subscription.drain()  # type: ignore[no-untyped-call]  # the library does not annotate it
        except (NatsError, TimeoutError):
            return  # the connection is gone. The server delivers an unacknowledged message again

    async def close(self) -> None:
        """Drop the subscription, and with it the open request."""
        subscription, self._subscription = self._subscription, None
        self._closing.close()
        self._arrived.clear()
        self._ends_at = 0.0
        if subscription is not None:
            try:
                await subscription.unsubscribe()
            except NatsError:
                return  # the connection is gone, and the subscription with it
