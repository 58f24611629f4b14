"""A proxy for an engine's socket: some requests reach the engine late, even if the client has gone."""

import re
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_BLOCK_BYTES = 65536
_POLL_S = 0.05
_JOIN_S = 30.0
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class Late:
    """A proxy that delays requests with `words` in the first line, for `late_s` or until `let_go`.

    All other requests pass immediately. The engine also gets a delayed request if its client has gone. `dropped`: the
    client's connection is closed immediately, so that no answer arrives.
    """

    def __init__(self, engine: Path, place: Path, words: bytes, late_s: float, *, dropped: bool = False) -> None:
        """Listen at the path `place`."""
        self._go = threading.Event()
        self._engine = engine
        self._words = words
        self._late_s = late_s
        self._dropped = dropped
        self.held = threading.Event()
        """Set while a request is delayed."""
        self.answers: list[bytes] = []
        """The engine's status lines for late requests."""
        self._ended = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(place))
        self._listener.listen()
        self._listener.settimeout(_POLL_S)
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        """Close every connection."""
        self._ended.set()
        self._go.set()
        for thread in self._threads:
            thread.join(_JOIN_S)
        self._listener.close()

    def let_go(self) -> None:
        """Let all delayed requests pass, and delay no more."""
        self._go.set()

    def wait_for_answer(self) -> None:
        """Wait until the engine has answered a delayed request."""
        deadline = time.monotonic() + _JOIN_S
        while not self.answers:
            assert time.monotonic() < deadline
            time.sleep(_POLL_S)

    def _accept(self) -> None:
        while not self._ended.is_set():
            with suppress(TimeoutError):
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(client,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as engine:
            engine.connect(str(self._engine))
            heard, unanswered = [client, engine], False
            while not self._ended.is_set() and (client in heard or unanswered):
                for ready in select.select(heard, [], [], _POLL_S)[0]:
                    block = _received(ready)
                    if ready is client and not block:
                        heard.remove(client)
                    elif ready is client:
                        if self._words in block.partition(b"\r\n")[0]:
                            unanswered = True
                            block = self._kept_back(client, block)
                        engine.sendall(block)
                    elif not block:
                        return
                    else:
                        if unanswered:
                            self.answers.append(block.partition(b"\r\n")[0])
                        unanswered = False
                        with suppress(OSError):
                            client.sendall(block)

    def _kept_back(self, client: socket.socket, request: bytes) -> bytes:
        """Read the rest of a request, and wait."""
        while b"\r\n\r\n" not in request or len(request) < _whole(request):
            request += _received(client)
        self.held.set()
        if self._dropped:
            client.shutdown(socket.SHUT_WR)
        self._go.wait(self._late_s)
        return request


def _whole(request: bytes) -> int:
    """Return the bytes of a request whose headers have arrived."""
    head = request.partition(b"\r\n\r\n")[0]
    length = _LENGTH.search(head)
    return len(head) + 4 + (int(length[1]) if length else 0)


def _received(line: socket.socket) -> bytes:
    try:
        return line.recv(_BLOCK_BYTES)
    except ConnectionError:
        return b""


@contextmanager
def late(engine: Path, place: Path, words: bytes, late_s: float, *, dropped: bool = False) -> Iterator[Late]:
    """Run such a proxy."""
    proxy = Late(engine, place, words, late_s, dropped=dropped)
    try:
        yield proxy
    finally:
        proxy.close()
