"""Questions to the worker that serves an employee. They are NATS messages with a reply, and are not stored.

A worker is in another account than the process that asks, so it cannot publish to the inbox of that process. The answer
has a subject of its own, with a random token that only the asked worker receives.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from bus.subjects import PROBE_PREFIX as PREFIX
from bus.subjects import PROBED_PREFIX
from domain.errors import Unavailable, said_by

QUEUE = "workers"
"""Name of the queue group. If several processes serve one employee, only one of them answers."""
TOKEN_BYTES = 16
STATUS_HEADER = "Status"
NO_RESPONDERS = "503"
Answer = Callable[[bytes], Awaitable[bytes]]


class ProbeChannel:
    """The channel for such questions in one process. Workers answer, and commands ask."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._subscriptions: dict[UUID, Subscription] = {}
        self._answers: set[asyncio.Task[None]] = set()

    async def serve(self, employee: UUID, answer: Answer) -> None:
        """Answer questions about an employee from now on. Raises Unavailable if the connection is closed."""

        async def heard(message: Msg) -> None:
            """Answer beside other questions: a halt must not wait for the end of a call."""
            work = asyncio.create_task(respond(message))
            self._answers.add(work)
            work.add_done_callback(self._answers.discard)

        async def respond(message: Msg) -> None:
            reply = await answer(message.data)
            try:
                await message.respond(reply)
            except NatsError:
                return  # the process that asked gets no answer, and asks again

        try:
            subscription = await self._client.subscribe(f"{PREFIX}.{employee}", QUEUE, cb=heard)
        except NatsError as error:
            raise _down(error) from error
        self._subscriptions[employee] = subscription

    async def end(self, employee: UUID) -> None:
        """Answer no more questions about an employee."""
        subscription = self._subscriptions.pop(employee, None)
        if subscription is None:
            return
        try:
            await subscription.unsubscribe()
        except NatsError:
            return  # the connection is gone, and the subscription with it

    async def ask(self, employee: UUID, question: bytes, wait_s: float) -> bytes | None:
        """Return the answer; None if no process serves the employee. Raises Unavailable if no answer comes in time."""
        answer_to = f"{PROBED_PREFIX}.{employee}.{secrets.token_hex(TOKEN_BYTES)}"
        try:
            subscription = await self._client.subscribe(answer_to)
            try:
                await self._client.publish(f"{PREFIX}.{employee}", question, reply=answer_to)
                message = await subscription.next_msg(timeout=wait_s)
            finally:
                with suppress(NatsError):
                    await subscription.unsubscribe()
        except (NatsError, TimeoutError) as error:
            raise Unavailable(
                f"The worker did not answer within {wait_s:g} s.", hint="`aura status` shows whether the worker runs."
            ) from error
        nobody = (message.headers or {}).get(STATUS_HEADER) == NO_RESPONDERS
        return None if nobody else message.data


def _down(error: BaseException) -> Unavailable:
    return Unavailable(f"NATS does not answer: {said_by(error)}.", hint="Wait until NATS is back (`aura status`).")
