"""The parts of a trial of an employee that run no code: its question, the effort from events, and its report."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from director.reports.employee_trial import result_line, trial_text
from director.services.employee_trial import effort_of
from domain.message import Event, Recorded
from domain.tree import Tree
from tests.histories import RIGHT, SHAPES
from tests.unit.samples import RUN, SUBMITTED, happened
from tests.unit.test_projections import recorded
from verification.backtest.answer_lines import LEFT_OUT, without_answer
from verification.backtest.employee_results import Effort, EmployeeResult, report_of

BEFORE, AFTER = Tree({"shapes.py": SHAPES.encode()}), Tree({"shapes.py": RIGHT.encode()})
SECOND_US = 1_000_000


def test_the_message_of_a_commit_does_not_give_its_code_away() -> None:
    code = "    return   width * height\n+    return width * height"
    told = without_answer(f"Multiply for the area\n\nIt was a sum. Now:\n\n{code}\n\nFixes #3", BEFORE, AFTER)
    assert told == f"Multiply for the area\n\nIt was a sum. Now:\n\n{LEFT_OUT}\n\nFixes #3"


@pytest.mark.parametrize(
    "message",
    [
        "It was `return width + height`, which is a sum",  # code of the parent
        "Use width * height",  # shorter than a whole line of the change
        "Say more\n\n- in the README",
    ],
)
def test_other_lines_of_a_message_stay(message: str) -> None:
    assert without_answer(message, BEFORE, AFTER) == message


def test_a_line_of_a_text_file_is_no_answer() -> None:
    """A change log often repeats the message."""
    after = Tree({**AFTER, "CHANGES.md": b"- Multiply for the area of a shape\n"})
    message = "- Multiply for the area of a shape"
    assert without_answer(message, BEFORE, after) == message


def log(*events: Event) -> list[Recorded]:
    """Return events that happen one second after another, each in the run of the samples."""
    entries = [recorded(seq, event) for seq, event in enumerate(events, start=1)]
    return [
        replace(entry, envelope=replace(entry.envelope, run=RUN, occurred_at=entry.seq * SECOND_US))
        for entry in entries
    ]


def test_the_effort_of_a_run_is_read_from_its_events() -> None:
    rejected = (*SUBMITTED, *happened("task.rejected"))
    again = happened("task.assigned", "task.call_started", "task.call_finished", "task.submitted", "task.verified")
    whole = log(*rejected, *again, *happened("run.merged", "run.verified"))
    effort = effort_of(whole)
    assert (effort.attempts, effort.calls) == (2, 2)
    assert (effort.work_s, effort.verdict_s) == (6.0, 3.0)
    (receipt,) = happened("task.call_finished")
    assert (effort.usd, effort.tokens) == (2 * receipt.charged.usd, 2 * receipt.charged.tokens)  # type: ignore[attr-defined]


def test_a_void_event_is_no_effort() -> None:
    whole = log(*SUBMITTED)
    assert effort_of(whole).attempts == 1
    assert effort_of([replace(entry, void="the run had ended") for entry in whole]) == Effort()


SOLVED = EmployeeResult(
    commit="c" * 40,
    parent="p" * 40,
    subject="Fix <it>\x1b[31m",
    run=RUN,
    verified=True,
    effort=Effort(attempts=1, calls=7, tokens=9000, usd=Decimal("0.0125"), work_s=8.25, verdict_s=15),
)
REFUSED = replace(SOLVED, commit="d" * 40, verified=False, reason="Task T1: no verified answer in 2 attempts")
LEFT = EmployeeResult(commit="e" * 40, parent="p" * 40, subject="Docs", excluded="it changes no code")


def test_the_table_has_a_line_for_each_commit_and_the_totals() -> None:
    text = trial_text(report_of("/repo", "ada", [SOLVED, REFUSED, LEFT]))
    head, solved, refused, left, total = text.strip().splitlines()[:5]
    assert head.split()[-3:] == ["verdict", "s", "USD"]
    assert solved.split()[-6:] == ["1", "7", "9000", "8.2", "15.0", "0.0125"]
    assert "not verified" in refused
    assert left.split()[-2:] == ["not", "asked"]
    assert total.split() == ["2", "14", "18000", "16.5", "30.0", "0.0250"]
    assert "dddddddddd: Task T1: no verified answer in 2 attempts" in text
    assert text.endswith("ada solved 1 of 2 changes.")
    assert "\x1b" not in text


def test_progress_names_the_outcome_and_the_reason() -> None:
    assert result_line(SOLVED, 1, 3).endswith(": verified; 1 attempt, 7 calls")
    assert "not verified: Task T1" in result_line(REFUSED, 2, 3)
    assert result_line(LEFT, 3, 3).endswith(": not asked, it changes no code")


def test_a_trial_without_a_question_says_so() -> None:
    assert trial_text(report_of("/repo", "ada", [LEFT])).endswith("no commit could be judged on this machine.")
