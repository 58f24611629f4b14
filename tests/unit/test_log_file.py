"""The log of a process stays within its size limits while the process writes, and older files are read, too."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from bus.embedded.child import log_tail
from bus.embedded.home import Home
from bus.embedded.log_file import LogLimits, last_lines, rotate
from bus.embedded.supervisor import Logs
from director.cli.main import main
from director.services.process_logs import logs_of
from director.settings import Settings
from domain.errors import Invalid, NotFound

SMALL = LogLimits(bytes_max=100, files_max=2)


def write(path: Path, first: int, count: int) -> None:
    with path.open("a") as file:
        file.writelines(f"line {number}\n" for number in range(first, first + count))


def test_a_log_at_its_limit_stays_and_a_larger_one_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "hr.log"
    assert not rotate(path, SMALL), "there is none yet"
    path.write_bytes(b"x" * 100)
    assert not rotate(path, SMALL)
    path.write_bytes(b"x" * 101)
    assert rotate(path, SMALL)
    assert path.read_bytes() == b""
    assert (tmp_path / "hr.log.1").read_bytes() == b"x" * 101
    assert sorted(os.listdir(tmp_path)) == ["hr.log", "hr.log.1"]


def test_only_so_many_older_ones_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "hr.log"
    for content in (b"a", b"b", b"c", b"d"):
        path.write_bytes(content * 200)
        assert rotate(path, SMALL)
    assert {name: (tmp_path / name).read_bytes()[:1] for name in os.listdir(tmp_path)} == {
        "hr.log": b"",
        "hr.log.1": b"d",
        "hr.log.2": b"c",
    }
    path.write_bytes(b"e" * 200)
    assert rotate(path, LogLimits(bytes_max=100, files_max=0))
    assert (path.read_bytes(), (tmp_path / "hr.log.1").read_bytes()[:1]) == (b"", b"d")


def test_a_process_that_writes_goes_on_in_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "hr.log"
    said = "import sys\nfor line in sys.stdin: sys.stdout.write(line); sys.stdout.flush(); sys.stderr.write('ok\\n')"
    with path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", said], stdin=subprocess.PIPE, stdout=log, stderr=subprocess.PIPE, text=True
        )
    assert process.stdin is not None
    assert process.stderr is not None
    for number in range(30):
        process.stdin.write(f"line {number}\n")
        process.stdin.flush()
        process.stderr.readline()
        rotate(path, SMALL)
    process.stdin.close()
    process.wait()
    process.stderr.close()
    kept = [(tmp_path / name).read_text() for name in ("hr.log.2", "hr.log.1", "hr.log")]
    lines = "".join(kept).splitlines()
    assert lines == [f"line {number}" for number in range(30 - len(lines), 30)]
    assert all(len(text) <= 110 for text in kept)
    assert b"\0" not in path.read_bytes()


def test_a_disk_that_is_full_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hr.log"
    path.write_bytes(b"x" * 101)

    def full(_source: Path, target: Path) -> None:
        target.write_bytes(b"x")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copy", full)
    with pytest.raises(OSError, match="No space left"):
        rotate(path, SMALL)
    assert os.listdir(tmp_path) == ["hr.log"]
    assert path.read_bytes() == b"x" * 101


def test_the_last_lines_are_read_over_the_border(tmp_path: Path) -> None:
    path = tmp_path / "hr.log"
    write(path, 0, 20)
    rotate(path, SMALL)
    write(path, 20, 3)
    assert last_lines(path, 5) == [f"line {number}" for number in range(18, 23)]
    assert log_tail(str(path), 3) == "line 20\nline 21\nline 22"
    assert last_lines(path, 99) == [f"line {number}" for number in range(23)]
    assert log_tail(str(tmp_path / "none.log")) == ""


def test_the_logs_of_processes_are_shown_over_the_border(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.ensure()
    write(home.logs / "nats.log", 0, 20)
    rotate(home.logs / "nats.log", SMALL)
    write(home.logs / "nats.log", 20, 1)
    line = '{"timestamp":"…","level":"error","role":"verifier","event":"failed","why":"no\\u001b[2J sandbox"}'
    (home.logs / "verifier.log").write_text(f"{line}\n")
    assert [(each.name, each.lines) for each in logs_of(tmp_path, lines_max=2)] == [
        ("nats", ("line 19", "line 20")),
        ("verifier", ("verifier failed: no\x1b[2J sandbox",)),
    ]
    (only,) = logs_of(tmp_path, "nats")
    assert only.lines[0] == "line 1"
    with pytest.raises(NotFound, match="No process 'hr'") as unknown:
        logs_of(tmp_path, "hr")
    assert unknown.value.hint == "Processes with a log: nats, verifier."
    assert logs_of(tmp_path / "nothing") == []


def test_aura_logs_prints_no_control_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path)
    home.ensure()
    (home.logs / "hr.log").write_text("said\x1b[2J this\n")
    monkeypatch.setenv("AURA_HOME", str(tmp_path))
    for arguments in (["logs"], ["logs", "hr", "--json"]):
        assert main(arguments) == 0
    text, data = capsys.readouterr().out.split("\n{", 1)
    assert "said<U+001B>[2J this" in text
    assert msgspec.json.decode("{" + data)["data"]["logs"][0]["name"] == "hr"


def test_the_supervisor_keeps_its_own_log_and_says_what_it_cannot_do_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "supervisor.log"
    own.write_bytes(b"x" * 101)
    logs = Logs([own], SMALL)
    logs.tend()
    logs.tend()
    assert own.read_bytes() == b""
    assert capsys.readouterr().out.count("supervisor.log was larger than 100 bytes and was emptied") == 1

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bus.embedded.supervisor.rotate", full)
    logs.tend()
    logs.tend()
    assert capsys.readouterr().out.count("is too large and cannot be emptied") == 1


def test_the_limits_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().log_limits() == LogLimits()
    monkeypatch.setenv("AURA_LOG_MIB", "2")
    monkeypatch.setenv("AURA_LOG_FILES", "0")
    assert Settings().log_limits() == LogLimits(bytes_max=2 * 1024**2, files_max=0)
    monkeypatch.setenv("AURA_LOG_MIB", "0")
    with pytest.raises(Invalid, match="AURA_LOG_MIB"):
        Settings()
