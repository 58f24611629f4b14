"""The live end of the log: an ordered push consumer without acknowledgements, begun anew after any break.

The consumer on the server is disposable: what has been processed is known by the reader's own checkpoint.
"""

import asyncio
from collections import deque
from uuid import uuid4

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from bus.stream import REQUEST_WAIT_S, STREAM, Stored, Stream
from domain.errors import AuraError, Unavailable, said_by

BATCH_EVENTS_MAX = 500
HEARTBEAT_S = 1.0
SILENCE_S = 3.5
"""Without message or heartbeat for this long the consumer is taken for lost."""
BEHIND_CHECK_S = 2.0
BEHIND_CHECKS_MAX = 2
"""A consumer that sends heartbeats and no messages, twice in a row while the stream has some, is taken for lost too."""
RESTART_WAIT_S = 0.2
NANO = 1_000_000_000
PENDING_MESSAGES_MAX = 100_000
PENDING_BYTES_MAX = 256 * 1024**2
_DELIVERED = "$JS.ACK."
"""The reply subject of a message of the stream; heartbeats and flow control have others."""


class Gap(AuraError):
    """The stream has no message at the next sequence: data loss, or older than the hot window."""


class Feed:
    """Messages after a sequence, each exactly once and in order. One reader at a time."""

    def __init__(self, client: Client, after: int) -> None:
        self._client = client
        self._next = after + 1
        self._inbox: deque[Msg] = deque()
        self._arrived = asyncio.Event()
        self._subscription: Subscription | None = None
        self._heard = 0.0
        self._checked = 0.0
        self._behind = 0
        self._connects = 0
        self._unbroken = False

    async def batch(self, wait_s: float) -> list[Stored]:
        """All messages at hand, at most BATCH_EVENTS_MAX; empty when none came within `wait_s`.

        Raises Unavailable while NATS is away and once after each reconnect, as the stream may be another one (call
        again), Gap when the next sequence is not to be had.
        """
        if self._subscription is None:
            await self._start()
        await self._same_connection()
        found = await self._take()
        if found:
            return found
        try:
            async with asyncio.timeout(wait_s):
                await self._arrived.wait()
        except TimeoutError:
            await self._look_after(asyncio.get_running_loop().time())
        await self._same_connection()
        return await self._take()

    async def _look_after(self, now: float) -> None:
        """Nothing has come: drop a consumer that is gone, or that keeps back what the stream has."""
        if now - self._heard > SILENCE_S:
            await self.close()
        elif now - self._checked > BEHIND_CHECK_S:
            self._checked, before = now, self._next
            waiting = (await Stream(self._client).info()).last_seq >= self._next
            self._behind = self._behind + 1 if waiting and before == self._next and not self._inbox else 0
            if self._behind >= BEHIND_CHECKS_MAX:
                await self.close()

    async def _same_connection(self) -> None:
        """Refuse to go on after a reconnect: messages under way are lost here, and the stream may be another one."""
        if self._client.stats["reconnects"] != self._connects:
            await self.close()
            raise Unavailable("The connection to NATS was interrupted.", hint="Nothing to do: reading starts over.")

    async def _take(self) -> list[Stored]:
        found: list[Stored] = []
        while self._inbox and len(found) < BATCH_EVENTS_MAX:
            message = self._inbox.popleft()
            seq = int(message.reply.split(".")[5])
            if seq < self._next:
                continue
            if seq > self._next and self._unbroken:
                await self.close()  # lost on the way, not in the stream: the next batch asks for it again
                break
            if seq > self._next:
                raise Gap(
                    f"The stream goes from {self._next - 1} to {seq}.",
                    hint="Run `aura doctor`; `aura repair` rebuilds the stream from Postgres.",
                )
            found.append(Stored(seq, message.subject, message.data))
            self._next = seq + 1
            self._unbroken = True
        if not self._inbox:
            self._arrived.clear()
        return found

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
        self._arrived.clear()
        self._connects, self._unbroken = self._client.stats["reconnects"], False
        try:
            self._subscription = await self._client.subscribe(
                inbox,
                cb=self._receive,
                pending_msgs_limit=PENDING_MESSAGES_MAX,
                pending_bytes_limit=PENDING_BYTES_MAX,
            )
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
                f"The log's stream cannot be read: {problem.get('description')}.", hint="Look at `aura status`."
            )
        self._heard = self._checked = asyncio.get_running_loop().time()
        self._behind = 0

    async def _receive(self, message: Msg) -> None:
        self._heard = asyncio.get_running_loop().time()
        if message.reply.startswith(_DELIVERED):  # not by the headers: those of a stored message are its author's
            self._inbox.append(message)
            self._arrived.set()
        elif message.reply:  # flow control: the server waits for this answer
            await self._client.publish(message.reply)
        elif stalled := (message.headers or {}).get("Nats-Consumer-Stalled"):
            await self._client.publish(stalled)

    async def close(self) -> None:
        """Drop the subscription; the server forgets the consumer. The next batch starts a new one."""
        subscription, self._subscription = self._subscription, None
        self._inbox.clear()
        if subscription is not None:
            try:
                await subscription.unsubscribe()
            except NatsError:
                return  # the connection is gone, and the subscription with it
