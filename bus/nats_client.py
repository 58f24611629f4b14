"""The client of NATS. It is the client of nats-py with a shorter way between the socket and the code that waits.

nats-py passes each message through a queue and a task, and each write through another queue and another task. In a run,
these turns of the event loop cost more than the messages themselves. Here the answer to a request goes straight to its
future, and the commands of one turn of the event loop are written together at its end.

This class replaces private methods of nats-py. `tests/unit/test_nats_client.py` fails if a new version has other ones.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import ConnectionDrainingError
from nats.errors import TimeoutError as NatsTimeout

WRITE_BUFFER_BYTES_MAX = 64 * 1024
"""Above this number of unsent bytes, the writer task of nats-py writes, because it waits for the server."""
TOKEN_BYTES = 8
"""Random bytes in the reply subject of a request. The ids of nats-py cost more, and are partly predictable."""

Receive = Callable[[Msg], None]
"""Callback for one message. It is called by the reader of the socket, so it must be quick and must not raise."""


class Connection(Client):
    """One connection to a NATS server."""

    def __init__(self) -> None:
        super().__init__()
        self._direct: dict[int, tuple[Receive, bool]] = {}  # and whether headers of messages with data are parsed
        self._write_due = False

    async def subscribe_direct(self, subject: str, receive: Receive, *, headers: bool = True) -> Subscription:
        """Subscribe with a callback that the reader of the socket calls, without a queue or a task.

        The subscription has no limit of waiting messages, because no message waits here. headers=False: the headers of
        messages with data are not parsed, and `Msg.headers` is None.
        """
        subscription = await self.subscribe(subject)
        self._direct[subscription._id] = (receive, headers)
        return subscription

    def _remove_sub(self, sid: int, max_msgs: int = 0) -> None:
        self._direct.pop(sid, None)
        super()._remove_sub(sid, max_msgs)

    async def _init_request_sub(self) -> None:
        """Subscribe to the answers of all requests of this connection."""
        await super()._init_request_sub()
        assert self._resp_sub_prefix is not None
        prefix = self._resp_sub_prefix.decode()

        def answered(message: Msg) -> None:
            waiting = self._resp_map.get(message.subject[len(prefix) :])
            if waiting is not None and not waiting.done():
                waiting.set_result(message)

        for sid, subscription in self._subs.items():
            if subscription._subject == f"{prefix}*":
                self._direct[sid] = (answered, True)

    async def _request_new_style(
        self,
        subject: str,
        payload: bytes,
        timeout: float = 1,  # noqa: ASYNC109  # the signature of nats-py
        headers: dict[str, Any] | None = None,
    ) -> Msg:
        if self.is_draining_pubs:
            raise ConnectionDrainingError
        if not self._resp_sub_prefix:
            await self._init_request_sub()
        assert self._resp_sub_prefix is not None
        token = secrets.token_hex(TOKEN_BYTES)
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[Msg] = loop.create_future()
        self._resp_map[token] = waiting
        late = loop.call_later(timeout, _expire, waiting)
        try:
            await self.publish(subject, payload, reply=self._resp_sub_prefix.decode() + token, headers=headers)
            return await waiting
        finally:
            late.cancel()
            self._resp_map.pop(token, None)

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        direct = self._direct.get(sid)
        if direct is None or sid not in self._subs:
            await super()._process_msg(sid, subject, reply, data, headers)
            return
        self.stats["in_msgs"] += 1
        self.stats["in_bytes"] += len(data)
        receive, wanted = direct
        parsed = await self._process_headers(headers) if headers and (wanted or not data) else None
        receive(self._build_message(sid, subject, reply, data, parsed))

    async def _flush_pending(self, force_flush: bool = False) -> Any:
        """Write the waiting commands at the end of this turn of the event loop."""
        if force_flush or not self.is_connected or self._unsent_bytes() > WRITE_BUFFER_BYTES_MAX:
            return await super()._flush_pending(force_flush)
        if not self._write_due:
            self._write_due = True
            asyncio.get_running_loop().call_soon(self._write)
        return None

    def _write(self) -> None:
        self._write_due = False
        if not self.is_connected or not self._pending or self._transport is None:
            return  # after a reconnect nats-py writes them
        try:
            self._transport.writelines([b"".join(self._pending)])
        except RuntimeError:
            return  # uvloop: the socket is closed. nats-py connects again, and then writes what is waiting
        self._pending = []
        self._pending_data_size = 0

    def _unsent_bytes(self) -> int:
        """Return how many bytes the socket has not taken yet. Other transports than TCP always use nats-py's writer."""
        writer = getattr(self._transport, "_io_writer", None)
        return int(writer.transport.get_write_buffer_size()) if writer is not None else WRITE_BUFFER_BYTES_MAX + 1


def _expire(waiting: "asyncio.Future[Any]") -> None:
    if not waiting.done():
        waiting.set_exception(NatsTimeout())


class Mailbox:
    """The messages of one direct subscription, for one reader. `subscribe_direct` gets its method `receive`."""

    def __init__(self) -> None:
        self._messages: deque[Msg] = deque()
        self._waiting: asyncio.Future[None] | None = None

    def receive(self, message: Msg) -> None:
        self._messages.append(message)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def take(self) -> Msg | None:
        """Return the next message that has arrived, or None."""
        return self._messages.popleft() if self._messages else None

    async def next(self, wait_s: float) -> Msg:
        """Return the next message. Raises nats.errors.TimeoutError if none comes within `wait_s`."""
        if not self._messages:
            loop = asyncio.get_running_loop()
            self._waiting = loop.create_future()
            late = loop.call_later(wait_s, _expire, self._waiting)
            try:
                await self._waiting
            finally:
                late.cancel()
                self._waiting = None
        return self._messages.popleft()


def connection_of(client: Client) -> Connection:
    """Return the client as a `Connection`. Every client of this project comes from `bus.stream.connect`."""
    assert isinstance(client, Connection), "bus.stream.connect makes every client"
    return client
