"""The keeper of a session's box. It runs one command after another, and ends every process that a command leaves.

It uses only the standard library. Its standard input is a packet socket. The worker sends `run NUMBER` with the
descriptor of a file that contains the order (JSON), and `stop NUMBER REASON` to end a command early. A second
descriptor becomes the standard input of the command; otherwise it is empty. For each command the keeper answers with
one packet (JSON), and with the beginning and the end of the output in further packets.

Each command runs as a session of its own. When its first process ends, the keeper kills every other process of the box:
background processes, daemons, and processes that ignore signals. So nothing runs between two commands. The keeper is
the first process of the box, so no other process of the box can kill or stop it, and every process whose parent has
ended becomes its child. The commands run as the same user, therefore other processes may not inspect the keeper, and no
command inherits the socket. When the worker closes the socket, the box ends.
"""

import array
import ctypes
import json
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import Any

PACKET_BYTES_MAX = 32768
WORDS_BYTES_MAX = 256
ANCILLARY_BYTES_MAX = socket.CMSG_SPACE(8)  # two descriptors: the order, and a standard input
READ_BYTES = 65536
REASON_CHARS_MAX = 300
KILL_WAIT_S = 10.0  # limit from the kill of all processes until the last one has ended
KILL_EVERY_S = 0.05
UMASK = 0o022  # of all commands, independent of the worker's
EXIT_NOT_ENDED = 3  # exit status of the keeper if a process did not end after its kill
_SET_DUMPABLE = 4  # option of prctl; 0 stops commands, which run as the same user, from reading and writing our memory
_FIRST_VICTIM = b"1000"  # when memory runs out, the kernel kills a process of the command, not the keeper
_KEEPER_SCORES = (b"0", b"500")  # the first value that the system permits
_MENDED = (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD)


class HungUp(Exception):
    """Error raised when the worker has closed the socket."""


class Output:
    """The first and the last bytes of a command's output, and the number of all its bytes."""

    def __init__(self, head_max: int, tail_max: int) -> None:
        self.head = bytearray()
        self.total = 0
        self._head_max = head_max
        self._tail_max = tail_max
        self._tail = bytearray()

    def add(self, piece: bytes) -> None:
        self.total += len(piece)
        room = self._head_max - len(self.head)
        self.head += piece[:room]
        self._tail += piece[room:]
        if len(self._tail) > 2 * self._tail_max:
            del self._tail[: len(self._tail) - self._tail_max]

    @property
    def tail(self) -> bytes:
        return bytes(self._tail[max(0, len(self._tail) - self._tail_max) :])


class Bell:
    """A pipe that becomes readable when a child process ends."""

    def __init__(self) -> None:
        self.reading, ring = os.pipe()
        os.set_blocking(self.reading, False)
        os.set_blocking(ring, False)
        signal.set_wakeup_fd(ring, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def silence(self) -> None:
        with suppress(BlockingIOError):
            os.read(self.reading, 4096)


class Scores:
    """The scores by which the kernel chooses a victim when memory runs out. Make it before inspection is forbidden."""

    def __init__(self) -> None:
        self._file = -1
        with suppress(OSError):
            self._file = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        for self._own in _KEEPER_SCORES:
            if self._set(self._own):
                break

    def __enter__(self) -> None:
        """Use the score of a command. A new process inherits it."""
        self._set(_FIRST_VICTIM)

    def __exit__(self, *_: object) -> None:
        self._set(self._own)

    def _set(self, score: bytes) -> bool:
        try:
            return os.write(self._file, score) > 0
        except OSError:
            return False


class Command:
    """One command, from its start to the end of all its processes."""

    def __init__(self, number: int, order: dict[str, Any], source: int = 0) -> None:
        self.number = number
        self.stopped = ""  # the reason of the worker, or "timeout"
        self.status: int | None = None  # wait status of the first process
        self.left = 0  # number of processes that the keeper had to kill after the first one had ended
        self.output = Output(int(order["head"]), int(order["tail"]))
        self.pid = 0
        self._order, self._source = order, source
        self._began = time.monotonic()
        self.seconds = 0.0

    def start(self, scores: Scores) -> None:
        """Start the first process. Raises OSError or ValueError if the command cannot be executed."""
        self._reading, writing = os.pipe()
        try:
            os.set_blocking(self._reading, False)
            os.chdir(self._order["folder"])
            argv = self._order["argv"]
            streams = [(os.POSIX_SPAWN_DUP2, *pair) for pair in ((self._source, 0), (writing, 1), (writing, 2))]
            with scores:
                self.pid = os.posix_spawnp(
                    argv[0], argv, os.environ, file_actions=streams, setsid=True, setsigmask=(), setsigdef=_MENDED
                )
        except BaseException:
            os.close(self._reading)
            raise
        finally:
            os.close(writing)

    def watch(self, door: socket.socket, bell: Bell) -> None:
        """Wait until the first process has ended, the time is over, or the worker stops the command. Raises HungUp."""
        poll = select.poll()
        for each in (door.fileno(), self._reading, bell.reading):
            poll.register(each, select.POLLIN)
        until = self._began + float(self._order["wall_s"])
        while self.status is None and not self.stopped:
            left_s = until - time.monotonic()
            if left_s <= 0:
                self.stopped = "timeout"
            ready = {each for each, _ in poll.poll(max(0.0, left_s) * 1000)}
            if self._reading in ready and not self._read():
                poll.unregister(self._reading)
            if bell.reading in ready:
                bell.silence()
                self._reap()
            if door.fileno() in ready:
                self._hear(door)

    def _hear(self, door: socket.socket) -> None:
        words, descriptors = received(door)
        close_all(descriptors)
        if len(words) == 3 and words[0] == "stop" and words[1] == str(self.number):
            self.stopped = words[2]

    def _read(self) -> bool:
        """Read available output. Return False at the end of the output."""
        try:
            piece = os.read(self._reading, READ_BYTES)
        except BlockingIOError:
            return True
        self.output.add(piece)
        return bool(piece)

    def _reap(self, *, killed: bool = False) -> bool:
        """Reap the processes that have ended. Return whether there is any other process."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return True
                if pid == self.pid and self.status is None:
                    self.status = status
                elif killed:
                    self.left += os.WIFSIGNALED(status)
        except ChildProcessError:
            return False

    def end(self, bell: Bell) -> None:
        """Kill all other processes of the box, wait for their end, and read the rest of the output."""
        until = time.monotonic() + KILL_WAIT_S
        poll = select.poll()
        poll.register(bell.reading, select.POLLIN)
        self._reap()
        while True:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(-1, signal.SIGKILL)
            if not self._reap(killed=True):
                break
            if time.monotonic() > until:
                os._exit(EXIT_NOT_ENDED)  # the box ends with the keeper
            poll.poll(KILL_EVERY_S * 1000)
            bell.silence()
        self.seconds = time.monotonic() - self._began
        with suppress(BlockingIOError):
            while piece := os.read(self._reading, READ_BYTES):
                self.output.add(piece)
        os.close(self._reading)

    def report(self) -> dict[str, Any]:
        assert self.status is not None
        code = os.waitstatus_to_exitcode(self.status)
        return {
            "number": self.number,
            "reason": self.stopped or ("exit" if code >= 0 else "signal"),
            "code": code if code >= 0 else None,
            "signal": -code if code < 0 else None,
            "seconds": self.seconds,
            "left": self.left,
            "head": len(self.output.head),
            "tail": len(self.output.tail),
            "bytes": self.output.total,
        }


def received(door: socket.socket) -> tuple[list[str], list[int]]:
    """Return the words and the descriptors of the next packet. Raises HungUp if the worker has closed the socket."""
    packet, ancillary, _, _ = door.recvmsg(WORDS_BYTES_MAX, ANCILLARY_BYTES_MAX, socket.MSG_CMSG_CLOEXEC)
    if not packet:
        raise HungUp
    descriptors = [each for part in ancillary for each in array.array("i", part[2][: len(part[2]) // 4 * 4])]
    return packet.decode().split(), descriptors


def close_all(descriptors: list[int]) -> None:
    for each in descriptors:
        os.close(each)


def refusal(number: int, why: str) -> list[bytes]:
    return [json.dumps({"number": number, "reason": "not_started", "why": why}).encode()]


def execute(door: socket.socket, number: int, descriptors: list[int], bell: Bell, scores: Scores) -> list[bytes]:
    """Run one command. Return the packets of the answer: its report, then its output. Raises HungUp."""
    if not descriptors:  # a command has lowered our limit of open files
        return refusal(number, "the order was not received")
    with os.fdopen(descriptors[0], "rb", closefd=False) as file:
        order = json.load(file)
    command = Command(number, order, *descriptors[1:2])
    try:
        command.start(scores)
    except (OSError, ValueError) as error:
        return refusal(number, str(error)[:REASON_CHARS_MAX])
    try:
        command.watch(door, bell)
    finally:
        command.end(bell)
    output = bytes(command.output.head) + command.output.tail
    pieces = [output[begin : begin + PACKET_BYTES_MAX] for begin in range(0, len(output), PACKET_BYTES_MAX)]
    return [json.dumps(command.report()).encode(), *pieces]


def serve(door: socket.socket, bell: Bell, scores: Scores) -> None:
    """Execute orders until the worker closes the socket."""
    door.send(b"ready")
    while True:
        words, descriptors = received(door)
        answer: list[bytes] = []
        if len(words) == 2 and words[0] == "run":  # not a `stop` that came after the end of its command
            answer = execute(door, int(words[1]), descriptors, bell, scores)
        close_all(descriptors)  # before the answer: whoever has the answer knows that nothing of the order is open
        for packet in answer:
            door.send(packet)


def main() -> None:
    """Prepare this process, then execute orders."""
    if os.getpid() != 1:
        sys.exit("The keeper ends all processes that it can reach, so it runs only as the first process of a box.")
    door = socket.socket(fileno=os.dup(0))
    for name in os.listdir("/proc/self/fd"):  # in a container we inherit a socket that no command may have
        with suppress(OSError):  # the descriptor of this listing is closed already
            os.set_inheritable(int(name), int(name) <= 2)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.umask(UMASK)
    scores = Scores()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    with suppress(HungUp, ConnectionError):
        serve(door, Bell(), scores)
    os._exit(0)


if __name__ == "__main__":
    main()
