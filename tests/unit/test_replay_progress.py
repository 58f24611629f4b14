"""The lines of progress of a replay: not too many, with the rate and the remaining time."""

import re
import time

import pytest

from director.services import replay


def test_lines_show_the_rate_and_the_remaining_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now, lines = [100.0], list[str]()
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    progress = replay.ProgressLines(lines.append, "rows are compared")
    for done in range(1000, 100_001, 1000):
        now[0] += 0.1
        progress(done, 100_000)
    assert lines[0] == "21,000 of 100,000 events, 10,000 events/s, 8 s left"
    assert lines[-1] == "100,000 of 100,000 events, 10,000 events/s; now the rows are compared"
    assert len(lines) == 5


def test_a_short_replay_shows_no_line() -> None:
    lines: list[str] = []
    progress = replay.ProgressLines(lines.append, "rows are compared")
    for done in (250, 500):
        progress(done, 500)
    assert lines == []


def test_no_number_divides_by_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(replay, "PROGRESS_S", 0.0)
    replay.ProgressLines(lines.append, "rows are compared")(0, 10)
    assert lines == []
    assert not any(re.search("inf|nan", line) for line in lines)
