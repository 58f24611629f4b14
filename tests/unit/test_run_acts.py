"""Acts of people on a run: comments, a return with comments, and an override."""

import pytest
from msgspec.structs import replace

from domain import run_act_messages as acts
from domain import run_messages as m
from domain.errors import Conflict, Invalid, LimitReached, NotFound, Refused
from domain.halt import BOXES_NAMED_MAX
from domain.message import Event
from domain.organisation import AcknowledgeHalt, HaltAcknowledged
from domain.planning import submitted
from domain.returning import attempts_used
from domain.run import MINUTE_US, RunState, files_of
from domain.run_acts import COMMENT_CHARACTERS_MAX, COMMENTS_CHARACTERS_MAX
from tests.unit.given import decide, fold, given
from tests.unit.runs import ADMIT, COMMENT, OVERRIDE, RETURN_WITH_COMMENTS, STAGES, SUBMIT, before
from tests.unit.samples import (
    AT,
    COMMAND,
    CONSENT,
    FILES,
    FIRST,
    GOOD,
    PLANNED,
    RUN,
    SECOND,
    TREE,
    happened,
    uuid,
)

DELIVERED = before("run.approved")
OVERRIDDEN = (*happened("organisation.founded"), *decide(OVERRIDE))
ON_ALL = replace(RETURN_WITH_COMMENTS, comments=(acts.TaskComment(text="shorter names"),))


def state_of(*events: Event) -> RunState:
    state: RunState = fold("run", *events)
    return state


def test_a_delivered_run_is_returned_with_comments() -> None:
    (commented,) = happened("run.commented")
    said, returned = decide(RETURN_WITH_COMMENTS, *DELIVERED)
    assert said == commented
    assert isinstance(returned, m.Returned)
    assert (returned.tasks, returned.base_commit, returned.commit) == ((SECOND,), None, "c" * 40)
    for early in ("run.verified", "run.delivered"):
        given(*before(early)).when(RETURN_WITH_COMMENTS).refused(Refused, "The run is")
    given(*before("run.released")).when(RETURN_WITH_COMMENTS).refused(Conflict, "cannot be decided again")
    given(*DELIVERED, *happened("run.ended")).when(RETURN_WITH_COMMENTS).refused(Conflict, "The run is ended")


def test_a_return_names_the_commit_that_was_seen_and_says_something() -> None:
    given(*DELIVERED).when(replace(RETURN_WITH_COMMENTS, commit="d" * 40)).refused(Conflict, "another commit")
    given(*DELIVERED).when(replace(RETURN_WITH_COMMENTS, comments=())).refused(Invalid, "needs a comment")
    for text in (" ", "x" * (COMMENT_CHARACTERS_MAX + 1)):
        empty = replace(RETURN_WITH_COMMENTS, comments=(replace(COMMENT, text=text),))
        given(*DELIVERED).when(empty).refused(Invalid, "A comment has 1 to")
    unknown = replace(RETURN_WITH_COMMENTS, comments=(replace(COMMENT, task=uuid(99)),))
    given(*DELIVERED).when(unknown).refused(NotFound, "has no task")
    assert decide(RETURN_WITH_COMMENTS, *DELIVERED), "control"


def test_the_commented_task_is_open_again_with_its_comment_and_new_attempts() -> None:
    state = state_of(*DELIVERED, *decide(replace(RETURN_WITH_COMMENTS, at=AT + 7), *DELIVERED))
    first, second = state.tasks[FIRST], state.tasks[SECOND]
    assert (state.phase, state.commit, state.returns, state.due_at) == ("planned", None, 1, AT + 7 + 20 * MINUTE_US)
    assert (second.phase, second.comments, second.files) == ("waiting", (COMMENT.text,), {})
    assert (second.attempts, attempts_used(second)) == (1, 0)
    assert (first.phase, first.comments, first.files) == ("verified", (), FILES)
    assert state.submitted is not None
    assert state.submitted.base_commit == "1" * 40, "the base stays as it was"


def test_tasks_that_build_on_a_commented_task_are_open_again() -> None:
    on_first = replace(RETURN_WITH_COMMENTS, comments=(replace(COMMENT, task=FIRST),))
    state = state_of(*DELIVERED, *decide(on_first, *DELIVERED))
    assert [task.phase for task in state.tasks.values()] == ["waiting", "waiting"]
    assert [task.comments for task in state.tasks.values()] == [(COMMENT.text,), ()]


def test_a_comment_without_a_task_is_on_all_tasks() -> None:
    state = state_of(*DELIVERED, *decide(ON_ALL, *DELIVERED))
    assert {(task.phase, task.comments) for task in state.tasks.values()} == {("waiting", ("shorter names",))}


def test_a_return_needs_money_that_is_left() -> None:
    (charged,) = happened("task.call_finished")
    dear = replace(charged, charged=state_of(*DELIVERED).submitted.allowance.amount)  # type: ignore[union-attr]  # submitted
    events = tuple(dear if event == charged else event for event in DELIVERED)
    given(*events).when(RETURN_WITH_COMMENTS).refused(LimitReached, "so nobody can work")
    assert decide(RETURN_WITH_COMMENTS, *DELIVERED), "control"


def test_the_comments_on_one_task_have_a_limit() -> None:
    long = replace(COMMENT, text="x" * COMMENT_CHARACTERS_MAX)
    most = COMMENTS_CHARACTERS_MAX // COMMENT_CHARACTERS_MAX
    allowed = replace(RETURN_WITH_COMMENTS, comments=(long,) * most)
    assert decide(allowed, *DELIVERED), "control"
    given(*DELIVERED).when(replace(allowed, comments=(long,) * (most + 1))).refused(LimitReached, "more than 12000")


def test_a_run_can_be_commented_on_while_it_works() -> None:
    comment = acts.Comment(id=COMMAND, at=AT, run=RUN, comment=COMMENT)
    given(*PLANNED).when(comment).then(*happened("run.commented"))
    state = state_of(*PLANNED, *decide(comment, *PLANNED))
    assert (state.phase, state.tasks[SECOND].comments) == ("planned", (COMMENT.text,))
    given(*before("run.planned")).when(comment).refused(Refused, "no employee would read")
    given(*before("run.released")).when(comment).refused(Refused, "no employee would read")


def test_an_override_is_a_run_of_its_own() -> None:
    given().when(OVERRIDE).then(submitted(SUBMIT), *happened("run.overridden"))
    state = state_of(*OVERRIDDEN)
    assert (state.phase, state.tree) == ("overridden", TREE)
    assert state.override is not None
    assert state.override.of != RUN
    assert files_of(state) == FILES
    given(*OVERRIDDEN).when(OVERRIDE).refused(Conflict, "already exists")


def test_an_override_names_work_and_a_reason() -> None:
    given().when(replace(OVERRIDE, reason=" ")).refused(Invalid, "A reason is needed")
    given().when(replace(OVERRIDE, files={})).refused(Refused, "no recorded work")
    given().when(replace(OVERRIDE, released=())).refused(Refused, "no recorded work")
    given().when(replace(OVERRIDE, of=RUN)).refused(Invalid, "cannot override itself")
    given().when(replace(OVERRIDE, consent=CONSENT)).refused(Refused, "shows secrets to nobody")
    assert decide(OVERRIDE), "control"


def test_an_override_is_delivered_approved_and_released_without_work_or_money() -> None:
    given(*OVERRIDDEN).when(ADMIT).then()
    events = OVERRIDDEN
    for command, _ in STAGES[2:]:
        events = (*events, *decide(command, *events))
    state = state_of(*events)
    assert (state.phase, state.tasks.spent.tokens) == ("released", 0)
    end = m.End(id=COMMAND, at=AT, run=RUN, outcome="overridden", reason="released")
    given(*events).when(replace(end, outcome="delivered")).refused(Refused, "ends as overridden")
    (ended,) = decide(end, *events)
    assert state_of(*events, ended).outcome == "overridden"


def test_no_other_run_ends_as_overridden() -> None:
    end = m.End(id=COMMAND, at=AT, run=RUN, outcome="overridden", reason="released")
    released = (*before("run.released"), *happened("run.released"))
    given(*released).when(end).refused(Refused, "Only an override")
    assert decide(replace(end, outcome="delivered"), *released), "control"


@pytest.mark.parametrize("step", range(4))
def test_an_override_is_never_planned_merged_or_verified(step: int) -> None:
    events = OVERRIDDEN
    for command, _ in STAGES[2 : 2 + step]:
        events = (*events, *decide(command, *events))
    for command in (
        m.Plan(id=COMMAND, at=AT, run=RUN),
        m.Merge(id=COMMAND, at=AT, run=RUN, tree=TREE),
        m.JudgeMerged(id=COMMAND, at=AT, run=RUN, judgement=GOOD),
    ):
        given(*events).when(command).refused(Refused, "The run is")


def test_the_delivery_of_an_override_is_not_returned() -> None:
    events = OVERRIDDEN
    for command, _ in STAGES[2:4]:
        events = (*events, *decide(command, *events))
    given(*events).when(ON_ALL).refused(Refused, "An override has no tasks")
    assert decide(m.End(id=COMMAND, at=AT, run=RUN, outcome="declined", reason="no"), *events), "control"


def test_a_component_acknowledges_a_halt_only_while_it_lasts() -> None:
    command = AcknowledgeHalt(id=COMMAND, at=AT, halt=COMMAND, component="worker ada", boxes=("b",) * 100, calls=1)
    halted = happened("organisation.founded", "organisation.halted")
    (event,) = decide(command, *halted)
    assert isinstance(event, HaltAcknowledged)
    assert (event.component, len(event.boxes)) == ("worker ada", BOXES_NAMED_MAX)
    given(*halted, *happened("organisation.resumed")).when(command).then()
    given(*halted).when(replace(command, component=" ")).refused(Invalid, "The name of a component")
