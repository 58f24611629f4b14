"""A live answer has a place while it is sent, and gives it back however it ends."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from typing import Any
from uuid import uuid4

import pytest

from director.http.stream import STREAMS_OF_USER_MAX, LiveAnswer, Pulse

SCOPE = {"type": "http", "asgi": {"spec_version": "2.3", "version": "3.0"}}
USER = uuid4()


class Client:
    """A client that leaves at its first message, or stays. `sent`: what it has received."""

    def __init__(self, *, stays: bool) -> None:
        self._stays = stays
        self.sent: list[MutableMapping[str, Any]] = []
        self.received = asyncio.Event()

    async def receive(self) -> MutableMapping[str, Any]:
        if self._stays:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if not self._stays:
            raise OSError
        self.sent.append(message)
        self.received.set()


def live(pulse: Pulse, *parts: bytes, ends: bool = True) -> LiveAnswer:
    async def stream() -> AsyncIterator[bytes]:
        for part in parts:
            yield part
        if not ends:
            await asyncio.Event().wait()

    return LiveAnswer(pulse.places, USER, stream)


@pytest.fixture
def pulse() -> Pulse:
    return Pulse(None)  # type: ignore[arg-type]  # no stream here asks the store


async def test_a_client_that_leaves_before_the_first_byte_keeps_no_place(pulse: Pulse) -> None:
    for _ in range(2 * STREAMS_OF_USER_MAX):
        client = Client(stays=False)
        with pytest.raises(BaseException):  # noqa: B017, PT011  # the server sees the end of the connection
            await live(pulse, b"x")(SCOPE, client.receive, client.send)
    assert pulse.places.open == 0


async def test_a_stream_that_goes_on_keeps_its_place_and_the_next_one_is_refused(pulse: Pulse) -> None:
    open_ones = [Client(stays=True) for _ in range(STREAMS_OF_USER_MAX)]
    tasks = [asyncio.create_task(live(pulse, b"x", ends=False)(SCOPE, one.receive, one.send)) for one in open_ones]
    for one in open_ones:
        await one.received.wait()
    refused = Client(stays=True)
    await live(pulse)(SCOPE, refused.receive, refused.send)
    assert refused.sent[0]["status"] == 429
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert pulse.places.open == 0
    ended = Client(stays=True)
    await live(pulse, b"all")(SCOPE, ended.receive, ended.send)
    assert (ended.sent[0]["status"], ended.sent[1]["body"]) == (200, b"all")
    assert pulse.places.open == 0
