"""The work queue: orders to workers, their results, and their requests for permits. It may be lost.

Orders and results are streams in memory, apart from the log and apart from each other: writers of results cannot reach
the stream of orders. The workers' side needs only the rights of a worker's account (governance/authority.py). After a
loss the order's lease expires, and the work is ordered again. A request for a permit is not stored. Only this module
uses subjects of `aura.work.>`.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError
from nats.js.errors import Error as JetStreamError

from bus.pull_consumer import PullConsumer
from bus.subjects import WORK_PREFIX as PREFIX
from domain.errors import Unavailable, said_by

ORDERS = "AURA_ORDERS"
RESULTS = "AURA_RESULTS"
RECEPTION = "reception"
"""The consumer of all results."""
ORDERS_BYTES_MAX = 48 * 1024**2
RESULTS_BYTES_MAX = 80 * 1024**2
"""The server counts the bytes of a stream in memory when the stream is created, and counts them again when the same
stream is created once more. So all streams and the largest one again must fit its memory limit of 256 MiB.
"""
AGE_S = 3600
DUPLICATE_WINDOW_S = 600
ACK_WAIT_S = 10.0
"""After this time an unacknowledged message is delivered again. The margin of the order's lease is longer."""
REQUEST_WAIT_S = 5.0
SECRET_BYTES = 16
OTHER_CONFIGURATION = 10058
"""Error code of the server: a stream of this name exists with other settings."""
PENDING_MAX = 1024
"""Permit requests that wait in this process. The server drops more; the worker asks again."""


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


Answer = Callable[[UUID, bytes], Awaitable[bytes]]
"""Answers one request for a permit: (employee of the subject, request) -> answer."""


class WorkStream:
    """The manager's side and the workers' side of the work queue. The manager's side creates streams and consumers."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._js = client.jetstream(timeout=REQUEST_WAIT_S)
        self._pulls: dict[str, PullConsumer] = {}
        self._secret = secrets.token_hex(SECRET_BYTES)

    async def ensure(self) -> None:
        """Create the two streams if they do not exist. Raises Unavailable."""
        await self._ensure_stream(ORDERS, "order", ORDERS_BYTES_MAX)
        await self._ensure_stream(RESULTS, "result", RESULTS_BYTES_MAX)

    async def _ensure_stream(self, name: str, kind: str, bytes_max: int) -> None:
        config = StreamConfig(
            name=name,
            subjects=[f"{PREFIX}.{kind}.*"],
            storage=StorageType.MEMORY,
            retention=RetentionPolicy.WORK_QUEUE,
            max_bytes=bytes_max,
            discard=DiscardPolicy.NEW,  # a full stream refuses a message. It never drops an accepted one
            max_age=AGE_S,
            duplicate_window=DUPLICATE_WINDOW_S,
            num_replicas=1,
        )
        try:
            await self._create(config)
        except (NatsError, JetStreamError, TimeoutError) as error:
            raise _down(error) from error

    async def _create(self, config: StreamConfig) -> None:
        try:
            await self._js.add_stream(config)
        except APIError as error:
            if error.err_code != OTHER_CONFIGURATION:
                raise
            await self._js.update_stream(config)  # the stream of an earlier release

    async def ensure_orders_of(self, employee: UUID) -> None:
        """Create the consumer from which the employee's worker takes its orders. Raises Unavailable."""
        config = ConsumerConfig(
            durable_name=_orders_of(employee),
            filter_subject=f"{PREFIX}.order.{employee}",
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_S,
            mem_storage=True,
        )
        await self._ensure_consumer(ORDERS, config)

    async def _ensure_consumer(self, stream: str, config: ConsumerConfig) -> None:
        try:
            await self._js.add_consumer(stream, config)
        except (NatsError, JetStreamError, TimeoutError) as error:
            raise _down(error) from error

    async def created_at(self) -> object:
        """Return when the stream of orders was created. It changes if the server has lost the stream.

        Raises Unavailable.
        """
        try:
            info = await self._js.stream_info(ORDERS)
        except (NatsError, JetStreamError, TimeoutError) as error:
            raise _down(error) from error
        return info.created

    async def send_order(self, employee: UUID, order: UUID, data: bytes) -> None:
        """Put an order into the employee's queue, once per order id."""
        await self._send(ORDERS, f"{PREFIX}.order.{employee}", data, f"order-{order}")

    async def send_result(self, employee: UUID, id: str, data: bytes) -> None:
        """Hand in a result, once per id.

        The id of the message has a secret of this process, because the server drops a message with a known id: another
        worker that guesses the id could make the server drop this result.
        """
        await self._send(RESULTS, f"{PREFIX}.result.{employee}", data, f"{employee}-{id}-{self._secret}")

    async def _send(self, stream: str, subject: str, data: bytes, id: str) -> None:
        try:
            await self._js.publish(subject, data, headers={"Nats-Msg-Id": id}, stream=stream)
        except (NatsError, JetStreamError, TimeoutError) as error:
            await self._forget()
            raise _down(error) from error

    async def next_order(self, employee: UUID, wait_s: float, stop: asyncio.Event | None = None) -> Parcel | None:
        """Return the employee's next order, or None if none comes within `wait_s` or until `stop`."""
        return await self._next(ORDERS, _orders_of(employee), wait_s, stop)

    async def next_result(self, wait_s: float, stop: asyncio.Event | None = None) -> Parcel | None:
        """Return the next result of any employee, or None if none comes within `wait_s` or until `stop`."""
        if RECEPTION not in self._pulls:
            await self.ensure()
            config = ConsumerConfig(
                durable_name=RECEPTION, ack_policy=AckPolicy.EXPLICIT, ack_wait=ACK_WAIT_S, mem_storage=True
            )
            await self._ensure_consumer(RESULTS, config)
        return await self._next(RESULTS, RECEPTION, wait_s, stop)

    async def _next(self, stream: str, durable: str, wait_s: float, stop: asyncio.Event | None) -> Parcel | None:
        pull = self._pulls.setdefault(durable, PullConsumer(self._client, stream, durable))
        try:
            message = await pull.next(wait_s, stop)
        except (NatsError, JetStreamError) as error:
            await self._forget()
            raise _down(error) from error
        return Parcel(_employee_of(message), message.data, message) if message is not None else None

    async def ask_permit(self, employee: UUID, data: bytes, wait_s: float) -> bytes | None:
        """Return the answer to a request for a permit; None if nobody answers in time. Raises Unavailable."""
        try:
            answer = await self._client.request(f"{PREFIX}.permit.{employee}", data, timeout=wait_s)
        except (TimeoutError, NoRespondersError):
            return None
        except NatsError as error:
            raise _down(error) from error
        return answer.data

    async def serve_permits(self, answer: Answer, stop: asyncio.Event) -> None:
        """Answer the requests of all employees until `stop`, each in a task of its own. Raises Unavailable."""
        async with asyncio.TaskGroup() as group:

            async def reply(message: Msg) -> None:
                data = await answer(_employee_of(message), message.data)
                try:
                    await message.respond(data)
                except NatsError:
                    return  # the worker asks again

            async def on_request(message: Msg) -> None:
                group.create_task(reply(message))

            try:
                subscription = await self._client.subscribe(
                    f"{PREFIX}.permit.*", cb=on_request, pending_msgs_limit=PENDING_MAX
                )
            except NatsError as error:
                raise _down(error) from error
            await stop.wait()
            try:
                await subscription.unsubscribe()
            except NatsError:
                return  # the connection is gone, and the subscription with it

    async def _forget(self) -> None:
        """Drop all subscriptions, because a restart of the server loses the streams. The next call subscribes again."""
        pulls, self._pulls = self._pulls, {}
        for pull in pulls.values():
            await pull.close()


def _orders_of(employee: UUID) -> str:
    return f"orders-{employee}"


def _employee_of(message: Msg) -> UUID:
    return UUID(message.subject.rpartition(".")[2])


def _down(error: BaseException) -> Unavailable:
    return Unavailable(
        f"The work queue does not answer: {said_by(error)}.", hint="Wait until NATS is back (`aura status`)."
    )
