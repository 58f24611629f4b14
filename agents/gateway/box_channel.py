"""The worker's end of the channel to the gateway relay in a box. It gives the box one new socket per connection."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

import verification.in_box
from agents.gateway.limits import CONNECTIONS_MAX, CONNECTIONS_TOTAL_MAX

PORT = 4141
"""Port of the gateway on the box's loopback. Each box has a network of its own, so no other program uses it."""
RELAY = "/aura/gateway_relay.py"
"""Path of the relay in the box."""
WORD_BYTES_MAX = 16
DRAIN_WAIT_S = 30.0
"""Seconds after the end of the box in which open calls can end by themselves. Then they are charged at their bounds."""
Handle = Callable[[socket.socket], Awaitable[None]]
"""The function that answers one connection."""
_SOURCE = Path(verification.in_box.__file__).parent / "gateway_relay.py"


class RelayOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The first packet. `run`: a program that the relay starts, and whose exit status becomes that of the box.

    `files`: text files that the relay writes before, by their absolute paths. `stdin`: the path of a file that the
    program reads as its standard input.
    """

    port: int = PORT
    run: Sequence[str] = ()
    folder: str = ""
    env: Mapping[str, str] = {}
    files: Mapping[str, str] = {}
    stdin: str = ""


class GatewayChannel:
    """The worker's end of the channel. `theirs` becomes the relay's standard input.

    The worker sends sockets and never receives one. So the box holds no descriptor of which it could change the
    behaviour for the worker: whether it blocks, or how long its close waits.
    """

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.setblocking(False)
        self._closing = asyncio.Event()
        self._ready = asyncio.Event()  # the box has sent a packet, or the channel is closed
        self.refused = 0
        """Number of connections that were refused because too many were open."""

    def order(self, order: RelayOrder) -> None:
        """Send the order as the first packet. Do not wait, because the box does not exist yet."""
        self._ours.send(msgspec.json.encode(order))

    async def serve(self, handle: Handle) -> None:
        """Pass each connection to `handle`, which closes it, until the box ends.

        Then wait for the calls of `handle` that still run, at most DRAIN_WAIT_S.
        """
        running: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as group:
            await self._accept(handle, group, running)
            if running:
                await asyncio.wait(running, timeout=DRAIN_WAIT_S)
            for task in list(running):
                task.cancel()

    async def _accept(self, handle: Handle, group: asyncio.TaskGroup, running: set[asyncio.Task[None]]) -> None:
        opened = 0
        while await self._asks():
            if len(running) >= CONNECTIONS_MAX or opened >= CONNECTIONS_TOTAL_MAX:
                self._refuse()
                continue
            line = self._give()
            if line is not None:
                opened += 1
                task = group.create_task(_handled(handle, line))
                running.add(task)
                task.add_done_callback(running.discard)

    def box_ended(self) -> None:
        """End `serve`: no further connection is accepted."""
        self.theirs.close()
        self._closing.set()
        self._ready.set()

    def close(self) -> None:
        """Close both ends. A relay that still runs ends its box. Call it after `serve` has ended."""
        self.theirs.close()
        self._ours.close()

    async def _asks(self) -> bool:
        """Wait for the next request for a connection. Return False at the end of the box or of the channel."""
        while True:
            await self._readable()
            if self._closing.is_set():
                return False
            try:
                word = self._ours.recv(WORD_BYTES_MAX)  # the kernel closes descriptors that come with it
            except BlockingIOError:
                continue
            except OSError:
                return False
            if not word:
                return False
            if word == b"open":
                return True

    async def _readable(self) -> None:
        """Wait until the box has sent a packet, or the channel is closed."""
        loop = asyncio.get_running_loop()
        if self._closing.is_set():
            return
        loop.add_reader(self._ours, self._ready.set)
        try:
            await self._ready.wait()
        finally:
            loop.remove_reader(self._ours)
            self._ready.clear()

    def _refuse(self) -> None:
        self.refused += 1
        with suppress(OSError):
            self._ours.send(b"full")

    def _give(self) -> socket.socket | None:
        """Send one end of a new socket to the box, and return the other. None: the box does not read its packets."""
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError:  # this process has no descriptor left
            self._refuse()
            return None
        with theirs:
            try:
                socket.send_fds(self._ours, [b"take"], [theirs.fileno()])
            except OSError:
                ours.close()
                self._refuse()
                return None
        ours.setblocking(False)
        return ours


async def _handled(handle: Handle, line: socket.socket) -> None:
    with line:
        await handle(line)


def relay_files() -> dict[str, bytes]:
    """Return the relay as a read-only file of the box, by its path."""
    return {RELAY: _SOURCE.read_bytes()}
