"""What `aura down` says is what it found."""

import pytest

from bus.embedded.stack import ChildStatus, StackStatus
from director.deployment.stop_report import findings, stopped

SERVING: dict[str, int | None] = {"nats": None, "postgres": None, "model": None}
"""Children that live; an exit status: one that does not."""


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
        ({"organisation": None}, {"organisation": 0}, "Stopped: recorder and consumers drained to one sequence."),
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
        ({"nats": None, "hr": None}, {"nats": -15, "postgres": -2, "model": -15, "hr": 0}, "Stopped: recorder"),
        ({"model": 1, "hr": None}, {"hr": 0}, "Stopped: recorder"),
    ],
)
def test_it_says_drained_only_when_all_ended_in_order(
    before: dict[str, int | None], after: dict[str, int | None], said: str
) -> None:
    found = findings(stack(SERVING | before), stack(SERVING | after, alive=False))
    data, text = stopped(found)
    assert text.startswith(said)
    assert data["drained"] is said.startswith("Stopped")
    assert data["found"] == found


def test_what_a_dead_supervisor_left_was_not_drained() -> None:
    left = stack({"nats": None, "organisation": None}, running=False)
    data, text = stopped(findings(left, left))
    assert text.startswith("The supervisor had died and left nats, organisation behind; servers stopped.")
    assert data["drained"] is False
