"""Sessions in words: the limits of an employee, and the end of an attempt."""

from typing import Any

import pytest
from msgspec.structs import replace

from agents.employees.call_errors import ATTEMPT_HINTS, HINTS, hint_of
from director.cli.staff_text import hired_text
from director.terminal.event_text import Story
from domain import task
from tests.unit.samples import happened
from tests.unit.test_projections import recorded

HIRED: dict[str, Any] = {
    "change": "hired",
    "name": "ada",
    "employee": "e",
    "version": "12345678",
    "call_usd_max": 0,
    "suspended": "",
    "note": "",
    "session": {"calls_max": 60, "minutes": 30.0, "tokens_max": 1000000, "usd_max": 1},
}


def test_a_hire_says_the_limits_of_sessions() -> None:
    assert "A session has at most 60 calls, 30 minutes, 1000000 tokens and 1.00 USD." in hired_text(HIRED)
    assert "session" not in hired_text({**HIRED, "session": None}), "control"


@pytest.mark.parametrize("form", ["session", "answer"])
def test_the_end_of_a_session_is_told_as_one(form: Any) -> None:
    story = Story()
    assigned, end = happened("task.assigned", "task.attempt_ended")
    assert isinstance(assigned, task.Assigned)
    beginning = recorded(1, replace(assigned, form=form))
    story.hear(beginning)
    told = story.tell(beginning)
    assert (", in a session" in told) == (form == "session")
    said = story.tell(recorded(2, end))
    assert ("the session of ? ended without work (no_code)" in said) == (form == "session")
    assert ("the call of ? failed (no_code)" in said) == (form == "answer")


def test_every_end_of_a_session_has_a_remedy() -> None:
    ends = ("stuck", "calls_used_up", "reservation_used_up", "lease_ended", "box_ended", "no_box", "bad_hand_in")
    assert all(hint_of(end) for end in ends)
    assert not ATTEMPT_HINTS.keys() & HINTS.keys()
