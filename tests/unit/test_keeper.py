"""The keeper outside a box: it must do nothing, because it ends every process that it can reach."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from verification.in_box import keeper

WAIT_S = 60


def test_it_refuses_to_run_outside_a_box() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        command = [sys.executable, "-I", "-S", str(Path(keeper.__file__))]
        done = subprocess.run(command, stdin=theirs.fileno(), capture_output=True, timeout=WAIT_S, check=False)
        assert done.returncode == 1
        assert b"only as the first process of a box" in done.stderr
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
        ours.close()
        theirs.close()


@pytest.mark.parametrize("head", [0, 1, 7, 100])
@pytest.mark.parametrize("tail", [0, 1, 7, 100])
@pytest.mark.parametrize("piece", [1, 3, 64])
def test_the_first_and_the_last_bytes_are_kept(head: int, tail: int, piece: int) -> None:
    for size in (0, 1, head, head + 1, head + tail, head + tail + 1, 1000):
        content = bytes(number % 251 for number in range(size))
        output = keeper.Output(head, tail)
        for begin in range(0, size, piece):
            output.add(content[begin : begin + piece])
        assert output.total == size
        assert bytes(output.head) == content[:head]
        rest = content[head:]
        assert output.tail == rest[max(0, len(rest) - tail) :]
