"""Facts that must be true after any kills: nothing is lost or doubled, cut-off calls are shown, and replay is equal."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from uuid import UUID

from dulwich.repo import Repo

from bus.projection_tables import Tables
from domain import employee, incident, organisation, run_messages, task
from domain.message import Recorded, TaskEvent, derive
from domain.money import NOTHING, Amount
from projections import replay
from projections.accountant import Account, AccountantProjection
from runtime.roles import CONSUMERS
from tests.integration.house import House

ONCE_PER_ORDER = ("task.assigned", "task.submitted", "task.attempt_ended", "task.released")
ONCE_PER_CALL = ("task.call_started", "task.call_finished")
ONCE_PER_RUN = ("run.merged", "run.verified", "run.delivered", "run.approved", "run.released", "run.ended")


async def violations(house: House, acknowledged: Sequence[Recorded], witnessed: Sequence[str]) -> list[str]:
    """Return one line for each fault, or an empty list if everything is right.

    The organisation has been stopped, or its runs have ended and it only counts refusals from time to time. witnessed:
    one line for each call to an employee, written by code that does not read the log.
    """
    last = (await house.office.stream.info()).last_seq
    log = await house.log()
    counted = [event for event in log if event.void is None]
    return [
        *_whole(log, last),
        *_kept(log, acknowledged),
        *_once(counted),
        *_calls(counted, witnessed),
        *await _charges(house, counted),
        *_strikes(counted),
        *_deliveries(counted),
        *await _replayed(house, last),
    ]


def _whole(log: Sequence[Recorded], last: int) -> Iterator[str]:
    if [event.seq for event in log] != list(range(1, max(last, len(log)) + 1)):
        yield f"the log is not 1 to {last} without a gap"


def _kept(log: Sequence[Recorded], acknowledged: Sequence[Recorded]) -> Iterator[str]:
    by_seq = {event.seq: event.envelope.id for event in log}
    for event in acknowledged:
        if by_seq.get(event.seq) != event.envelope.id:
            yield f"{event.envelope.type} was acknowledged as event {event.seq} and is not there"


def _once(counted: Sequence[Recorded]) -> Iterator[str]:
    """Check that no id occurs twice, and that a command's events come from one decision and are numbered from 0."""
    for id, count in Counter(event.envelope.id for event in counted).items():
        if count > 1:
            yield f"event {id} counts {count} times"
    commands: dict[UUID, list[UUID]] = defaultdict(list)
    for event in counted:
        if event.envelope.type != "refusal.refused":
            commands[event.envelope.command].append(event.envelope.id)
    for command, ids in commands.items():
        if set(ids) != {derive(command, index) for index in range(len(ids))}:
            yield f"command {command} has outcomes of more than one decision"


def _calls(counted: Sequence[Recorded], witnessed: Sequence[str]) -> Iterator[str]:
    """Check that each permit leads to at most one call, and that each call has one end: its receipt, or the cut-off.

    A cut-off order is charged at the bounds of its open calls. A line without an index is about call 0.
    """
    orders: dict[str, dict[UUID, TaskEvent]] = {kind: {} for kind in ONCE_PER_ORDER}
    calls: dict[str, dict[tuple[UUID, int], TaskEvent]] = {kind: {} for kind in ONCE_PER_CALL}
    for event in counted:
        kind, happened = event.envelope.type, event.event
        if isinstance(happened, TaskEvent):
            order: UUID = happened.order  # type: ignore[attr-defined]  # every event of a task names its order
            if kind in orders:
                yield from [f"{kind} twice for order {order}"] * (order in orders[kind])
                orders[kind][order] = happened
            elif isinstance(happened, task.CallStarted | task.CallFinished):
                yield from [f"{kind} twice for order {order}"] * ((order, happened.index) in calls[kind])
                calls[kind][order, happened.index] = happened
    made = Counter((UUID(line.split()[0]), int([*line.split(), "0"][3])) for line in witnessed)
    started, finished = calls["task.call_started"], calls["task.call_finished"]
    for (order, index), count in made.items():
        yield from [f"call {index} of order {order} was called {count} times"] * (count > 1)
        yield from [f"call {index} of order {order} was called without a start"] * ((order, index) not in started)
    yield from (
        f"call {index} of order {order} has a receipt without a call" for order, index in finished.keys() - made
    )
    bounds: dict[UUID, Amount] = defaultdict(Amount)
    for (order, index), happened in started.items():
        released = orders["task.released"].get(order)
        cut_off = isinstance(released, task.Released) and released.cut_off
        has_receipt = (order, index) in finished
        if not has_receipt and not cut_off:
            yield f"call {index} of order {order} has no end"
        assert isinstance(happened, task.CallStarted)
        if not has_receipt and happened.bound is not None:
            bounds[order] += happened.bound
    for order, happened in orders["task.released"].items():
        assert isinstance(happened, task.Released)
        if happened.cut_off != (order in bounds):
            yield f"order {order} is released as {'' if happened.cut_off else 'not '}cut off with other open calls"
        if happened.charged != bounds[order]:
            yield f"the cut-off order {order} is not charged at the bounds of its open calls"


async def _charges(house: House, counted: Sequence[Recorded]) -> list[str]:
    """Check that the accountant's sums are equal to those of the log: charges, calls, and orders that were cut off."""
    booked: dict[tuple[UUID, str], tuple[Decimal, int, int, int]] = {}
    for event in counted:
        happened = event.event
        if isinstance(happened, task.CallStarted | task.CallFinished | task.Released):
            key = (happened.run, str(happened.employee))
            usd, tokens, calls, cut_off = booked.get(key, (Decimal(0), 0, 0, 0))
            charged = NOTHING if isinstance(happened, task.CallStarted) else happened.charged
            calls += isinstance(happened, task.CallStarted)
            cut_off += isinstance(happened, task.Released) and happened.cut_off
            booked[key] = (usd + charged.usd, tokens + charged.tokens, calls, cut_off)
    async with house.office.store.connection() as connection:
        rows = await Tables("accountant", AccountantProjection.tables).read_all(connection, Account)
    found = {
        (row.scope, row.key): (row.charged_usd, row.charged_tokens, row.calls, row.cut_off)
        for row in rows
        if isinstance(row, Account)
    }
    return [
        f"accountant.account {run}/{who}: {found.get((run, who))} instead of {booked.get((run, who))}"
        for run, who in sorted(booked.keys() | found.keys())
        if found.get((run, who), (Decimal(0), 0, 0, 0)) != booked.get((run, who), (Decimal(0), 0, 0, 0))
    ]


def _strikes(counted: Sequence[Recorded]) -> Iterator[str]:
    """Check for one strike per verdict with integrity findings, and at most one answer of HR to each strike."""
    guilty = {
        derive(event.envelope.id, "integrity")
        for event in counted
        if isinstance(event.event, task.Rejected) and any(found.integrity for found in event.event.judgement.findings)
    }
    raised = Counter(
        event.event.incident for event in counted if isinstance(event.event, incident.Raised) and event.event.strike
    )
    answers = Counter(
        event.event.incident
        for event in counted
        if isinstance(event.event, employee.Warned | employee.Suspended | employee.Dismissed) and event.event.incident
    )
    if raised != Counter(guilty):
        yield f"{len(guilty)} verdicts with integrity findings led to {sum(raised.values())} strikes"
    yield from (f"incident {id} was answered {count} times" for id, count in answers.items() if count > 1)
    yield from (f"incident {id} was answered and never raised" for id in answers.keys() - raised.keys())


def _deliveries(counted: Sequence[Recorded]) -> Iterator[str]:
    runs = {event.envelope.run for event in counted if event.envelope.type == "run.submitted"}
    kinds = Counter((event.envelope.run, event.envelope.type) for event in counted)
    settled: Counter[UUID] = Counter()
    for event in counted:
        if isinstance(event.event, organisation.BudgetSettled):
            settled[event.event.for_run] += 1
            spent = _spent(counted, event.event.for_run)
            if event.event.spent != spent:
                yield f"run {event.event.for_run} was settled at {event.event.spent} instead of {spent}"
    for run in runs:
        assert run is not None
        yield from (f"run {run} has {kinds[run, kind]} {kind}" for kind in ONCE_PER_RUN if kinds[run, kind] != 1)
        if settled[run] != 1:
            yield f"the budget of run {run} was settled {settled[run]} times"
        if kinds[run, "task.verified"] != _tasks(counted, run):
            yield f"run {run} has {kinds[run, 'task.verified']} verified tasks"
    for event in counted:
        if isinstance(event.event, run_messages.Delivered):
            yield from _repository(event.event, _tasks(counted, event.event.run))


def _spent(counted: Sequence[Recorded], run: UUID) -> Amount:
    """Return the sum of the receipts of a run's calls."""
    receipts = [event.event for event in counted if isinstance(event.event, task.CallFinished | task.Released)]
    return sum((receipt.charged for receipt in receipts if receipt.run == run), start=NOTHING)


def _tasks(counted: Sequence[Recorded], run: UUID) -> int:
    return sum(
        len(event.event.tasks)
        for event in counted
        if isinstance(event.event, run_messages.Planned) and event.event.run == run
    )


def _repository(delivered: run_messages.Delivered, tasks: int) -> Iterator[str]:
    """Check one chain of commits: one per task and one around them.

    Its head must be the commit that the event names.
    """
    with Repo(delivered.folder) as repository:
        head = repository.head().decode()
        commits = sum(1 for _ in repository.get_walker())
    if head != delivered.commit or commits != tasks + 1:
        yield f"the repository of run {delivered.run} has {commits} commits and head {head}"


async def _replayed(house: House, last: int) -> list[str]:
    checked = await replay.check(house.office.store, [make() for make in CONSUMERS.values()])
    behind = [f"{name} stopped at {seq} of {last}" for name, seq in checked.positions.items() if seq < last]
    return [*behind, *(f"replay: {difference}" for difference in checked.differences)]
