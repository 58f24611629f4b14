"""The record of a choice in the event of an assignment: bounded in size, and enough to explain the choice later."""

from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from domain.routing.choice import Choice, Reason, Valued
from domain.routing.skill import Risk

RECORDED_MAX = 16
"""The most candidates of one record. The others are counted (`more`)."""

ValueSource = Literal["task", "run", "organisation", "budget"]
"""The origin of a task's value: the requirement for this task, or for each task; the organisation's setting; or the
budget of the run, divided by its tasks.
"""


class CandidateRecord(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One employee that could try the task. Rates are in micro-units, money in micro-dollars, time in microseconds.

    `rate`: at an untried task. `rate_now`: at this one. `drawn_rate` and `drawn`: a drawn rate, and its reservation
    value. `busy`: it had no free slot. `handicap`: what a fine adds to its cost in the comparison, in percent.
    """

    employee: UUID
    version: UUID
    rate: int
    rate_now: int
    cost: int
    time: int = 0
    reservation: int
    drawn_rate: int | None = None
    drawn: int | None = None
    busy: bool = False
    handicap: int = 0


class ChoiceRecord(Struct, frozen=True, kw_only=True, gc=False):
    """Why an employee got the task. The employee itself is a field of the event.

    `value`: the value of the verified task in micro-dollars. `size`: the cost of this task relative to an average one,
    in micro-units. `failed`: the number of earlier attempts that failed. `more`: candidates that are not listed.
    `counter`: the number of draws of `seed`. `parallel`: employees that try at the same time. `model`: the version of
    the model of difficulty that gave the rates (domain/routing/difficulty.py).
    """

    strategy: str
    reason: Reason
    value: int
    value_from: ValueSource
    risk: Risk = "normal"
    size: int
    failed: int = 0
    candidates: tuple[CandidateRecord, ...]
    more: int = 0
    seed: str = ""
    counter: int = 0
    parallel: tuple[UUID, ...] = ()
    model: int = 1

    def as_choice(self, employee: UUID) -> Choice:
        """Return the choice of this employee, with the ids of the employees as names of the candidates."""
        candidates = tuple(
            Valued(
                version=str(each.employee),
                rate=each.rate,
                rate_now=each.rate_now,
                cost=each.cost,
                time=each.time,
                reservation=each.reservation,
                drawn_rate=each.drawn_rate,
                drawn=each.drawn,
                handicap=each.handicap,
            )
            for each in self.candidates
        )
        return Choice(
            strategy=self.strategy,
            version=str(employee),
            reason=self.reason,
            value=self.value,
            candidates=candidates,
            parallel=tuple(map(str, self.parallel)),
            seed=self.seed,
            counter=self.counter,
        )

    def of(self, employee: UUID) -> CandidateRecord | None:
        """Return the candidate with the employee's numbers; None if it is not listed."""
        return next((each for each in self.candidates if each.employee == employee), None)


def with_first_model(fields: dict[str, Any]) -> dict[str, Any]:
    """Upcast an assignment of version 3. Its choice, if it has one, was made with the first model of difficulty."""
    choice = fields["choice"]
    return fields if choice is None else {**fields, "choice": {**choice, "model": 1}}
