"""The judge's end of the channel to a service's sandbox. It asks the launcher for one connection at a time."""

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
_DESCRIPTORS_ROOM = (
    4  # the launcher sends 1 descriptor; more of them prove a forged message and must be received to be closed
)
_TOLD = ("runs", "ended", "failed", "full")


class Gone(Exception):
    """Error raised when the service does not answer any more. `told` is the launcher's report.

    The report is empty if the sandbox has ended.
    """

    def __init__(self, told: str) -> None:
        super().__init__(told)
        self.told = told


class Forged(Exception):
    """Error raised for a message that cannot come from the launcher."""


class ServiceChannel:
    """The judge's end of the channel.

    `theirs` is the other end: it becomes the sandbox's standard input. Call `shut` when the run has ended.
    """

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.setblocking(False)
        self._asking = asyncio.Lock()
        self._owed = 0  # number of answers that were not read yet; a cancelled wait can leave more than 1

    def order(self, order: object) -> None:
        """Send the order as the first packet. Do not wait for an answer, because the sandbox does not exist yet."""
        self._ours.send(msgspec.json.encode(order))

    def shut(self) -> None:
        """Close the sandbox's end after the sandbox has ended. Pending requests fail with Gone."""
        self.theirs.close()

    def leave(self) -> None:
        """Close our end after the last request, so that the sandbox ends."""
        self._ours.close()

    def close(self) -> None:
        self._ours.close()
        self.theirs.close()

    async def connect(self) -> socket.socket | None:
        """Return a socket connected to the service, or None if the service does not listen. Raises Gone and Forged."""
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
        """Return the launcher's report about the service, or "" if the sandbox has ended."""
        try:
            async with self._asking:
                told, descriptors = await self._ask(b"state")
        except (Gone, Forged):
            return ""
        _close_all(descriptors)
        return told

    def stop(self) -> None:
        """Ask the service to end. The sandbox ends with it."""
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
        """Return the next packet, its descriptors, and whether both were received completely."""
        await readable_soon(self._ours)
        packet, ancillary, flags, _ = self._ours.recvmsg(
            PACKET_BYTES_MAX, socket.CMSG_SPACE(_DESCRIPTORS_ROOM * 4), socket.MSG_CMSG_CLOEXEC
        )
        self._owed -= 1
        descriptors = [each for part in ancillary for each in array.array("i", part[2][: len(part[2]) // 4 * 4])]
        return packet, descriptors, not flags & (socket.MSG_CTRUNC | socket.MSG_TRUNC)


def _line(descriptor: int) -> socket.socket:
    """Return the socket of a descriptor from the sandbox. Raises Forged if it is not an IPv4 TCP socket."""
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
    """Wait until the socket is connected and return it. Return None if the connection failed."""
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
