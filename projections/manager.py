"""The manager's rows: open runs, employees, the organisation, and a line per run and task for screens."""

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

import msgspec

from bus.projection_rows import JsonColumns, Row, Rows
from domain import employee as staff
from domain import incident, organisation, run_messages, task
from domain.employee import Profile
from domain.faults import ACCOUNT_FAULTS, MACHINE_FAULTS, rests
from domain.message import OF_RUNS, Recorded, RunEvent, TaskEvent
from domain.model_account import AccountEvent
from domain.money import Amount
from domain.run import RunState
from domain.run_act_messages import Overridden
from domain.tiers import NO_CEILINGS, Ceilings
from projections.accounts import AccountRow, put_account, put_use
from projections.fallback import Candidate, FallbackRow, StandInRow, put_chain, put_stand_ins
from projections.fine_rows import FineRow, handicap_percent, put_fines
from projections.halts import HaltedOrganisation, put_halt
from projections.holds import HoldRow, put_hold
from projections.openrun import OPEN_TABLES, RUN_KEY, drop_state, moved_by_event, put_state
from projections.organisation_rows import ORGANISATION_TABLES, put_organisation
from projections.organisation_rows import OrganisationRow as OrganisationRow
from projections.organisation_rows import ReservationRow as ReservationRow
from projections.organisation_rows import TrancheRow as TrancheRow
from projections.organisation_rows import organisation_phase as organisation_phase
from projections.organisation_rows import organisation_state as organisation_state
from projections.rests import rest_s
from projections.routing_rows import put_routing
from projections.routing_tables import ROUTING_TABLES, RUN, ShadowRun
from projections.task_lines import TaskRow as TaskRow
from projections.task_lines import line_of, put_task_line

MICRO = 1_000_000

_profile_decoder = msgspec.json.Decoder(Profile)
_ceilings_decoder = msgspec.json.Decoder(Ceilings)


class EmployeeRow(Row, frozen=True, kw_only=True):
    """One employee, with the fields that the manager needs to choose an employee for an order."""

    table = "employee"
    resident = True
    json_columns: ClassVar[JsonColumns] = {"profile": _profile_decoder, "ceilings": _ceilings_decoder}
    name: str
    scripted: bool
    suspended: bool
    faults: int  # number of consecutive calls that did not reach the model or were refused
    rest_until: int  # microseconds UTC. The employee gets no order before this time
    adaptations: str  # request parameters that its server refuses, comma-separated. Later calls do not send them
    profile: Profile
    tier: str = ""  # empty for an employee without a career, which has no ceilings
    ceilings: Ceilings = NO_CEILINGS
    shadow_left: int = 0  # shadow tasks that it must still pass before it gets other work
    handicap_percent: int = 0  # what its fines add to its costs in routing


class RunRow(Row, frozen=True, kw_only=True):
    """One line of `aura runs`. Times are microseconds UTC. `shadow_of`: the run whose task a shadow run repeats.

    `override_of`: the run whose work an override releases without a verdict.
    """

    table = "run"
    of_runs = True
    title: str
    phase: str
    outcome: str | None
    reason: str | None
    submitted_at: int
    ended_at: int | None
    spent_usd: Decimal
    spent_tokens: int
    tree: str | None
    commit_id: str | None
    folder: str | None
    branch: str | None
    release_ref: str | None
    shadow_of: UUID | None
    override_of: UUID | None = None


def adaptations_of(row: EmployeeRow) -> tuple[str, ...]:
    return tuple(filter(None, row.adaptations.split(",")))


class ManagerProjection:
    """Folds events of the organisation, employees and runs into the manager's rows."""

    name = "manager"
    tables: ClassVar[tuple[type[Row], ...]] = (
        *OPEN_TABLES,
        *ORGANISATION_TABLES,
        EmployeeRow,
        RunRow,
        TaskRow,
        FallbackRow,
        StandInRow,
        HoldRow,
        HaltedOrganisation,
        FineRow,
        *ROUTING_TABLES,
        AccountRow,
    )
    reads: ClassVar[tuple[type, ...]] = (
        *OF_RUNS,
        organisation.OrganisationEvent,
        staff.EmployeeEvent,
        incident.IncidentEvent,
    )

    def apply(self, recorded: Recorded, rows: Rows) -> None:
        event = recorded.event
        if isinstance(event, OF_RUNS):
            _run(recorded, event, rows)
            if isinstance(event, task.CallFinished):
                _health(event, recorded.envelope.occurred_at, rows)
            elif isinstance(event, task.AttemptEnded) and event.outcome in MACHINE_FAULTS:
                _rest(event.employee, recorded.envelope.occurred_at, rows, fault=True)
        elif isinstance(event, organisation.OrganisationEvent):
            _organisation(event, rows)
            put_halt(recorded, rows)
        elif isinstance(event, staff.EmployeeEvent):
            _employee(event, rows)
        elif isinstance(event, incident.IncidentEvent):
            put_hold(event, recorded.envelope.occurred_at, rows)
        put_routing(recorded, rows)
        if isinstance(event, task.Verified):
            _passed(event, rows)
        fined = put_fines(event, rows)
        row = rows.get(EmployeeRow, fined, "employee") if fined is not None else None
        if row is not None:
            rows.put(_with_career(row, row.tier, row.ceilings, rows))


def _passed(event: task.Verified, rows: Rows) -> None:
    """Count a shadow task that an employee passed. A review is none."""
    row, shadow = rows.get(EmployeeRow, event.employee, "employee"), rows.get(ShadowRun, event.run, RUN)
    if row is not None and row.shadow_left and shadow is not None and not shadow.review:
        rows.put(msgspec.structs.replace(row, shadow_left=row.shadow_left - 1))


def _organisation(event: organisation.OrganisationEvent, rows: Rows) -> None:
    put_organisation(event, rows)
    if isinstance(event, organisation.FallbackSet):
        put_chain(event, rows)
    elif isinstance(event, AccountEvent):
        put_account(event, rows)


def _employee(event: staff.EmployeeEvent, rows: Rows) -> None:
    row = rows.get(EmployeeRow, event.employee, "employee")
    match event:
        case staff.Hired(profile=profile):
            again = _employee_row(event.employee, profile, suspended=row.suspended if row else False)
            tier, ceilings = (row.tier, row.ceilings) if row else (event.tier, event.ceilings)
            left = row.shadow_left if row else event.shadow_tasks_min
            rows.put(msgspec.structs.replace(_with_career(again, tier, ceilings, rows), shadow_left=left))
        case staff.Rehired(profile=profile, suspended=suspended):
            again = _employee_row(event.employee, profile, suspended=suspended)
            rows.put(_with_career(again, event.tier, event.ceilings, rows))
        case staff.TierChanged() | staff.Placed() if row:
            rows.put(_with_career(row, event.tier, event.ceilings, rows))
        case staff.Suspended() if row:
            rows.put(msgspec.structs.replace(row, suspended=True))
        case staff.Reinstated() if row:
            rows.put(msgspec.structs.replace(row, suspended=False))
        case staff.Renamed(name=name) if row:
            profile = msgspec.structs.replace(row.profile, name=name)
            rows.put(msgspec.structs.replace(row, name=name, profile=profile))
        case staff.Dismissed() if row:
            rows.drop(EmployeeRow, event.employee, "employee")


def _employee_row(employee: UUID, profile: Profile, *, suspended: bool) -> EmployeeRow:
    return EmployeeRow(
        scope=employee,
        key="employee",
        name=profile.name,
        scripted=profile.scripted,
        suspended=suspended,
        faults=0,
        rest_until=0,
        adaptations="",
        profile=profile,
    )


def _with_career(row: EmployeeRow, tier: str | None, ceilings: Ceilings | None, rows: Rows) -> EmployeeRow:
    """Return the row with a tier, its ceilings, and what fines add to the costs."""
    handicap = handicap_percent(row.scope, rows)
    ceilings = ceilings or NO_CEILINGS
    return msgspec.structs.replace(row, tier=tier or "", ceilings=ceilings, handicap_percent=handicap)


def _health(event: task.CallFinished, at: int, rows: Rows) -> None:
    """Let an employee rest after a fault of its server. An answer ends the rest.

    A fault of an account with a name is not a reason to rest: the account is closed, and another one may be open.
    """
    snapshot = event.snapshot
    if not (snapshot.account and snapshot.outcome in ACCOUNT_FAULTS):
        _rest(event.employee, at, rows, fault=rests(snapshot.outcome), retry_after_s=snapshot.retry_after_s)
    row = rows.get(EmployeeRow, event.employee, "employee")
    if row is not None and snapshot.adaptations:
        rows.put(msgspec.structs.replace(row, adaptations=",".join(snapshot.adaptations)))


def _rest(employee: UUID, at: int, rows: Rows, *, fault: bool, retry_after_s: float | None = None) -> None:
    """Let an employee rest after a fault, each time twice as long. Without a fault, end its rest."""
    row = rows.get(EmployeeRow, employee, "employee")
    if row is not None:
        faults = row.faults + 1 if fault else 0
        rest_until = at + round(rest_s(faults, retry_after_s) * MICRO) if faults else 0
        rows.put(msgspec.structs.replace(row, faults=faults, rest_until=rest_until))


def _run(recorded: Recorded, event: RunEvent | TaskEvent, rows: Rows) -> None:
    moved = moved_by_event(event, rows)
    state = moved.after
    if state.submitted is None:
        return  # an event that came after the run was settled
    if state.settled:
        drop_state(event.run, rows)
    else:
        put_state(event, moved, recorded.envelope.id, rows)
    _run_line(recorded, event, state, rows)
    if isinstance(event, TaskEvent):
        put_use(event, recorded.envelope.occurred_at, moved.before, rows)
        put_task_line(recorded, event, state, rows)
        if isinstance(event, task.Assigned):
            at = recorded.envelope.occurred_at
            put_stand_ins(event, state, rows, lambda who: _candidate(who, at, rows))
    elif isinstance(event, run_messages.Planned | run_messages.Returned):
        for planned in state.tasks.values():
            if isinstance(event, run_messages.Planned) or planned.id in event.tasks:
                why = "the base has moved" if getattr(event, "base_commit", None) else "a person commented on it"
                rows.put(line_of(event.run, planned, None, why if planned.attempts else None))


def _run_line(recorded: Recorded, event: RunEvent | TaskEvent, state: RunState, rows: Rows) -> None:
    before = rows.get(RunRow, event.run, RUN_KEY)
    if isinstance(event, TaskEvent) and before is not None and _same_amount(before, state.spent):
        return  # an event of a task can only change the amount
    assert state.submitted is not None
    line = before or RunRow(
        scope=event.run,
        key=RUN_KEY,
        title=state.submitted.title,
        phase=state.phase,
        outcome=None,
        reason=None,
        submitted_at=recorded.envelope.occurred_at,
        ended_at=None,
        spent_usd=Decimal(0),
        spent_tokens=0,
        tree=None,
        commit_id=None,
        folder=None,
        branch=None,
        release_ref=None,
        shadow_of=state.submitted.shadow.run if state.submitted.shadow is not None else None,
    )
    changes: dict[str, object] = {
        "phase": state.phase,
        "spent_usd": state.spent.usd,
        "spent_tokens": state.spent.tokens,
        "tree": state.tree,
        "commit_id": state.commit,
    }
    match event:
        case Overridden(of=of):
            changes |= {"override_of": of}
        case run_messages.Ended(outcome=outcome, reason=reason):
            changes |= {"outcome": outcome, "reason": reason, "ended_at": recorded.envelope.occurred_at}
        case run_messages.Delivered(folder=folder, branch=branch):
            changes |= {"folder": folder, "branch": branch}
        case run_messages.Released(ref=ref):
            changes |= {"release_ref": ref}
    rows.put(msgspec.structs.replace(line, **changes))


def _same_amount(line: RunRow, spent: Amount) -> bool:
    return line.spent_tokens == spent.tokens and line.spent_usd is spent.usd


def _candidate(who: UUID, at: int, rows: Rows) -> Candidate | None:
    row = rows.get(EmployeeRow, who, "employee")
    if row is None:
        return None
    profile = row.profile
    priced = profile.call_usd_max is not None
    return Candidate(suspended=row.suspended, priced=priced, rests=row.rest_until > at, model=profile.model)
