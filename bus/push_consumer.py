"""The live end of the log: an ordered push consumer without acknowledgements. It is created again after any loss.

The consumer on the server may be lost at any time. The reader's own checkpoint is the record of the processed events.
"""

import asyncio
from collections import deque
from uuid import uuid4

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from bus.nats_client import connection_of
from bus.signals import end, wait_at_most
from bus.stream import REQUEST_WAIT_S, STREAM, Stored, Stream
from domain.errors import AuraError, Unavailable, said_by

BATCH_EVENTS_MAX = 500
HEARTBEAT_S = 1.0
SILENCE_S = 3.5
"""After this time without a message or heartbeat the consumer counts as lost."""
BEHIND_CHECK_S = 4.0
BEHIND_CHECKS_MAX = 2
"""A consumer also counts as lost if it sends no message in this many checks in a row, although the stream has one."""
RESTART_WAIT_S = 0.2
NANO = 1_000_000_000
PENDING_MESSAGES_MAX = 100_000
_DELIVERED = "$JS.ACK."
"""Prefix of the reply subject of the stream's messages. Heartbeats and flow control have other reply subjects."""


class Gap(AuraError):
    """The stream has no message at the next sequence: data are lost, or the message is older than the hot window."""


class Feed:
    """Messages after a sequence, in order and each exactly once. Only one reader may use a feed at a time."""

    def __init__(self, client: Client, after: int) -> None:
        self._client = client
        self._next = after + 1
        self._inbox: deque[Msg] = deque()
        self._answers: deque[str] = deque()
        self._waiting: asyncio.Future[None] | None = None
        self._interrupted = False
        self._subscription: Subscription | None = None
        self._heard = 0.0
        self._checked = 0.0
        self._behind = 0
        self._connects = 0
        self._unbroken = False

    async def batch(self, wait_s: float) -> list[Stored]:
        """Return the next messages, at most BATCH_EVENTS_MAX; an empty list if none came within `wait_s`.

        Raises Unavailable while NATS cannot be reached, and once after each reconnect, because the stream may be
        another one. The caller then calls again. Raises Gap if the stream has no message at the next sequence.
        """
        if self._subscription is None:
            await self._start()
        await self._same_connection()
        messages = await self._take()
        if messages:
            return messages
        if not await self._message_within(wait_s):
            await self._look_after(asyncio.get_running_loop().time())
        await self._same_connection()
        return await self._take()

    async def _message_within(self, wait_s: float) -> bool:
        """Wait until a message has arrived, at most `wait_s`. Answer the flow control meanwhile."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while not self._inbox and not self._interrupted and (left_s := deadline - loop.time()) > 0:
            self._waiting = loop.create_future()
            try:
                await wait_at_most(self._waiting, left_s)
            finally:
                self._waiting = None
            await self._answer()
        return bool(self._inbox)

    async def _look_after(self, now: float) -> None:
        """Drop the consumer if it is lost: it is silent, or it sends no message although the stream has one."""
        if now - self._heard > SILENCE_S:
            await self.close()
        elif now - self._checked > BEHIND_CHECK_S:
            self._checked, before = now, self._next
            waiting = (await Stream(self._client).info()).last_seq >= self._next
            self._behind = self._behind + 1 if waiting and before == self._next and not self._inbox else 0
            if self._behind >= BEHIND_CHECKS_MAX:
                await self.close()

    async def _same_connection(self) -> None:
        """Raise Unavailable after a reconnect: messages may be lost, and the stream may be another one."""
        if self._client.stats["reconnects"] != self._connects:
            await self.close()
            raise Unavailable(
                "The connection to NATS was interrupted.", hint="You need not do anything: reading starts again."
            )

    async def _take(self) -> list[Stored]:
        await self._answer()
        messages: list[Stored] = []
        while self._inbox and len(messages) < BATCH_EVENTS_MAX:
            message = self._inbox.popleft()
            seq = int(message.reply.split(".")[5])
            if seq < self._next:
                continue
            if seq > self._next and self._unbroken:
                await self.close()  # the connection lost the message: the next batch requests it again
                break
            if seq > self._next:
                raise Gap(
                    f"The stream has no event between {self._next - 1} and {seq}.",
                    hint="Run `aura doctor`; `aura repair` rebuilds the stream from Postgres.",
                )
            messages.append(Stored(seq, message.subject, message.data))
            self._next = seq + 1
            self._unbroken = True
        return messages

    async def _start(self) -> None:
        """Subscribe and create the consumer at the next sequence."""
        inbox = self._client.new_inbox()
        name = f"feed-{uuid4().hex}"
        config = {
            "name": name,
            "deliver_subject": inbox,
            "ack_policy": "none",
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self._next,
            "replay_policy": "instant",
            "idle_heartbeat": int(HEARTBEAT_S * NANO),
            "flow_control": True,
            "mem_storage": True,
            "num_replicas": 1,
            "max_deliver": 1,
        }
        request = msgspec.json.encode({"stream_name": STREAM, "config": config})
        self._inbox.clear()
        self._answers.clear()
        self._connects, self._unbroken = self._client.stats["reconnects"], False
        try:
            self._subscription = await connection_of(self._client).subscribe_direct(inbox, self._receive, headers=False)
            reply = await self._client.request(
                f"$JS.API.CONSUMER.CREATE.{STREAM}.{name}", request, timeout=REQUEST_WAIT_S
            )
        except (NatsError, TimeoutError) as error:
            await self.close()
            await asyncio.sleep(RESTART_WAIT_S)
            raise Unavailable(
                f"The log's stream does not answer: {said_by(error)}.", hint="Wait until NATS is back (`aura status`)."
            ) from error
        problem = msgspec.json.decode(reply.data).get("error")
        if problem is not None:
            await self.close()
            await asyncio.sleep(RESTART_WAIT_S)
            raise Unavailable(
                f"The log's stream cannot be read: {problem.get('description')}.", hint="Run `aura status`."
            )
        self._heard = self._checked = asyncio.get_running_loop().time()
        self._behind = 0

    def interrupt(self) -> None:
        """End the present wait for a message, and every later one, at once."""
        self._interrupted = True
        if self._waiting is not None:
            end(self._waiting)

    def _receive(self, message: Msg) -> None:
        self._heard = asyncio.get_running_loop().time()
        if message.reply.startswith(_DELIVERED):  # do not trust the headers: a message's author wrote them
            if len(self._inbox) < PENDING_MESSAGES_MAX:  # otherwise dropped: the gap makes the next batch start again
                self._inbox.append(message)
        elif answer := message.reply or (message.headers or {}).get("Nats-Consumer-Stalled"):
            self._answers.append(answer)  # flow control: the server waits for this answer
        else:
            return  # a heartbeat
        if self._waiting is not None:
            end(self._waiting)

    async def _answer(self) -> None:
        """Send the answers of flow control."""
        while self._answers:
            try:
                await self._client.publish(self._answers.popleft())
            except NatsError:
                return  # the connection is gone, and the consumer with it

    async def close(self) -> None:
        """Drop the subscription. The server then removes the consumer, and the next batch creates a new one."""
        subscription, self._subscription = self._subscription, None
        self._inbox.clear()
        if subscription is not None:
            try:
                await subscription.unsubscribe()
            except NatsError:
                return  # the connection is gone, and the subscription with it
