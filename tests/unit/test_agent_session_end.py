"""The end of a coding agent becomes the end of its session."""

from typing import Any

import pytest

from agents.cli_agents.agent_run import AgentResult
from agents.permits import ENDS_ATTEMPT, PermitRefused, TakenElsewhere
from agents.workers.agent_session import AGENT_FAILED, end_of
from agents.workers.gateway_permits import TAKEN_ELSEWHERE


def ended(end: str, **changes: Any) -> AgentResult:
    fields = {"exit_code": None, "signal": None, "output": "the last line", "wall_s": 1.0, "refused": (), **changes}
    return AgentResult(end=end, **fields)  # type: ignore[arg-type]  # an end


def test_only_exit_status_0_is_an_answer() -> None:
    assert end_of("small", ended("exit", exit_code=0)).outcome == "answered"
    failed = end_of("small", ended("exit", exit_code=3))
    assert failed.outcome == AGENT_FAILED
    assert failed.message == "small ended with exit status 3. Its last output: the last line"


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (ended("used_up", code="reservation_used_up"), "reservation_used_up"),
        (ended("used_up", code="calls_used_up"), "calls_used_up"),
        (ended("timeout"), "lease_ended"),
        (ended("not_permitted", code="lease_ended", why="The lease ended."), "lease_ended"),
    ],
)
def test_an_agent_without_time_or_budget_hands_in_its_work(result: AgentResult, outcome: str) -> None:
    assert end_of("small", result).outcome == outcome
    assert outcome in ENDS_ATTEMPT


@pytest.mark.parametrize("end", ["signal", "memory", "file_limit", "not_started"])
def test_another_end_is_a_failure_with_its_reason(end: str) -> None:
    result = end_of("small", ended(end, signal=9, why="no such file"))
    assert result.outcome == AGENT_FAILED
    assert result.message.startswith("small ")


def test_a_lost_box_is_named() -> None:
    result = end_of("small", ended("box_ended", why="its keeper has ended"))
    assert (result.outcome, "its keeper has ended" in result.message) == ("box_ended", True)


def test_a_refused_permit_ends_the_order() -> None:
    with pytest.raises(PermitRefused, match="The run has ended"):
        end_of("small", ended("not_permitted", code="run_ended", why="The run has ended."))
    with pytest.raises(TakenElsewhere):
        end_of("small", ended("not_permitted", code=TAKEN_ELSEWHERE, why="Another worker."))


def test_a_long_output_is_one_line_of_bounded_length() -> None:
    message = end_of("small", ended("exit", exit_code=1, output="x\n" * 10_000)).message
    assert "\n" not in message
    assert len(message) < 800
