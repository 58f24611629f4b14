"""The service launcher: it starts a service inside the box and sends connections to it to the judge.

It runs alone, on the standard library. Its standard input is a socket for packets. The first packet is the order
(JSON). Each later packet is a word, and gets one packet as answer. Connections are made here, where the service
listens, and sent as descriptors. So requests and expected values stay outside. The end of the socket ends the box.
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
_SET_DUMPABLE = 4  # of prctl; with 0, the service, which has the same user, cannot write to our memory


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
        """Return `runs`, `ended CODE` or `failed REASON`."""
        if self.process is None:
            return f"failed {self.fault}"
        code = self.process.poll()
        return "runs" if code is None else f"ended {code}"

    def stop(self) -> None:
        """Ask the process to end, and wait up to STOP_WAIT_S."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        until = time.monotonic() + STOP_WAIT_S
        while self.process.poll() is None and time.monotonic() < until:
            time.sleep(POLL_S)


def answer(door: socket.socket, service: ServiceProcess, word: bytes) -> None:
    """Answer one packet. `connect` gets the state and, if the service runs, a socket with a connection in progress."""
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
    """Answer packets until the socket is closed or the judge sends `stop`."""
    door = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    service = ServiceProcess(json.loads(door.recv(ORDER_BYTES_MAX)))
    with suppress(ConnectionError):  # the judge closed its end
        while word := door.recv(WORD_BYTES_MAX):
            if word == b"stop":
                service.stop()
                break
            answer(door, service, word)
    os._exit(0)


if __name__ == "__main__":
    main()
