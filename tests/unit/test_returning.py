"""A run whose base has new commits goes back to work. Fitting tasks stay verified, conflicting tasks are open again."""

import pytest
from msgspec.structs import replace

from domain import run_messages as m
from domain.errors import Conflict, Invalid, LimitReached, Refused
from domain.returning import CONFLICT, attempts_used
from domain.run import RunState, files_of
from domain.task import TaskState
from domain.tree import Entry
from tests.unit.given import decide, fold, given
from tests.unit.runs import ASSIGN, RETURN, before
from tests.unit.samples import (
    AT,
    COMMAND,
    EVIDENCE,
    FILES,
    FIRST,
    ORDER,
    OTHER_TREE,
    RUN,
    SECOND,
    TREE,
    happened,
    uuid,
)

DELIVERED = before("run.approved")
ALONE = replace(RETURN, conflicts={}, files=())
MERGE = m.Merge(id=COMMAND, at=AT, run=RUN, tree=TREE)


def after(command: m.Return) -> RunState:
    state: RunState = fold("run", *DELIVERED, *decide(command, *DELIVERED))
    return state


def test_a_delivered_run_goes_back_with_what_conflicts() -> None:
    given(*DELIVERED).when(RETURN).then(*happened("run.returned"))
    for early in ("run.verified", "run.delivered"):
        given(*before(early)).when(RETURN).refused(Refused, "The run is")
    given(*before("run.released")).when(RETURN).refused(Conflict, "and cannot be decided again")
    given(*DELIVERED, *happened("run.ended")).when(RETURN).refused(Conflict, "The run is ended")


def test_it_is_about_the_delivered_commit_and_another_base() -> None:
    given(*DELIVERED).when(replace(RETURN, commit="d" * 40)).refused(Conflict, "delivered a newer commit")
    given(*DELIVERED).when(replace(RETURN, base_commit="1" * 40)).refused(Invalid, "already based on that commit")
    given(*DELIVERED).when(replace(RETURN, conflicts={uuid(99): ("x",)})).refused(Invalid, "has no task")
    assert decide(RETURN, *DELIVERED), "control"


def test_a_run_without_a_base_cannot_go_back() -> None:
    (submitted,) = happened("run.submitted")
    based = {"base_tree": None, "base_repo": None, "base_commit": None, "base_ref": None, "base_history": None}
    plain = tuple(replace(event, **based) if event == submitted else event for event in DELIVERED)
    given(*plain).when(RETURN).refused(Refused, "has no base")


def test_what_conflicts_is_open_again_and_told_so() -> None:
    state = after(RETURN)
    second = state.tasks[SECOND]
    assert (state.phase, state.tree, state.commit, state.returns) == ("planned", None, None, 1)
    assert (second.phase, second.files, second.tree, second.evidence) == ("waiting", {}, None, None)
    assert [(found.kind, found.path, found.integrity) for found in second.findings] == [(CONFLICT, "b.py", False)]
    assert "b.py was changed in the base" in second.findings[0].for_author


def test_what_fits_stays_verified_on_top_of_the_new_base() -> None:
    state = after(RETURN)
    assert state.submitted is not None
    assert (state.submitted.base_commit, state.submitted.base_tree) == ("2" * 40, OTHER_TREE)
    assert state.submitted.base_ref == "main"
    assert state.tasks[FIRST].phase == "verified"
    assert files_of(state) == {**FILES, "a.py": Entry(kind="file", digest=EVIDENCE)}


def test_without_a_conflict_it_is_merged_and_judged_again() -> None:
    events = (*DELIVERED, *decide(ALONE, *DELIVERED))
    (merged,) = decide(MERGE, *events)
    assert isinstance(merged, m.Merged)
    assert merged.files == files_of(fold("run", *DELIVERED))
    given(*DELIVERED, *decide(RETURN, *DELIVERED)).when(MERGE).refused(Refused, "Tasks T2 are not verified")


def test_who_builds_on_what_conflicts_is_open_again_too() -> None:
    both = replace(RETURN, conflicts={FIRST: ("a.py",)}, files=(m.TaskFiles(task=SECOND, files={}),))
    (event,) = decide(both, *DELIVERED)
    assert isinstance(event, m.Returned)
    assert (event.tasks, event.files) == ((FIRST, SECOND), ())
    assert {task.phase for task in after(both).tasks.values()} == {"waiting"}


def test_attempts_of_before_do_not_count_and_the_minutes_begin_again() -> None:
    late = replace(RETURN, at=AT + 10**15)
    state = after(late)
    task: TaskState = state.tasks[SECOND]
    assert (task.attempts, attempts_used(task)) == (1, 0)
    assert state.due_at > late.at
    again = replace(ASSIGN, task=SECOND, at=late.at, due_at=late.at + 1, order=ORDER)
    events = (*DELIVERED, *decide(late, *DELIVERED))
    for attempt in (2, 3):
        assigned, *_ = decide(replace(again, attempt=attempt), *events)  # a warning about the budget may follow
        (released,) = happened("task.released")
        events = (*events, assigned, replace(released, task=SECOND))
    given(*events).when(replace(again, attempt=4)).refused(LimitReached, "Task T2 had 2 attempts")
    early = (*DELIVERED, *decide(RETURN, *DELIVERED))
    given(*early).when(replace(again, attempt=2)).refused(LimitReached, "minutes are used up")


@pytest.mark.parametrize("command", [ALONE, RETURN])
def test_it_names_the_blobs_that_it_needs(command: m.Return) -> None:
    (event,) = decide(command, *DELIVERED)
    assert event.blobs() == tuple(sorted({OTHER_TREE, "f" * 64, *([EVIDENCE] if command is RETURN else [])}))
