"""The commit point: it publishes decisions to the stream with optimistic concurrency, one by one or as an atomic batch.

Only `governance/gate.py` calls `publish_events`. Each message of a decision names a filter and the expected last
sequence of this filter.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError

from domain.errors import AuraError, LimitReached, Unavailable, said_by

SINGLES_MAX = 7
"""The most single publishes that wait for an answer together. Further publishes queue, and may be sent as a group."""
GROUP_MIN = 8
GROUP_MAX = 500
GROUP_BYTES_MAX = 8 * 1024**2
"""A group of more events costs hardly more writes to the disk, but its first event waits for its last one."""
ACK_WAIT_S = 5.0
EVENT_BYTES_MAX = 1024**2
"""Size limit of one message. Larger content must be stored in blobs."""
STREAM_FULL = 10077
_STALE = frozenset({10071, 10164, 10201})


class Stale(AuraError):
    """Another writer was first, or the acknowledgement was lost. Read the scope again and decide again."""


class Unknown(Stale):
    """No acknowledgement came. The event may be in the log or not."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One event to publish. `guard`: (filter, expected last sequence), or None if an earlier message guards it."""

    id: UUID
    subject: str
    body: bytes
    guard: tuple[str, int] | None

    def headers(self) -> dict[str, str]:
        headers = {"Nats-Msg-Id": str(self.id)}
        if self.guard is not None:
            headers["Nats-Expected-Last-Subject-Sequence"] = str(self.guard[1])
            headers["Nats-Expected-Last-Subject-Sequence-Subject"] = self.guard[0]
        return headers


@dataclass(frozen=True, slots=True)
class _Waiting:
    key: UUID
    message: Outgoing
    done: asyncio.Future[int]


class Publisher:
    """Publishes decisions one by one, or several waiting decisions as one group.

    `groups` counts the groups that were accepted, for `docs/bench.md` and for tests.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._waiting: list[_Waiting] = []
        self._singles = 0
        self._groups: set[asyncio.Task[None]] = set()
        self.groups = 0

    async def publish_events(self, key: UUID, messages: Sequence[Outgoing]) -> tuple[int, ...]:
        """Publish one decision and return the sequences of its messages.

        `key` is the run or entity. A group has at most one decision per key.
        Raises Stale if the expectation does not hold, Unknown if no answer came, LimitReached for an event above
        EVENT_BYTES_MAX, Unavailable if the stream refuses.
        """
        largest = max(len(message.body) for message in messages)
        if largest > EVENT_BYTES_MAX:
            raise LimitReached(
                f"The event has {largest} bytes. The limit is {EVENT_BYTES_MAX}.",
                hint="Shorten the text of the command.",
            )
        if len(messages) > 1:
            last = await self._batch(messages)
            return tuple(range(last - len(messages) + 1, last + 1))
        if self._singles >= SINGLES_MAX:
            waiting = _Waiting(key, messages[0], asyncio.get_running_loop().create_future())
            self._waiting.append(waiting)
            return (await waiting.done,)
        return (await self._counted_single(messages[0]),)

    async def _counted_single(self, message: Outgoing) -> int:
        self._singles += 1
        try:
            return await self._single(message)
        finally:
            self._singles -= 1
            self._release()

    def _release(self) -> None:
        """Send the waiting messages: as one group if there are enough, otherwise one single message."""
        self._waiting = [waiting for waiting in self._waiting if not waiting.done.cancelled()]
        group: dict[UUID, _Waiting] = {}
        room = GROUP_BYTES_MAX
        for waiting in self._waiting[: 4 * GROUP_MAX]:
            if waiting.key not in group and len(group) < GROUP_MAX and len(waiting.message.body) <= room:
                group[waiting.key] = waiting
                room -= len(waiting.message.body)
        chosen = list(group.values()) if len(group) >= GROUP_MIN else self._waiting[:1]
        if chosen:
            taken = set(map(id, chosen))
            self._waiting = [waiting for waiting in self._waiting if id(waiting) not in taken]
            task = asyncio.get_running_loop().create_task(self._send_group(chosen))
            self._groups.add(task)
            task.add_done_callback(self._groups.discard)

    async def _send_group(self, group: Sequence[_Waiting]) -> None:
        if len(group) >= GROUP_MIN:
            self._singles += 1
            try:
                last = await self._batch([waiting.message for waiting in group])
            except AuraError:
                await asyncio.gather(*(self._settle(waiting) for waiting in group))
            else:
                self.groups += 1
                first = last - len(group) + 1
                for offset, waiting in enumerate(group):
                    if not waiting.done.done():
                        waiting.done.set_result(first + offset)
            finally:
                self._singles -= 1
                self._release()
            return
        await asyncio.gather(*(self._settle(waiting) for waiting in group))

    async def _settle(self, waiting: _Waiting) -> None:
        try:
            seq = await self._counted_single(waiting.message)
        except AuraError as error:
            if not waiting.done.done():
                waiting.done.set_exception(error)
        else:
            if not waiting.done.done():
                waiting.done.set_result(seq)

    async def _single(self, message: Outgoing) -> int:
        ack = await self._request(message.subject, message.body, message.headers())
        return int(ack["seq"])

    async def _batch(self, messages: Sequence[Outgoing]) -> int:
        """Publish one atomic batch and return the sequence of its last message."""
        batch = uuid4().hex
        ack: dict[str, Any] = {}
        for index, message in enumerate(messages, start=1):
            headers = message.headers() | {"Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(index)}
            if index == len(messages):
                headers["Nats-Batch-Commit"] = "1"
                ack = await self._request(message.subject, message.body, headers)
            else:
                try:
                    await self._client.publish(message.subject, message.body, headers=headers)
                except NatsError as error:
                    raise _unknown(error) from error
        return int(ack["seq"])

    async def _request(self, subject: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        try:
            reply = await self._client.request(subject, body, timeout=ACK_WAIT_S, headers=headers)
        except (NatsError, TimeoutError) as error:
            raise _unknown(error) from error
        ack: dict[str, Any] = msgspec.json.decode(reply.data)
        problem = ack.get("error")
        if problem is None and ack.get("duplicate"):
            raise Stale("This event id was published before.", hint="Read the scope again.")
        if problem is None:
            return ack
        if problem.get("err_code") in _STALE:
            raise Stale("Another writer was first.", hint="Read the scope again and decide again.")
        if problem.get("err_code") == STREAM_FULL:
            raise Unavailable(
                "The stream is full. No event can be written until the stream is larger.",
                hint="`aura status` shows its size. Make it larger, without any loss: AURA_STREAM_GIB=16 aura up",
                code="stream_full",
            )
        raise Unavailable(f"JetStream refused the event: {problem.get('description')}.", hint="Run `aura status`.")


def _unknown(error: BaseException) -> Unknown:
    return Unknown(f"No acknowledgement came: {said_by(error)}.", hint="Read the scope again and decide again.")
