"""The line that makes the shell of a waiting box become a command, tried with real shells."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from verification.sandbox.base import RunSpec
from verification.sandbox.pooled_box import HANDED_BYTES_MAX, line_of, script_of

SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]
SHOWS = "import os, sys; print(ascii([sys.argv[1:], sorted(os.environ.items())]))"
EVERY_BYTE = os.fsdecode(bytes(range(1, 256)))


def shown(shell: str, spec: RunSpec, folder: Path) -> str:
    pipe = folder / "line"
    os.mkfifo(pipe)
    held = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    command = [*([shell, "sh"] if shell == "busybox" else [shell]), "-c", script_of(str(pipe)), "aura-start"]
    try:
        line = line_of(spec)
        assert line is not None
        assert line.count(b"\n") == 1
        os.write(held, line)
        plain = {"PATH": os.environ["PATH"], "PWD": str(folder)}
        done = subprocess.run(command, capture_output=True, env=plain, cwd=folder, timeout=60, check=True)
        assert done.stderr == b""
        return done.stdout.decode()
    finally:
        os.close(held)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "word", ["", "'", "\n", "a\n", "\n'\n", '$HOME `id` $(id) \\ \\n * ~ # ; & | " -n', EVERY_BYTE, "\u00fc\u2028"]
)
def test_every_word_and_every_value_arrives_unchanged(shell: str, word: str, tmp_path: Path) -> None:
    spec = RunSpec(argv=(sys.executable, "-I", "-c", SHOWS, word, "last"), env={"A": word, "B_1": "b"})
    given = {"PATH": os.environ["PATH"], "PWD": str(tmp_path), "A": word, "B_1": "b"}
    expected = subprocess.run(spec.argv, capture_output=True, env=given, cwd=tmp_path, timeout=60, check=True)
    kept, sought = (eval(text)[1] for text in (shown(shell, spec, tmp_path), expected.stdout.decode()))
    assert kept == sought
    assert eval(expected.stdout.decode())[0] == [word, "last"]


@pytest.mark.parametrize(
    "spec",
    [
        RunSpec(argv=()),
        RunSpec(argv=("-c", "x")),
        RunSpec(argv=("a\0b",)),
        RunSpec(argv=("a",), env={"a-b": "c"}),
        RunSpec(argv=("a",), env={"a;id;b": "c"}),
        RunSpec(argv=("a",), env={"a\n": "c"}),
        RunSpec(argv=("a", "x" * HANDED_BYTES_MAX)),
    ],
)
def test_what_a_line_cannot_express_gets_none(spec: RunSpec) -> None:
    assert line_of(spec) is None
    assert line_of(RunSpec(argv=("a", "-c"), env={"a_b": "c"})) == b'export a_b=c; exec "$@" a -c\n'
