"""A shadow run: one task of an earlier run, done again. It is judged, counted apart, and never delivered."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from agents.manager.delivery_steps import _has_step
from agents.manager.reactor import Manager
from bus.projection import Cause
from bus.projection_rows import Rows
from director.services.repeated_run import repeated
from domain import run_messages as m
from domain import task
from domain.employee import Hire, Hired
from domain.errors import Invalid, Refused
from domain.message import Event
from domain.planning import task_id
from domain.routing.fixed_point import MICRO
from domain.routing.terms import WorkTerms
from domain.run import RunState
from domain.shadow import GivenTask, ShadowOf
from governance.hr_rules import parse, with_start
from projections.accountant import Account, AccountantProjection, ShadowAccount
from projections.manager import ManagerProjection, RunRow
from projections.openrun import RUN_KEY
from projections.routing_tables import OVERALL, EvidenceRow, RoutingTotal, total_of
from tests.unit.given import decide as decide_after
from tests.unit.given import fold, given
from tests.unit.runs import ADMIT, ALL_VERIFIED, END, FIRST_VERIFIED, STAGES, SUBMIT
from tests.unit.samples import (
    ADMITTED,
    AT,
    COMMAND,
    EMPLOYEE,
    FILES,
    OTHER_EMPLOYEE,
    PLANNED,
    RUN,
    SECOND,
    TREE,
    happened,
    uuid,
)
from tests.unit.test_leaving import after
from tests.unit.test_projections import recorded

BEFORE = uuid(200)
SHADOW = ShadowOf(run=BEFORE, task=task_id(BEFORE, "T2"), name="T2", given=(GivenTask(name="T1", files=FILES),))
SUBMIT_SHADOW = replace(SUBMIT, employees=(OTHER_EMPLOYEE,), shadow=SHADOW, labels={}, estimate=None)
FOUNDED = happened("organisation.founded")
SUBMITTED = (*FOUNDED, *decide_after(SUBMIT_SHADOW))
PLANNED_SHADOW = (*SUBMITTED, *decide_after(ADMIT, *SUBMITTED), *happened("run.planned"))
WORK = tuple(replace(event, task=SECOND, employee=OTHER_EMPLOYEE) for event in FIRST_VERIFIED[len(PLANNED) :])
VERIFIED = (*PLANNED_SHADOW, *WORK)
REJECTED = (*VERIFIED[:-1], replace(happened("task.rejected")[0], task=SECOND, employee=OTHER_EMPLOYEE))
MERGE = m.Merge(id=COMMAND, at=AT, run=RUN, tree=TREE)
END_SHADOW = replace(END, outcome="shadow", reason="done again")


def test_the_tasks_before_are_verified_with_their_files_and_only_the_repeated_task_waits() -> None:
    state: RunState = fold("run", *PLANNED_SHADOW)
    first, second = state.tasks.values()
    assert (first.phase, first.files, first.attempts) == ("verified", FILES, 0)
    assert [part.id for part in state.tasks.ready()] == [second.id] == [SECOND]
    usual: RunState = fold("run", *PLANNED)
    assert [part.phase for part in usual.tasks.values()] == ["waiting", "waiting"], "control: no shadow run"


def test_the_work_of_a_shadow_run_is_never_merged_and_so_never_delivered() -> None:
    given(*VERIFIED).when(MERGE).refused(Refused, "never delivered")
    for command, _ in STAGES[1:]:
        with pytest.raises(Refused):
            decide_after(replace(command), *VERIFIED)
    assert [event.type for event in decide_after(MERGE, *ALL_VERIFIED)] == ["run.merged"], "control: no shadow run"
    with pytest.raises(Refused):
        decide_after(replace(END, outcome="delivered"), *VERIFIED)
    assert not _has_step(fold("run", *VERIFIED))
    assert _has_step(fold("run", *ALL_VERIFIED)), "control"


def test_only_a_shadow_run_with_a_verified_task_ends_as_shadow() -> None:
    given(*VERIFIED).when(END_SHADOW).then(m.Ended(run=RUN, outcome="shadow", reason="done again"))
    for events in (PLANNED_SHADOW, REJECTED, SUBMITTED, ALL_VERIFIED, ADMITTED):
        given(*events).when(END_SHADOW).refused(Refused, "Only a shadow run")
    given(*REJECTED).when(replace(END, outcome="rejected")).then(m.Ended(run=RUN, outcome="rejected", reason="enough"))
    given(*VERIFIED).when(END).then(m.Ended(run=RUN, outcome="cancelled", reason="enough"))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"employees": ()}, "must name its employees"),
        ({"shadow": replace(SHADOW, run=RUN)}, "repeat a task of itself"),
        ({"shadow": replace(SHADOW, name="T9")}, "must have the task T9"),
        ({"shadow": replace(SHADOW, given=())}, "must have the task T2"),
        ({"shadow": replace(SHADOW, given=(*SHADOW.given, GivenTask(name="T2", files={})))}, "must have the task T2"),
    ],
)
def test_a_submission_that_is_no_shadow_run_of_one_task_is_refused(changes: dict[str, Any], text: str) -> None:
    given().when(replace(SUBMIT_SHADOW, **changes)).refused(Invalid, text)
    given().when(SUBMIT_SHADOW).then(*SUBMITTED[1:])


OF_ITS_OWN = {"id", "at", "cause", "run", "plan", "allowance", "attempts_max", "allow_degraded", "consent", "employees"}
OF_ITS_OWN |= {"labels", "estimate", "shadow", "task_caps", "on_budget"}
"""The fields of a submission in which a shadow run may differ from the run before."""


def test_a_question_that_is_asked_again_keeps_all_its_facts() -> None:
    (was,) = decide_after(SUBMIT)
    assert isinstance(was, m.Submitted)
    again = repeated(
        was,
        uuid(300),
        plan=SUBMIT.plan[:1],
        allowance=was.allowance,
        attempts_max=1,
        employee=OTHER_EMPLOYEE,
        labels={"purpose": "shadow"},
        shadow=SHADOW,
    )
    same = {name for name in m.Submit.__struct_fields__ if name not in OF_ITS_OWN}
    assert {name: getattr(again, name) for name in same} == {name: getattr(was, name) for name in same}
    assert was.work != WorkTerms(), "control: it has facts from which the skill follows"
    assert (again.run, again.employees, again.shadow) == (uuid(300), (OTHER_EMPLOYEE,), SHADOW)


def test_the_submission_names_the_given_files_as_blobs_and_is_read_back() -> None:
    (submitted,) = decide_after(SUBMIT_SHADOW)
    assert isinstance(submitted, m.Submitted)
    assert set(submitted.blobs()) - set(replace(submitted, shadow=None).blobs()) <= set(SHADOW.blobs())
    assert SHADOW.blobs()
    assert msgspec.json.decode(msgspec.json.encode(submitted), type=m.Submitted) == submitted


def reactions(*events: Event) -> list[Any]:
    """Return the manager's reaction to the last of these events."""
    rows = after(ManagerProjection(), *events)
    return list(Manager().react(recorded(len(events), events[-1]), rows, Cause(uuid(77), AT)))


def test_the_manager_ends_a_shadow_run_after_the_verdict_and_takes_it_up_again() -> None:
    (end,) = reactions(*VERIFIED)
    assert (end.run, end.outcome) == (RUN, "shadow")
    assert str(BEFORE) in end.reason
    assert not [command for command in reactions(*ALL_VERIFIED) if isinstance(command, m.End)], "control"
    assert not [command for command in reactions(*REJECTED) if isinstance(command, m.End)]
    rows = after(ManagerProjection(), *VERIFIED)
    (again,) = Manager().take_up(rows, AT)
    assert isinstance(again, m.End)
    assert (again.run, again.outcome) == (RUN, "shadow")
    line = rows.get(RunRow, RUN, RUN_KEY)
    assert line is not None
    assert line.shadow_of == BEFORE
    assert list(Manager().take_up(after(ManagerProjection(), *ALL_VERIFIED), AT)) == [], "control"


def test_only_the_named_employee_may_do_it() -> None:
    hired = happened("employee.hired")
    assert reactions(*PLANNED_SHADOW, *hired) == [], "the employee that is hired is not the named one"
    named = replace(hired[0], employee=OTHER_EMPLOYEE)
    (assigned,) = reactions(*PLANNED_SHADOW, named)
    assert isinstance(assigned, task.Assign)
    assert (assigned.task, assigned.employee) == (SECOND, OTHER_EMPLOYEE)


def accounts(*events: Event) -> tuple[list[Account], list[ShadowAccount]]:
    rows = Rows(AccountantProjection().tables)
    for seq, event in enumerate(events, start=1):
        AccountantProjection().apply(recorded(seq, event), rows)
    return rows.of(Account, RUN), rows.of(ShadowAccount, RUN)


def test_the_accountant_counts_shadow_runs_apart() -> None:
    usual, shadow = accounts(*VERIFIED)
    assert usual == []
    (account,) = shadow
    assert (account.key, account.attempts, account.verified) == (str(OTHER_EMPLOYEE), 1, 1)
    usual, shadow = accounts(*FIRST_VERIFIED)
    assert shadow == []
    assert [(each.key, each.verified) for each in usual] == [(str(EMPLOYEE), 1)], "control"


def evidence(*events: Event) -> tuple[EvidenceRow, RoutingTotal]:
    rows = after(ManagerProjection(), *happened("employee.hired"), *events)
    other = after(AccountantProjection(), *happened("employee.hired"), *events)
    (version,) = [row for row in rows.all(EvidenceRow) if row.key == OVERALL]
    assert [version] == [row for row in other.all(EvidenceRow) if row.key == OVERALL], "both consumers agree"
    assert total_of(rows) == total_of(other)
    return version, total_of(rows)


def test_an_attempt_of_a_shadow_run_is_half_an_attempt_and_no_spending() -> None:
    half, total = evidence(*VERIFIED)
    assert (half.verified, half.failed, half.attempts, half.cost_weight) == (MICRO // 2, 0, 1, MICRO // 2)
    assert (total.spent, total.versions) == (0, 1)
    whole, total = evidence(*FIRST_VERIFIED)
    assert (whole.verified, whole.attempts, whole.cost_weight) == (MICRO, 1, MICRO), "control"
    assert half.cost == whole.cost // 2 > 0
    assert total.spent == whole.cost
    lost, _ = evidence(*REJECTED)
    assert (lost.verified, lost.failed, lost.alarm) == (0, MICRO // 2, 0)


def test_a_new_employee_passes_its_shadow_tasks_before_it_gets_other_work() -> None:
    (usual,) = happened("employee.hired")
    assert isinstance(usual, Hired)
    new = replace(usual, employee=OTHER_EMPLOYEE, shadow_tasks_min=1)
    usual_run = tuple(
        replace(event, run=uuid(300)) for event in happened("run.submitted", "run.admitted", "run.planned")
    )

    def assigned(*events: Event) -> list[Any]:
        return [command.run for command in reactions(*events) if isinstance(command, task.Assign)]

    assert assigned(*PLANNED, new) == [], "no other work yet"
    assert assigned(*PLANNED, replace(new, shadow_tasks_min=0)) == [RUN], "control"
    assert assigned(*PLANNED_SHADOW, new) == [RUN], "a shadow task is permitted"
    assert assigned(new, *VERIFIED, *usual_run) == [uuid(300)], "it has passed"
    assert uuid(300) not in assigned(new, *REJECTED, *usual_run), "it has not passed"
    again = replace(new, profile=replace(new.profile, style="grammar"), shadow_tasks_min=0)
    assert assigned(new, again, *PLANNED, again) == [], "a new profile does not end the probation"


def test_the_rule_travels_from_the_file_to_the_event(tmp_path: Path) -> None:
    text = files("governance").joinpath("hr_rules.toml").read_text(encoding="utf-8")
    (tmp_path / "hr.toml").write_text(text.replace("shadow_tasks_min = 0", "shadow_tasks_min = 2"), encoding="utf-8")
    (hired,) = happened("employee.hired")
    assert isinstance(hired, Hired)
    hire = Hire(id=COMMAND, at=AT, employee=EMPLOYEE, profile=hired.profile)
    (event,) = decide_after(with_start(hire, tmp_path))
    assert isinstance(event, Hired)
    assert event.shadow_tasks_min == 2
    (usual,) = decide_after(with_start(hire, tmp_path / "nowhere"))
    assert isinstance(usual, Hired)
    assert usual.shadow_tasks_min == 0, "control: the default"
    with pytest.raises(Invalid):
        parse(text.replace("shadow_tasks_min = 0", "shadow_tasks_min = -1"), "hr.toml")
