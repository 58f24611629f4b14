"""The services of `aura budget`: what each cap allows, what is reserved and settled, and what open runs will need."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from uuid import UUID

import msgspec

from bus.checkpoints import read_rows
from bus.clock import now
from bus.projection_rows import Row, Rows, columns
from bus.row_form import row_of
from bus.store import Store
from director.services.session import DirectorSession, find_employee, find_run, new_id
from director.services.views import ORGANISATION
from domain.caps import EMPLOYEE, NO_BOOK, ORGANISATION_CAP, Limit, account_cap, cap_of, day_key, employee_cap, limit_of
from domain.errors import Invalid, Unavailable
from domain.estimate import dollars
from domain.fund_messages import RaiseBudget, RefuseFunds
from domain.money import NOTHING, Amount
from domain.organisation import SetCap
from domain.planning import task_id
from domain.run import RunState
from governance.gate import Outcome
from projections.manager import EmployeeRow, ManagerProjection
from projections.openrun import OPEN_TABLES, OpenRun, open_state
from projections.organisation_rows import ORGANISATION_TABLES, OrganisationRow, organisation_state
from projections.time_travel import Selection, rows_as_of

NEEDED: tuple[type[Row], ...] = (*OPEN_TABLES, *ORGANISATION_TABLES, EmployeeRow)
RUN_CAP = "run:"
"""Beginning of the name of a run's budget. The run's id follows."""


class CapLine(msgspec.Struct, frozen=True, kw_only=True):
    """One cap. A part without a limit is None. `left` is negative if a limit was lowered below what is committed.

    `cap`: organisation, day:DATE, employee:ID, account:NAME, or run:ID. `name`: the same with names for ids.
    `settled`: charges of calls. `reserved`: what open runs may still spend of it. `forecast`: the part of it that open
    runs will spend by their estimates; None if no open run has one. `warned`: 80% was reached.
    """

    cap: str
    name: str
    limit: Limit
    reserved: Amount
    settled: Amount
    left: Limit
    forecast: Amount | None
    warned: bool


class BudgetView(msgspec.Struct, frozen=True, kw_only=True):
    """The organisation's budget, and all caps. `reserved`: the amount that open runs may still spend.

    `spent`: of runs that are settled. `left`: for new runs. It is negative if the limit was lowered below the sum of
    spent and reserved. New runs are then refused.
    """

    limit: Amount
    spent: Amount
    reserved: Amount
    left: Amount
    caps: tuple[CapLine, ...] = ()


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A decision about a budget. `seq`: the event that records it; 0 if nothing changed."""

    seq: int


async def budget_of(store: Store) -> BudgetView:
    """Read the budget from the manager's rows. Raises Unavailable before the organisation is founded."""
    if await ORGANISATION.first(store) is None:
        raise Unavailable("There is no organisation yet.", hint="Run `aura up` first. It founds the organisation.")
    try:
        rows, at = await _rows(store)
    except msgspec.ValidationError as error:
        raise Unavailable(
            "The manager's rows have the form of another release.", hint="Start the processes of this release: aura up"
        ) from error
    if not rows.all(OrganisationRow):
        raise Unavailable("The manager's rows are being rebuilt.", hint="Try again in a moment.")
    house = organisation_state(rows)
    return BudgetView(
        limit=house.cap,
        spent=house.spent,
        reserved=house.lent.total,
        left=house.cap - house.committed,
        caps=tuple(_caps(rows, at)),
    )


async def _rows(store: Store) -> tuple[Rows, int]:
    """Return the manager's rows and their time. The time of an earlier state is that of its last event."""
    if store.as_of is None:
        return await read_rows(store, ManagerProjection.name, NEEDED), now()
    selected = await rows_as_of(store, ManagerProjection(), Selection(kinds=NEEDED), store.as_of)
    rows = Rows(NEEDED)
    for kind in NEEDED:
        rows.load(
            row_of(kind, dict(zip(columns(kind), record, strict=True))) for record in selected.records[kind.table]
        )
    last = await store.read(store.as_of - 1, limit=1)
    return rows, last[0].envelope.occurred_at if last else 0


async def warned_caps(store: Store) -> list[CapLine]:
    """Return the caps that had their warning; none before the organisation is founded."""
    try:
        return [cap for cap in (await budget_of(store)).caps if cap.warned]
    except Unavailable:
        return []


async def set_cap(
    opened: DirectorSession, limit: Limit | None, *, day: bool = False, employee: str = "", account: str = ""
) -> Answer:
    """Set the limit of one cap; None removes it. Raises Invalid unless exactly one cap is named, and NotFound."""
    if day + bool(employee) + bool(account) != 1:
        raise Invalid("Name exactly one cap.", hint="Give --day, --employee NAME or --account NAME.")
    cap = "day"
    if employee:
        cap = employee_cap(await find_employee(opened.store, employee))
    elif account:
        cap = account_cap(account)
    return _answer(await opened.done(SetCap(id=new_id(), at=now(), cap=cap, limit=limit)))


async def raise_budget(
    opened: DirectorSession, run: str, amount: Amount, *, task: str = "", reason: str = ""
) -> Answer:
    """Raise the budget of an open run, or of one of its tasks. If the run asked for it, it goes on."""
    return _answer(await raised(opened, run, amount, task=task, reason=reason))


async def raised(
    opened: DirectorSession, run: str, amount: Amount, *, task: str = "", reason: str = "", id: UUID | None = None
) -> Outcome:
    """Raise a budget. `id`: of the command. Return its events."""
    found = await find_run(opened.store, run)
    which = task_id(found, task) if task else None
    command = RaiseBudget(id=id or new_id(), at=now(), run=found, task=which, amount=amount, reason=reason)
    return await opened.done(command)


async def refuse_budget(opened: DirectorSession, run: str, reason: str) -> Answer:
    """Refuse the larger budget that a run asks for. The run then ends."""
    found = await find_run(opened.store, run)
    return _answer(await opened.done(RefuseFunds(id=new_id(), at=now(), run=found, reason=reason)))


def _answer(outcome: Outcome) -> Answer:
    return Answer(seq=outcome.seq)


def _caps(rows: Rows, at: int) -> list[CapLine]:
    """Return a line for the organisation, for each cap (of the present day for `day`), and for each open run."""
    house = organisation_state(rows)
    states = {row.scope: open_state(rows, row) for row in rows.all(OpenRun)}
    names = {row.scope: row.name for row in rows.all(EmployeeRow)}
    open_spent = _sum(states[run].spent for run in house.lent if run in states)
    lines = [
        _line(
            ORGANISATION_CAP,
            limit_of(house.cap),
            house.lent.total - open_spent,
            house.spent + open_spent,
            _forecast([state for run, state in states.items() if run in house.lent]),
            warned=ORGANISATION_CAP in house.warned,
        )
    ]
    for cap, limit in sorted(house.caps.items()):
        key = day_key(at) if cap == "day" else cap
        book = house.books.get(key, NO_BOOK)
        held = {run: states[run] for run in book.lent if run in states}
        spent = _sum(state.tranches[key].spent for state in held.values() if key in state.tranches)
        settled = book.spent + spent
        line = _line(key, limit, book.lent.total - spent, settled, _forecast(held.values()), warned=key in house.warned)
        lines.append(msgspec.structs.replace(line, name=_name(key, names)))
    for run, state in sorted(states.items()):
        if state.submitted is not None and state.phase != "ended":
            limit = limit_of(state.submitted.allowance.amount)
            reserved = state.tasks.reserved
            line = _line(
                f"{RUN_CAP}{run}", limit, reserved, state.spent, _forecast([state]), warned="run" in state.warned
            )
            lines.append(msgspec.structs.replace(line, name=f"{RUN_CAP}{str(run)[:13]}"))
    return lines


def _line(
    cap: str, limit: Limit, reserved: Amount, settled: Amount, forecast: Amount | None, *, warned: bool
) -> CapLine:
    left = Limit(
        usd=None if limit.usd is None else limit.usd - reserved.usd - settled.usd,
        tokens=None if limit.tokens is None else limit.tokens - reserved.tokens - settled.tokens,
    )
    return CapLine(
        cap=cap,
        name=cap,
        limit=limit,
        reserved=reserved,
        settled=settled,
        left=left,
        forecast=forecast,
        warned=warned,
    )


def _forecast(states: Iterable[RunState]) -> Amount | None:
    """Return what open runs will probably still spend: the middle of their estimates, minus what they have spent."""
    estimated = [state for state in states if state.submitted is not None and state.submitted.estimate is not None]
    if not estimated:
        return None
    total = NOTHING
    for state in estimated:
        assert state.submitted is not None
        assert state.submitted.estimate is not None
        made = state.submitted.estimate
        usd = max(dollars(made.micro_usd.mid) - state.spent.usd, Decimal(0))
        total = total + Amount(usd, max(made.tokens.mid - state.spent.tokens, 0))
    return total


def _name(key: str, names: Mapping[UUID, str]) -> str:
    if not cap_of(key).startswith(EMPLOYEE):
        return key
    employee = UUID(key.removeprefix(EMPLOYEE))
    return f"{EMPLOYEE}{names.get(employee, str(employee)[:13])}"


def _sum(amounts: Iterable[Amount]) -> Amount:
    total = NOTHING
    for amount in amounts:
        total = total + amount
    return total
