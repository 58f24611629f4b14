"""The work queue: orders to workers and their hand-ins.

It is a stream in memory, separate from the log. It may be lost. After a loss the order's lease expires, and the work is
ordered again. Only this module publishes `aura.work.>`.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import Error as JetStreamError

from domain.errors import Unavailable, said_by

STREAM = "AURA_WORK"
PREFIX = "aura.work"
BYTES_MAX = 128 * 1024**2
AGE_S = 3600
DUPLICATE_WINDOW_S = 600
ACK_WAIT_S = 10.0
"""After this time an unacknowledged message is delivered again. The margin of the order's lease is longer."""
REQUEST_WAIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message of the work queue. `employee` comes from the subject, not from the content that the sender wrote."""

    employee: UUID
    data: bytes
    message: Msg

    async def done(self) -> bool:
        """Acknowledge the message. Return False if the server did not confirm."""
        try:
            await self.message.ack_sync(timeout=REQUEST_WAIT_S)
        except (NatsError, JetStreamError, TimeoutError):
            return False
        return True

    async def again(self, wait_s: float) -> None:
        """Ask for another delivery after `wait_s`. If the request is lost, the message comes again after ACK_WAIT_S."""
        try:
            await self.message.nak(delay=wait_s)
        except (NatsError, JetStreamError):
            return


class WorkStream:
    """The stream of orders and hand-ins."""

    def __init__(self, client: Client) -> None:
        self._js = client.jetstream(timeout=REQUEST_WAIT_S)
        self._subscriptions: dict[str, Any] = {}

    async def ensure(self) -> None:
        """Create the stream if it does not exist. Raises Unavailable."""
        config = StreamConfig(
            name=STREAM,
            subjects=[f"{PREFIX}.*.order", f"{PREFIX}.*.result"],
            storage=StorageType.MEMORY,
            retention=RetentionPolicy.WORK_QUEUE,
            max_bytes=BYTES_MAX,
            max_age=AGE_S,
            duplicate_window=DUPLICATE_WINDOW_S,
            num_replicas=1,
        )
        try:
            await self._js.add_stream(config)
        except (NatsError, JetStreamError, TimeoutError) as error:
            raise _down(error) from error

    async def send_order(self, employee: UUID, order: UUID, data: bytes) -> None:
        """Put an order into the employee's queue, once per order id."""
        await self._send(f"{PREFIX}.{employee}.order", data, f"order-{order}")

    async def send_result(self, employee: UUID, order: UUID, data: bytes) -> None:
        """Hand in the result of an order, once per order id."""
        await self._send(f"{PREFIX}.{employee}.result", data, f"result-{order}")

    async def _send(self, subject: str, data: bytes, id: str) -> None:
        try:
            await self._js.publish(subject, data, headers={"Nats-Msg-Id": id}, stream=STREAM)
        except (NatsError, JetStreamError, TimeoutError) as error:
            await self._forget()
            raise _down(error) from error

    async def next_order(self, employee: UUID, wait_s: float) -> Parcel | None:
        """Return the employee's next order, or None if none comes within `wait_s`."""
        return await self._next(f"{PREFIX}.{employee}.order", f"orders-{employee}", wait_s)

    async def next_result(self, wait_s: float) -> Parcel | None:
        """Return the next hand-in of any employee, or None if none comes within `wait_s`."""
        return await self._next(f"{PREFIX}.*.result", "reception", wait_s)

    async def _next(self, subject: str, durable: str, wait_s: float) -> Parcel | None:
        try:
            subscription = self._subscriptions.get(durable)
            if subscription is None:
                config = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=ACK_WAIT_S, mem_storage=True)
                await self.ensure()
                subscription = await self._js.pull_subscribe(subject, durable, STREAM, config)
                self._subscriptions[durable] = subscription
            message = (await subscription.fetch(1, wait_s))[0]
        except TimeoutError:
            return None
        except (NatsError, JetStreamError) as error:
            await self._forget()
            raise _down(error) from error
        return Parcel(UUID(message.subject.split(".")[2]), message.data, message)

    async def _forget(self) -> None:
        """Drop all subscriptions, because a restart of the server loses the stream. The next call subscribes again."""
        subscriptions, self._subscriptions = self._subscriptions, {}
        for subscription in subscriptions.values():
            try:
                await subscription.unsubscribe()
            except (NatsError, JetStreamError):
                continue  # the connection is gone, and the subscription with it


def _down(error: BaseException) -> Unavailable:
    return Unavailable(
        f"The work stream does not answer: {said_by(error)}.", hint="Wait until NATS is back (`aura status`)."
    )
