"""The service launcher. It starts a service inside the box, connects to it and gives the connections to the judge.

It uses only the standard library. Its standard input is a packet socket. The first packet is the order (JSON). Each
later packet is a word, and the launcher answers it with one packet. The launcher opens each connection inside the box
and sends it to the judge as a descriptor. So requests and expected values stay outside. When the judge closes the
socket, the box ends.
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
STOP_WAIT_S = 3.0  # limit from SIGTERM to the end of the box
POLL_S = 0.02
REASON_CHARS_MAX = 300
_SET_DUMPABLE = 4  # option of prctl; 0 stops the service, which runs as the same user, from writing to our memory


class ServiceProcess:
    """The process of the service under test."""

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
        """Return the state of the process: `runs`, `ended CODE` or `failed REASON`."""
        if self.process is None:
            return f"failed {self.fault}"
        code = self.process.poll()
        return "runs" if code is None else f"ended {code}"

    def stop(self) -> None:
        """Send SIGTERM to the process group, and wait at most STOP_WAIT_S for the end of the process."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        until = time.monotonic() + STOP_WAIT_S
        while self.process.poll() is None and time.monotonic() < until:
            time.sleep(POLL_S)


def answer(door: socket.socket, service: ServiceProcess, word: bytes) -> None:
    """Answer one packet with the state. If the word is `connect` and the service runs, add a connecting socket."""
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
