"""The judge's doorkeeper: starts a service inside the box and hands out connections to it.

It runs alone, on the standard library. Its standard input is the door, a socket of packets: the first one is the order
(JSON), each later one a word that asks for something and is answered by one packet. A connection is made here, where
the service listens, and handed out as a descriptor: what is asked and what is expected stays outside. The end of the
door ends the box.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from typing import Any

ORDER_BYTES_MAX = 65536
WORD_BYTES_MAX = 16
STOP_WAIT_S = 3.0  # from SIGTERM to the end of the box
POLL_S = 0.02
REASON_CHARS_MAX = 300
_SET_DUMPABLE = 4  # of prctl: with 0, the service, whose user is ours, cannot write to our memory


class ServiceProcess:
    """The process under test."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.address = ("127.0.0.1", int(order["port"]))
        self.fault = ""
        self.process: subprocess.Popen[bytes] | None = None
        for folder in (order["data"], *order["folders"]):
            os.makedirs(folder, exist_ok=True)
        try:
            self.process = subprocess.Popen(
                order["run"],
                cwd=order["project"],
                env={**os.environ, **order["env"]},
                stdin=subprocess.DEVNULL,
                stdout=2,
                stderr=2,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            self.fault = str(error)[:REASON_CHARS_MAX]

    def state(self) -> str:
        """`runs`, `ended CODE` or `failed REASON`."""
        if self.process is None:
            return f"failed {self.fault}"
        code = self.process.poll()
        return "runs" if code is None else f"ended {code}"

    def stop(self) -> None:
        """Asks it to end, and waits for a while."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        until = time.monotonic() + STOP_WAIT_S
        while self.process.poll() is None and time.monotonic() < until:
            time.sleep(POLL_S)


def answer(door: socket.socket, service: ServiceProcess, word: bytes) -> None:
    """One packet. `connect` is answered by the state and, if the service runs, a socket that begins to connect."""
    state = service.state().encode()
    if word != b"connect" or state != b"runs":
        door.send(state)
        return
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as line:
            line.setblocking(False)
            line.connect_ex(service.address)
            socket.send_fds(door, [state], [line.fileno()])
    except OSError as error:
        door.send(f"full {error.strerror}".encode())


def main() -> None:
    """Serves the door until it is closed, or until the judge says `stop`."""
    door = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    service = ServiceProcess(json.loads(door.recv(ORDER_BYTES_MAX)))
    with suppress(ConnectionError):  # the judge has left
        while word := door.recv(WORD_BYTES_MAX):
            if word == b"stop":
                service.stop()
                break
            answer(door, service, word)
    os._exit(0)


if __name__ == "__main__":
    main()
