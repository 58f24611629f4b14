"""The file through which a Prometheus finds the processes of a home."""

import json
from pathlib import Path

from bus.embedded.process import ProcessId
from observability import prometheus_targets
from observability.process_registry import Presence
from observability.prometheus_targets import TARGETS_FILE


def at(name: str, url: str | None, *roles: str) -> Presence:
    return Presence(name=name, roles=roles or (name,), process=ProcessId(1, "now"), since=0.0, url=url)


def told(home: Path) -> dict[str, tuple[str, str]]:
    """Return name -> address and role."""
    found = json.loads((home / "run" / TARGETS_FILE).read_text())
    return {one["labels"]["name"]: (*one["targets"], one["labels"]["role"]) for one in found}


def test_each_process_enters_itself_and_takes_its_own_place(tmp_path: Path) -> None:
    prometheus_targets.enter(tmp_path, at("manager", "http://127.0.0.1:1001"))
    prometheus_targets.enter(tmp_path, at("employee-anna", "http://[::1]:1002", "employee:anna"))
    prometheus_targets.enter(tmp_path, at("manager", "http://127.0.0.1:1003"))
    assert told(tmp_path) == {
        "employee-anna": ("[::1]:1002", "employee"),
        "manager": ("127.0.0.1:1003", "manager"),
    }


def test_who_ends_in_order_leaves_and_another_of_its_name_stays(tmp_path: Path) -> None:
    former, present = at("hr", "http://127.0.0.1:1001"), at("hr", "http://127.0.0.1:1002")
    prometheus_targets.enter(tmp_path, former)
    prometheus_targets.enter(tmp_path, present)
    prometheus_targets.leave(tmp_path, former)
    assert told(tmp_path) == {"hr": ("127.0.0.1:1002", "hr")}
    prometheus_targets.leave(tmp_path, present)
    assert told(tmp_path) == {}


def test_who_tells_nothing_is_no_target(tmp_path: Path) -> None:
    prometheus_targets.enter(tmp_path, at("hr", "http://127.0.0.1:1001"))
    prometheus_targets.enter(tmp_path, at("hr", None))
    assert told(tmp_path) == {}


def test_what_does_not_read_is_written_anew_and_a_start_clears(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / TARGETS_FILE).write_text("{")
    prometheus_targets.enter(tmp_path, at("hr", "http://127.0.0.1:1001"))
    assert list(told(tmp_path)) == ["hr"]
    prometheus_targets.clear(tmp_path)
    assert told(tmp_path) == {}
