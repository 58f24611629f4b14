"""The worker's end of the channel to the keeper of a session's box. It sends one order at a time."""

import os
import socket
from typing import Literal

import msgspec

from verification.in_box.keeper import PACKET_BYTES_MAX
from verification.sandbox.descriptors import sealed
from verification.sandbox.waiting import readable_soon

Stopped = Literal["timeout", "memory", "file_limit", "cancelled"]
Ended = Literal["exit", "signal", "not_started"]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One command. `folder` is absolute. `head` and `tail` limit the bytes of output that the keeper keeps."""

    argv: tuple[str, ...]
    folder: str
    wall_s: float
    head: int
    tail: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The keeper's report about one command. `left` counts the processes that it had to kill after the command."""

    number: int
    reason: Ended | Stopped
    code: int | None = None
    signal: int | None = None
    seconds: float = 0.0
    left: int = 0
    head: int = 0
    tail: int = 0
    bytes: int = 0
    why: str = ""


class Lost(Exception):
    """Error raised when the keeper hung up, or sent a message that is not valid."""


_report = msgspec.json.Decoder(Report)


class KeeperChannel:
    """The worker's end of the channel. `theirs` is the other end: it becomes the standard input of the keeper."""

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.setblocking(False)

    def close(self) -> None:
        """Close both ends. The box ends, if it still runs."""
        self._ours.close()
        self.theirs.close()

    async def ready(self) -> None:
        """Wait for the keeper's first message. Raises Lost."""
        if await self._packet() != b"ready":
            raise Lost("its first message was not valid")

    def send(self, number: int, order: Order, source: int | None = None) -> None:
        """Send an order. `source`: the descriptor of its standard input. Raises Lost if the keeper has hung up."""
        descriptor = sealed(msgspec.json.encode(order))
        try:
            descriptors = [descriptor] if source is None else [descriptor, source]
            socket.send_fds(self._ours, [f"run {number}".encode()], descriptors)
        except OSError as error:
            raise Lost(f"it takes no order ({error.strerror})") from error
        finally:
            os.close(descriptor)

    def stop(self, number: int, reason: Stopped) -> None:
        """Ask the keeper to end a command. Raises Lost if the keeper has hung up."""
        try:
            self._ours.send(f"stop {number} {reason}".encode())
        except OSError as error:
            raise Lost(f"it takes no order ({error.strerror})") from error

    async def answer(self, number: int, order: Order) -> tuple[Report, bytes]:
        """Wait for the report about a command and its output. Raises Lost."""
        try:
            report = _report.decode(await self._packet())
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Lost("its report was not valid") from error
        sizes = 0 <= report.head <= order.head and 0 <= report.tail <= order.tail
        if report.number != number or not sizes or report.bytes < report.head + report.tail:
            raise Lost("its report was not valid")
        output = bytearray()
        while len(output) < report.head + report.tail:
            output += await self._packet()
        if len(output) != report.head + report.tail:
            raise Lost("its output was not valid")
        return report, bytes(output)

    async def _packet(self) -> bytes:
        await readable_soon(self._ours)
        try:
            packet, _, flags, _ = self._ours.recvmsg(PACKET_BYTES_MAX)
        except ConnectionError as error:
            raise Lost("it hung up") from error
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise Lost("a message was too long")
        if not packet:
            raise Lost("it hung up")
        return packet
