"""Measurement of folding: CPU time per event of each projection, for runs with few and with many tasks.

The events are made in memory. Nothing is read from a store, so the figures show only the decoding and the fold.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from bus.codec import Origin, encode, recorded
from bus.projection import Projection, fold
from bus.projection_rows import Rows
from domain import employee, organisation, run_messages, task
from domain.judgement import Finding, GateRecord, Judgement
from domain.message import NAMESPACE, Event, Recorded, TaskEvent
from domain.money import Amount
from domain.planning import planned
from domain.tree import Entry
from runtime.roles import CONSUMERS

OPEN_TASKS = 4
"""Number of tasks of a run that are worked on at the same time."""
REJECTED_EVERY = 5
"""Each task with this number in the plan is rejected once, before its second attempt is verified."""
AT = 1_800_000_000_000_000  # microseconds UTC
LOOP = 20_000_000
BUDGET, CALL, COST = Amount(Decimal(1000), 10**9), Amount(Decimal("0.10"), 4096), Amount(Decimal("0.03"), 700)
_PRINCIPAL = uuid5(NAMESPACE, "bench")
_STAFF = tuple(uuid5(_PRINCIPAL, f"employee {number}") for number in range(4))
_DIGEST = "a" * 64
_SNAPSHOT = task.Snapshot(
    outcome="answered",
    provider="openai",
    endpoint="http://127.0.0.1:1/v1",
    model="m",
    model_digest=_DIGEST,
    parameters={"max_tokens": 512, "seed": 7, "stream": False, "temperature": 0.5},
    prompt=_DIGEST,
    answer=_DIGEST,
    input_tokens=500,
    output_tokens=200,
    cost=COST,
    latency_s=1.5,
    finish_reason="stop",
)
_GATES = tuple(
    GateRecord(gate=name, grade="C", result="passed", seconds=0.1, text="4 of 4 passed", evidence=_DIGEST)
    for name in ("syntax", "scope", "cases", "regression")
)


def loop_s() -> float:
    """Return the CPU seconds of 20 million additions in pure Python. It tells how fast this machine is."""
    begun, total = time.process_time(), 0
    for number in range(LOOP):
        total += number
    return time.process_time() - begun


def log_of(runs: int, tasks: int) -> list[bytes]:
    """Return the messages of a log: an organisation with employees, and runs with this number of tasks each."""
    cap = Amount(Decimal(10**8), 10**14)
    events: list[Event] = [organisation.Founded(name="Bench", cap=cap)]
    for number, who in enumerate(_STAFF):
        events.append(employee.Hired(employee=who, profile=_profile(f"employee-{number}")))
    for number in range(runs):
        events += of_one_run(uuid5(_PRINCIPAL, f"run {tasks} {number}"), tasks)
    return [_message(seq, event) for seq, event in enumerate(events, start=1)]


def _profile(name: str) -> employee.Profile:
    return employee.Profile(
        name=name,
        provider="openai",
        model="m",
        model_digest=_DIGEST,
        style="chat",
        scripted=False,
        call_usd_max=CALL.usd,
        prompt_usd_max=Decimal("0.06"),
    )


def _message(seq: int, event: Event) -> bytes:
    id = uuid5(_PRINCIPAL, f"event {seq} {event.type}")
    origin = Origin(command=id, cause=None, principal=_PRINCIPAL, role="manager", at=AT + seq, policy="")
    return encode(event, id=id, origin=origin, salt=bytes(32))[0]


def of_one_run(run: UUID, tasks: int) -> Iterator[Event]:
    """Yield the events of one run that is delivered: all its tasks are worked on, and some are rejected once."""
    plan = tuple(
        run_messages.TaskPlan(name=f"T{number}", criteria=(f"A{number}",), scope=(f"part_{number}.py",))
        for number in range(tasks)
    )
    yield run_messages.Submitted(
        run=run,
        title="Bench",
        requirement=_DIGEST,
        sealed=None,
        fixtures=None,
        allowance=run_messages.Allowance(amount=BUDGET, minutes=600),
        plan=plan,
        attempts_max=3,
        allow_degraded=True,
    )
    yield organisation.BudgetReserved(for_run=run, amount=BUDGET)
    yield run_messages.Admitted(run=run, due_at=AT * 2)
    parts = planned(run, plan)
    yield run_messages.Planned(run=run, tasks=parts)
    for first in range(0, tasks, OPEN_TASKS):
        together = [
            _task(run, part.id, number) for number, part in enumerate(parts[first : first + OPEN_TASKS], start=first)
        ]
        while together:
            for events in list(together):
                event = next(events, None)
                if event is None:
                    together.remove(events)
                else:
                    yield event
    yield run_messages.Merged(run=run, files={"part_0.py": Entry(kind="file", digest=_DIGEST)}, tree=_DIGEST)
    yield run_messages.Verified(run=run, judgement=_judgement(verified=True))
    yield run_messages.DeliveryStarted(run=run)
    yield run_messages.Delivered(run=run, commit="1" * 40, folder="/tmp/out", branch="main")
    yield run_messages.Approved(run=run, commit="1" * 40, reason="fine")
    yield run_messages.Released(run=run, commit="1" * 40, ref="main")
    yield run_messages.Ended(run=run, outcome="delivered", reason="Approved and released as main.")
    yield organisation.BudgetSettled(for_run=run, spent=COST)


def _task(run: UUID, part: UUID, number: int) -> Iterator[Event]:
    last = 2 if number % REJECTED_EVERY == 0 else 1
    for attempt in range(1, last + 1):
        of_order: dict[str, Any] = {
            "run": run,
            "task": part,
            "employee": _STAFF[(number + attempt) % len(_STAFF)],
            "order": uuid5(part, f"order {attempt}"),
        }
        yield task.Assigned(**of_order, attempt=attempt, seed=7, reservation=CALL, due_at=AT * 2)
        yield task.CallStarted(**of_order, bound=CALL)
        yield task.CallFinished(**of_order, snapshot=_SNAPSHOT, charged=COST)
        files = {f"part_{number}.py": Entry(kind="file", digest=_DIGEST)}
        yield task.Submitted(**of_order, files=files, tree=_DIGEST)
        verified = attempt == last
        kind = task.Verified if verified else task.Rejected
        yield kind(**of_order, judgement=_judgement(verified=verified))


def _judgement(*, verified: bool) -> Judgement:
    finding = Finding(kind="wrong_value", integrity=False, criterion="A1", for_author="It returned another value.")
    return Judgement(
        verified=verified,
        tree=_DIGEST,
        grade="C",
        findings=() if verified else (finding, finding),
        evidence=_DIGEST,
        seed=7,
        sandbox="bubblewrap",
        not_held=(),
        wall_s=0.5,
        gates=_GATES,
        image=_DIGEST,
        attestation=_DIGEST,
    )


def decoded(log: Sequence[bytes]) -> tuple[list[Recorded], float]:
    """Decode a log. Return the events and the CPU microseconds per event."""
    begun = time.process_time()
    events = [recorded(seq, data) for seq, data in enumerate(log, start=1)]
    return events, 1_000_000 * (time.process_time() - begun) / len(log)


def folded_us(make: Callable[[], Projection], events: Sequence[Recorded], batch: int) -> float:
    """Fold events into rows that are committed in batches. Return the CPU microseconds per event.

    At the end of each batch, the changed rows are encoded as for a commit. They are not sent to a store.
    """
    projection = make()
    return _timed(projection, Rows(projection.tables), events, batch)


def _timed(projection: Projection, rows: Rows, events: Sequence[Recorded], batch: int) -> float:
    begun = time.process_time()
    for first in range(0, len(events), batch):
        for event in events[first : first + batch]:
            fold(projection, None, event, rows, 0)
        for _ in rows.changes():
            pass
        rows.settle()
    return 1_000_000 * (time.process_time() - begun) / len(events)


def split_at_planned(events: Sequence[Recorded]) -> tuple[list[Recorded], list[Recorded]]:
    """Return a log in two parts: the events before the first event of a task of their run, and all others.

    Each part keeps the order of the log, so the order of each run's events stays the same.
    """
    began: set[UUID] = set()
    first: list[Recorded] = []
    second: list[Recorded] = []
    for event in events:
        run = event.envelope.run
        if isinstance(event.event, TaskEvent) and run is not None:
            began.add(run)
        (second if run in began else first).append(event)
    return first, second


def task_event_us(make: Callable[[], Projection], events: Sequence[Recorded], batch: int) -> float:
    """Return the CPU microseconds of an event of a task, with the encoding of its rows, in runs that are planned."""
    projection = make()
    rows = Rows(projection.tables)
    first, second = split_at_planned(events)
    work = [event for event in second if isinstance(event.event, TaskEvent)]
    for event in first:
        fold(projection, None, event, rows, 0)
    rows.settle()
    return _timed(projection, rows, work, batch)


def measured(runs: int, tasks: int, batch: int) -> dict[str, float]:
    """Return the CPU microseconds per event: of decoding, of each projection, and of all projections together."""
    events, decode_us = decoded(log_of(runs, tasks))
    by_name = {name: folded_us(make, events, batch) for name, make in CONSUMERS.items()}
    return {"decode": decode_us, **by_name, "all": sum(by_name.values())}
