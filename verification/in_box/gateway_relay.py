"""The gateway relay. It listens on the box's loopback and passes each connection to the worker's model gateway.

It uses only the standard library. Its standard input is a packet socket. The first packet is the order (JSON). For each
accepted connection the relay sends the word `open`. The worker answers with one end of a new socket, or with `full`.
The relay copies bytes between the connection and this socket. So the worker never uses a socket that the box has made.
With `run` in the order, the relay also starts this program, and ends with its exit status. Before that it writes the
`files` of the order. `stdin` is the path of a file that the program reads as its standard input.
"""

import asyncio
import ctypes
import json
import os
import signal
import socket
from contextlib import suppress
from typing import Any

ORDER_BYTES_MAX = 262_144
WORD_BYTES_MAX = 16
COPY_BYTES = 65_536
CONNECTIONS_MAX = 64  # at the same time; further connections wait in the queue of the listening socket
REPLY_WAIT_S = 30.0  # limit for the worker's answer to `open`
LINGER_S = 2.0
CANNOT_START = 127  # exit status if the program of the order cannot be started, as in a shell
_SET_DUMPABLE = 4  # option of prctl; 0 stops the agent, which runs as the same user, from reading our descriptors


class Relay:
    """The relay of one box. The listening socket accepts at most CONNECTIONS_MAX connections at the same time."""

    def __init__(self, door: socket.socket) -> None:
        self._door = door
        self._door.setblocking(False)
        self._asking = asyncio.Lock()
        self._free = asyncio.Semaphore(CONNECTIONS_MAX)
        self._open: set[asyncio.Task[None]] = set()

    async def listen(self, port: int) -> None:
        """Accept connections until the worker closes its end of the door."""
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", port), backlog=CONNECTIONS_MAX) as listening:
            listening.setblocking(False)
            while True:
                await self._free.acquire()
                line, _ = await loop.sock_accept(listening)
                task = loop.create_task(self._serve(line))
                self._open.add(task)
                task.add_done_callback(self._open.discard)

    async def _serve(self, line: socket.socket) -> None:
        try:
            with line, suppress(OSError, TimeoutError):
                line.setblocking(False)
                async with asyncio.timeout(REPLY_WAIT_S):
                    other = await self._asked()
                if other is not None:
                    with other:
                        await _joined(line, other)
        finally:
            self._free.release()

    async def _asked(self) -> socket.socket | None:
        """Return the worker's socket for one connection, or None if the gateway has no room for it."""
        async with self._asking:
            self._door.send(b"open")
            await _readable(self._door)
            word, descriptors, _, _ = socket.recv_fds(self._door, WORD_BYTES_MAX, 1)
        if not word:
            os._exit(0)  # the worker has closed the gateway
        if not descriptors:
            return None
        other = socket.socket(fileno=descriptors[0])
        other.setblocking(False)
        return other


async def _readable(line: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(line, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(line)


async def _joined(line: socket.socket, worker: socket.socket) -> None:
    """Copy bytes in both directions. The connection ends when the worker has sent its last byte.

    Then the rest of a refused request is dropped for LINGER_S: a close with unread bytes would discard the answer.
    """
    loop = asyncio.get_running_loop()
    sending = loop.create_task(_copied(line, worker))
    try:
        await _copied(worker, line)
        await asyncio.wait({sending}, timeout=LINGER_S)
        async with asyncio.timeout(LINGER_S):
            while sending.done() and await loop.sock_recv(line, COPY_BYTES):
                pass
    finally:
        sending.cancel()
        await asyncio.wait({sending})


async def _copied(source: socket.socket, target: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with suppress(OSError):
        while content := await loop.sock_recv(source, COPY_BYTES):
            await loop.sock_sendall(target, content)
        target.shutdown(socket.SHUT_WR)


async def _run(order: dict[str, Any]) -> int:
    """Run the program of the order, and return its exit status."""
    try:
        for path, text in order.get("files", {}).items():
            _write(path, text)
        source = os.open(order.get("stdin") or os.devnull, os.O_RDONLY)
        process = await asyncio.create_subprocess_exec(
            *order["run"],
            cwd=order.get("folder") or None,
            env={**os.environ, **order.get("env", {})},
            stdin=source,
            start_new_session=True,
        )
        os.close(source)
    except (OSError, ValueError) as error:
        os.write(2, f"{order['run'][0]} cannot be started: {error}\n".encode())
        return CANNOT_START
    code = await process.wait()
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    return code if code >= 0 else 128 - code


def _write(path: str, text: str) -> None:
    """Write a file of the order, with the folders above it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


async def main() -> None:
    """Relay connections until the program of the order ends, or until the worker closes the door."""
    door = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    order = json.loads(door.recv(ORDER_BYTES_MAX))
    relay = asyncio.create_task(Relay(door).listen(int(order["port"])))
    await asyncio.sleep(0)  # the socket listens before the program starts
    running = {asyncio.create_task(_run(order))} if order.get("run") else set()
    done, _ = await asyncio.wait({relay, *running}, return_when=asyncio.FIRST_COMPLETED)
    code = next((task.result() for task in done if task is not relay), None)
    if code is None:
        relay.result()  # raises the reason why it does not listen
    os._exit(code or 0)


if __name__ == "__main__":
    asyncio.run(main())
