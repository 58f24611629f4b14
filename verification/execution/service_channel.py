"""The outside of the door to a service's box: asks the doorkeeper, takes one connection at a time."""

import array
import asyncio
import errno
import os
import socket
import stat
from contextlib import suppress

import msgspec

from verification.sandbox.waiting import readable_soon

PACKET_BYTES_MAX = 1024
_DESCRIPTORS_ROOM = 4  # more than the one that is ours to take: the others are closed and tell a forger
_TOLD = ("runs", "ended", "failed", "full")


class Gone(Exception):
    """The service does not answer any more; `told` is what the doorkeeper says of it, empty when the box has ended."""

    def __init__(self, told: str) -> None:
        super().__init__(told)
        self.told = told


class Forged(Exception):
    """The message did not come from the doorkeeper."""


class ServiceChannel:
    """Our end of the door. `theirs` is the box's standard input; once its run has ended, `shut` tells us."""

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.setblocking(False)
        self._asking = asyncio.Lock()
        self._owed = 0  # answers not read yet; more than one after a wait that was broken off

    def order(self, order: object) -> None:
        """The first packet; nothing is awaited, because the box is not there yet."""
        self._ours.send(msgspec.json.encode(order))

    def shut(self) -> None:
        """The box has ended: whoever still asks hears that nobody is there."""
        self.theirs.close()

    def leave(self) -> None:
        """Nothing more is asked: the box ends."""
        self._ours.close()

    def close(self) -> None:
        self._ours.close()
        self.theirs.close()

    async def connect(self) -> socket.socket | None:
        """A connected socket; None while nothing listens yet. Raises Gone and Forged."""
        async with self._asking:
            told, descriptors = await self._ask(b"connect")
        if len(descriptors) != (1 if told == "runs" else 0):
            _close_all(descriptors)
            raise Forged
        if told.startswith("full"):
            return None
        if told != "runs":
            raise Gone(told)
        return await _connected(_line(descriptors[0]))

    async def state(self) -> str:
        """Return the doorkeeper's report of the service, empty when the box has ended."""
        try:
            async with self._asking:
                told, descriptors = await self._ask(b"state")
        except (Gone, Forged):
            return ""
        _close_all(descriptors)
        return told

    def stop(self) -> None:
        """The service is asked to end, and the box ends with it."""
        with suppress(OSError):
            self._ours.send(b"stop")

    async def _ask(self, word: bytes) -> tuple[str, list[int]]:
        try:
            self._ours.send(word)
            self._owed += 1
            while self._owed > 1:
                _close_all((await self._packet())[1])
            packet, descriptors, whole = await self._packet()
        except (ConnectionError, BlockingIOError) as error:
            raise Gone("") from error
        told = packet.decode("utf-8", "replace")
        if not packet or not whole or told.split(" ", 1)[0] not in _TOLD:
            _close_all(descriptors)
            raise Forged if packet else Gone("")
        return told, descriptors

    async def _packet(self) -> tuple[bytes, list[int], bool]:
        """The next one, with its descriptors and whether all of it was read."""
        await readable_soon(self._ours)
        packet, ancillary, flags, _ = self._ours.recvmsg(
            PACKET_BYTES_MAX, socket.CMSG_SPACE(_DESCRIPTORS_ROOM * 4), socket.MSG_CMSG_CLOEXEC
        )
        self._owed -= 1
        descriptors = [each for part in ancillary for each in array.array("i", part[2][: len(part[2]) // 4 * 4])]
        return packet, descriptors, not flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC)


def _line(descriptor: int) -> socket.socket:
    """The socket behind a descriptor from the box, which must be a stream of the box's own loopback."""
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Forged
    line = socket.socket(fileno=descriptor)
    if line.family != socket.AF_INET or line.type != socket.SOCK_STREAM:
        line.close()
        raise Forged
    line.setblocking(False)
    return line


async def _connected(line: socket.socket) -> socket.socket | None:
    """Waits for the connection that was begun; None if it was refused."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    try:
        loop.add_writer(line, lambda: None if ready.done() else ready.set_result(None))
        try:
            await ready
        finally:
            loop.remove_writer(line)
        failed = line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed == 0:
            line.getpeername()
    except OSError as error:
        failed = error.errno or errno.ENOTCONN
    except BaseException:
        line.close()
        raise
    if failed:
        line.close()
        return None
    return line


def _close_all(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
