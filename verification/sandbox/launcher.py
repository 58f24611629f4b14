"""The first process of a box in a container. It connects to the host, starts one command and reports its exit status.

This process runs as process 1 and uses only the standard library. It connects to a packet socket of the host. It sends
the descriptors of the box's writable folders, and receives the three standard streams and a file with the order (JSON).
No code under test runs before the order. Then it reports that the command runs, or the reason why it cannot start, and
later the exit status. If the order says `first`, the command replaces this process and becomes process 1 itself. When
the host closes the socket, at any moment, the box ends, so no box outlives its owner.
"""

import array
import ctypes
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import Any, NoReturn

STREAMS = 3
_INT_BYTES = 4
REASON_CHARS_MAX = 300
_SET_DUMPABLE = 4  # option of prctl; 0 stops the command, which runs as the same user, from writing to our memory
_FIRST_VICTIM = "1000"  # when memory runs out, the kernel kills the command first, and this process can report the end
_FOLDER = os.O_RDONLY | os.O_DIRECTORY


def dumpable(allowed: bool) -> None:
    """Allow or forbid that other processes of this user inspect this process, and that it changes its own settings."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, int(allowed), 0, 0, 0)


def start(order: dict[str, Any], streams: list[int]) -> int:
    """Start the command in its own session and return its pid. Raises OSError if the command cannot be executed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            for mended in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD):
                signal.signal(mended, signal.SIG_DFL)
            os.setsid()
            dumpable(True)
            with suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
                score.write(_FIRST_VICTIM)
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
            os.chdir(order["folder"])
            os.execvpe(order["argv"][0], order["argv"], order["env"])
        except (OSError, ValueError) as error:
            os.write(writing, str(error).encode()[:REASON_CHARS_MAX])
        finally:
            os._exit(127)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        reason = told.read()
    if reason:
        raise OSError(reason.decode())
    return child


def become(order: dict[str, Any], streams: list[int], line: socket.socket) -> NoReturn:
    """Replace this process by the command. Raises OSError if the command cannot be executed.

    The command inherits the socket, so the host sees its end. It must not pass the socket on.
    """
    os.chdir(order["folder"])
    for mended in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD):
        signal.signal(mended, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.set_inheritable(line.fileno(), True)
    os.execvpe(order["argv"][0], order["argv"], order["env"])


def exit_code(line: socket.socket, child: int, bell: int) -> int | None:
    """Wait until the child ends and return its exit code. Reap all other processes. Return None if the host ended."""
    poll = select.poll()
    for each in (line.fileno(), bell):
        poll.register(each, select.POLLIN)
    while True:
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == child:
                    code = os.waitstatus_to_exitcode(ended[1])
                    return code if code >= 0 else 128 - code
        ready = {each for each, _ in poll.poll()}
        if line.fileno() in ready:
            return None
        with suppress(BlockingIOError):
            os.read(bell, 4096)


def main() -> None:
    """Connect to the socket named in the arguments, and execute the order."""
    dumpable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    bell, ring = os.pipe()
    os.set_blocking(bell, False)
    os.set_blocking(ring, False)
    signal.set_wakeup_fd(ring, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line.connect(sys.argv[1])
    folders = [os.open(folder, _FOLDER) for folder in sys.argv[2:]]
    socket.send_fds(line, [b"here"], folders)
    for folder in folders:
        os.close(folder)
    room = socket.CMSG_SPACE((STREAMS + 1) * _INT_BYTES)
    packet, given, _, _ = line.recvmsg(1, room, socket.MSG_CMSG_CLOEXEC)  # recv_fds would let the command inherit them
    if not packet:
        os._exit(1)
    *streams, order = array.array("i", given[0][2])
    with os.fdopen(order, "rb") as file:
        told = json.load(file)
    try:
        if told["first"]:
            line.send(b"runs")
            become(told, streams, line)
        child = start(told, streams)
    except OSError as error:
        line.send(b"failed " + str(error).encode()[:REASON_CHARS_MAX])
        os._exit(1)
    for stream in streams:
        os.close(stream)
    line.send(b"runs")
    code = exit_code(line, child, bell)
    if code is not None:
        with suppress(OSError):
            line.send(f"exit {code}".encode())
            line.recv(1)
    os._exit(0)


if __name__ == "__main__":
    main()
