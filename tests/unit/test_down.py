"""The output of `aura down` agrees with the state that it found."""

from pathlib import Path

import pytest

from bus.embedded.stack import ChildStatus, StackStatus
from director.cli.stack_text import stopped_data, stopped_text
from director.deployment.stop_report import report_of
from director.services.bring_down import bring_down
from director.settings import Settings

SERVING: dict[str, int | None] = {"nats": None, "postgres": None, "model": None}
"""Child process -> None if it lives, or its exit status."""


def stack(children: dict[str, int | None], *, running: bool = True, alive: bool = True) -> StackStatus:
    return StackStatus(
        running=running,
        endpoints=None,
        children=tuple(
            ChildStatus(name, 7, alive and ended is None, True, 0, None, ended, "") for name, ended in children.items()
        ),
        home="",
        nats_data=None,
        postgres_data=None,
        supervisor_pid=None,
        supervisor_log="",
    )


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            {"organisation": None},
            {"organisation": 0},
            "Stopped: the recorder and all consumers were drained to the same sequence.",
        ),
        (
            {"organisation": 69},
            {"organisation": 69},
            "The organisation had already ended (exit code 69); ser",
        ),
        (
            {"organisation": 0},
            {"organisation": 0},
            "The organisation had already ended (exit code 0); ser",
        ),
        ({"hr": -9}, {"hr": -9}, "The hr had already ended (killed by SIGKILL); servers stopped."),
        ({"hr": None}, {"hr": -9}, "The hr was killed by SIGKILL while it stopped; servers stopped."),
        (
            {"nats": -11, "manager": 1, "hr": None},
            {"nats": -11, "manager": 1, "hr": 0},
            "Nats had already ended (killed by SIGSEGV); the manager had already ended (exit code 1); servers stopped.",
        ),
        ({"nats": None, "hr": None}, {"nats": -15, "postgres": -2, "model": -15, "hr": 0}, "Stopped: the recorder"),
        ({"model": 1, "hr": None}, {"hr": 0}, "Stopped: the recorder"),
    ],
)
def test_it_says_drained_only_when_all_ended_in_order(
    before: dict[str, int | None], after: dict[str, int | None], said: str
) -> None:
    report = report_of(stack(SERVING | before), stack(SERVING | after, alive=False))
    assert stopped_text(report).startswith(said)
    assert report.drained is said.startswith("Stopped")
    assert report.drained is not bool(report.found)
    assert stopped_data(report) == {"running": False, "drained": report.drained, "found": report.found}


def test_what_a_dead_supervisor_left_was_not_drained() -> None:
    left = stack({"nats": None, "organisation": None}, running=False)
    report = report_of(left, left)
    assert stopped_text(report).startswith(
        "The supervisor had died, and nats, organisation still ran; servers stopped."
    )
    assert report.drained is False


async def test_a_home_where_nothing_runs_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURA_HOME", str(tmp_path / "home"))
    report = await bring_down(Settings())
    assert stopped_text(report) == f"Nothing runs in {tmp_path / 'home'}."
    assert (report.was_running, report.drained) == (False, None)
    assert stopped_data(report) == {"running": False}
    assert not (tmp_path / "home").exists(), "a question makes nothing"
