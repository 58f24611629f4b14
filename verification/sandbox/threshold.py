"""The host's end of the channel to a container's first process. It is a packet socket in a folder that the box sees."""

import array
import asyncio
import os
import socket
import struct
from contextlib import suppress
from pathlib import Path

from verification.sandbox.waiting import readable_soon

PACKET_BYTES_MAX = 1024
_INT_BYTES = 4
_CREDENTIALS = struct.Struct("3i")


class Threshold:
    """The host's end for one box. Call `met`, `taken`, `order`, then `told` until it returns "", and last `close`."""

    def __init__(self, path: Path, folders: int) -> None:
        """Listen at `path`. `folders` is the number of folders that the first process sends."""
        self._path = path
        self._folders = folders
        self._given: list[int] = []
        self._line: socket.socket | None = None
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        here = os.open(path.parent, os.O_PATH | os.O_CLOEXEC)
        try:
            self._listener.bind(f"/proc/self/fd/{here}/{path.name}")  # a socket address has room for a short path only
            path.chmod(0o666)
            self._listener.listen(1)
            self._listener.setblocking(False)
        except BaseException:
            self._listener.close()
            raise
        finally:
            os.close(here)

    async def met(self) -> int:
        """Wait for the box's first process and return its pid. Raises OSError if its message is wrong."""
        await readable_soon(self._listener)
        self._line, _ = self._listener.accept()
        self._line.setblocking(False)
        self._listener.close()
        self._path.unlink(missing_ok=True)
        pid, _, _ = _CREDENTIALS.unpack(self._line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
        await readable_soon(self._line)
        room = socket.CMSG_SPACE(self._folders * _INT_BYTES)
        packet, given, _, _ = self._line.recvmsg(PACKET_BYTES_MAX, room, socket.MSG_CMSG_CLOEXEC)
        self._given = [each for part in given for each in array.array("i", part[2])]
        if packet != b"here" or len(self._given) != self._folders or pid <= 0:
            raise OSError(
                "the box's first process sent a wrong message"
                if packet
                else "the box's first process ended before it sent a message"
            )
        return int(pid)

    def taken(self) -> list[int]:
        """Return the descriptors of the box's writable folders. The caller must close them."""
        given, self._given = self._given, []
        return given

    def order(self, descriptors: list[int]) -> None:
        """Send the three standard streams and the order. Raises OSError if the first process has ended."""
        assert self._line is not None
        socket.send_fds(self._line, [b"go"], descriptors)

    async def told(self) -> str:
        """Return the next message: `runs`, `failed REASON`, `exit CODE`, or "" after the box has ended."""
        assert self._line is not None
        try:
            return (await asyncio.get_running_loop().sock_recv(self._line, PACKET_BYTES_MAX)).decode("utf-8", "replace")
        except ConnectionError:
            return ""

    def close(self) -> None:
        """Close the channel. This ends the box if it still runs."""
        self._listener.close()
        for folder in self.taken():
            os.close(folder)
        if self._line:
            self._line.close()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
