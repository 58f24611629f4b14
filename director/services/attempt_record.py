"""One attempt as it is on the log: its orders, and the permits, receipts and end of each."""

from collections.abc import Iterable
from uuid import UUID

from domain import task
from domain.employee import Hired, Renamed
from domain.errors import Invalid, NotFound
from domain.message import Event, Recorded
from domain.money import NOTHING, Amount
from domain.run_messages import Delivered, Ended, Planned, Returned
from domain.snapshot import PromptRecord


class OrderRecord:
    """One order of an attempt.

    `totals`: for each receipt, the sum of the receipts up to it, in the order of the log. `submitted_seq`: position of
    the hand-in.
    """

    def __init__(self, assigned: task.Assigned) -> None:
        self.assigned = assigned
        self.started: dict[int, task.CallStarted] = {}
        self.finished: dict[int, task.CallFinished] = {}
        self.totals: dict[int, Amount] = {}
        self.charged = NOTHING
        self.submitted: task.Submitted | None = None
        self.submitted_seq = 0
        self.ended: task.AttemptEnded | task.Released | None = None
        self.verdict: task.Verified | task.Rejected | None = None

    @property
    def prompts(self) -> dict[int, PromptRecord]:
        """The records of the prompts, by call."""
        return {index: receipt.prompt for index, receipt in self.finished.items()}

    @property
    def is_over(self) -> bool:
        """Whether no call can follow."""
        return self.submitted is not None or self.ended is not None

    def hear(self, event: Event, seq: int) -> None:
        """Take the next event of the order."""
        match event:
            case task.CallStarted():
                self.started[event.index] = event
            case task.CallFinished():
                self.finished[event.index] = event
                self.charged = self.totals[event.index] = self.charged + event.charged
            case task.Submitted():
                self.submitted, self.submitted_seq = event, seq
            case task.Released():
                self.ended, self.charged = event, self.charged + event.charged
            case task.Verified() | task.Rejected():
                self.verdict = event
        self.ended = task.end_without_work(event) or self.ended


class RunRecord:
    """The attempts of one run, read from its events. Void events, and events whose content was purged, are left out.

    `rests`: the run waits for a person or has ended, so nobody works on it.
    """

    def __init__(self) -> None:
        self.orders: dict[UUID, OrderRecord] = {}
        self.tasks: dict[UUID, str] = {}
        self.names: dict[UUID, str] = {}
        self.rests = False

    def hear(self, recorded: Recorded) -> None:
        """Take the next event of the log."""
        event = recorded.event
        if recorded.void is not None or not isinstance(event, Event):
            return
        match event:
            case Planned():
                self.tasks |= {planned.id: planned.name for planned in event.tasks}
            case Hired():
                self.names[event.employee] = event.profile.name
            case Renamed():
                self.names[event.employee] = event.name
            case Delivered() | Ended():
                self.rests = True
            case Returned():
                self.rests = False
            case task.Assigned():
                self.orders[event.order] = OrderRecord(event)
        known = self.orders.get(getattr(event, "order", None))  # type: ignore[arg-type]  # None is no key
        if known is not None:
            known.hear(event, recorded.seq)

    def attempt(self, run: UUID, number: int, task_name: str = "") -> tuple[str, list[OrderRecord]]:
        """Return the name of the task and the orders of an attempt, the oldest first.

        An attempt has several orders if calls failed by a fault, because a fault uses up no attempt.

        Raises NotFound if there is no such attempt, and Invalid if several tasks have an attempt with this number.
        """
        orders = [order for order in self.orders.values() if order.assigned.attempt == number]
        names = list(dict.fromkeys(self.name_of(order) for order in orders))
        if task_name:
            orders = [order for order in orders if self.name_of(order) == task_name]
        elif len(names) > 1:
            raise Invalid(
                f"{len(names)} tasks have an attempt {number}: {', '.join(names)}.", hint=f"Add --task {names[0]}."
            )
        if not orders:
            what = f"Task {task_name} of this run" if task_name else "This run"
            raise NotFound(f"{what} has no attempt {number}.", hint=f"`aura run show {run}` lists the attempts.")
        return self.name_of(orders[-1]), orders

    def name_of(self, order: OrderRecord) -> str:
        """Return the name of an order's task."""
        return self.tasks.get(order.assigned.task, "?")


def record_of(events: Iterable[Recorded]) -> RunRecord:
    """Return the record of these events."""
    record = RunRecord()
    for recorded in events:
        record.hear(recorded)
    return record
