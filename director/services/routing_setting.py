"""The routing of the organisation: its strategy, the value of a verified task, and the evidence about employees."""

from decimal import Decimal
from uuid import UUID

import msgspec

from bus.checkpoints import read_rows
from bus.clock import now
from bus.projection_rows import Row
from bus.store import Store
from director.services.session import archive, desk, in_time, new_id
from director.settings import Settings
from domain.errors import Invalid, Unavailable
from domain.organisation import SetRouting
from domain.routing.evidence import cost_of
from domain.routing.fixed_point import MICRO
from domain.routing.terms import TURNS, RoutingSetting
from projections.manager import EmployeeRow, ManagerProjection
from projections.organisation_rows import ORGANISATION_TABLES, organisation_phase, organisation_state
from projections.routing_tables import (
    OVERALL,
    EvidenceRow,
    RoutingTotal,
    VersionRow,
    posterior_of,
    total_of,
    version_at,
)


class EvidenceLine(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence about the present version of an employee. `skill`: "overall" for all its work.

    `rate`: the expected share of verified attempts, in micro-units. `cost`: micro-dollars per attempt. `time`:
    microseconds per attempt. Cost and time are None before the first attempt.
    """

    employee: UUID
    name: str
    version: UUID
    skill: str
    attempts: int
    rate: int
    cost: int | None
    time: int | None
    handicap: int


class RoutingView(msgspec.Struct, frozen=True, kw_only=True):
    """The routing of the organisation. `is_set`: the Director has chosen it; otherwise employees take turns.

    `value_usd`: None means the run's budget divided by its tasks. `spent` and `explored`: micro-dollars of all
    attempts, and of attempts to learn. `staff_rate`: the average rate of all versions, in micro-units.
    """

    strategy: str
    value_usd: Decimal | None
    is_set: bool
    spent: int
    explored: int
    staff_rate: int
    evidence: tuple[EvidenceLine, ...]


class RoutingChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A new setting and the event (`seq`) that set it; 0 if it was set before."""

    strategy: str
    value_usd: Decimal | None
    seq: int


async def show_routing(settings: Settings) -> RoutingView:
    """Read the routing from the manager's rows. Raises Unavailable before the organisation is founded."""
    async with archive(settings) as store:
        return await routing_of(store)


async def routing_of(store: Store) -> RoutingView:
    """Read the routing from the manager's rows. Raises Unavailable before the organisation is founded."""
    kinds: tuple[type[Row], ...] = (*ORGANISATION_TABLES, EmployeeRow, EvidenceRow, RoutingTotal, VersionRow)
    rows = await read_rows(store, ManagerProjection.name, kinds)
    if organisation_phase(rows) == "unfounded":
        raise Unavailable("There is no organisation yet.", hint="Run `aura up` first. It founds the organisation.")
    setting, total = organisation_state(rows).routing, total_of(rows)
    lines = []
    for row in sorted(rows.all(EmployeeRow), key=lambda row: row.name):
        version = version_at(rows, row.scope)
        for known in rows.of(EvidenceRow, version):
            skill = "" if known.key == OVERALL else known.key
            weight = known.cost_weight
            lines.append(
                EvidenceLine(
                    employee=row.scope,
                    name=row.name,
                    version=version,
                    skill=known.key,
                    attempts=known.attempts,
                    rate=posterior_of(rows, version, skill, total.staff_rate).mean,
                    cost=cost_of(known.evidence, 0, 0) if weight else None,
                    time=known.time * MICRO // weight if weight else None,
                    handicap=row.handicap_percent,
                )
            )
    return RoutingView(
        strategy=TURNS if setting is None else setting.strategy,
        value_usd=None if setting is None else setting.value_usd,
        is_set=setting is not None,
        spent=total.spent,
        explored=total.explored,
        staff_rate=total.staff_rate,
        evidence=tuple(lines),
    )


def value_in(text: str) -> Decimal | None:
    """Return the value of a verified task. The word `budget` means the run's budget divided by its tasks."""
    if text == "budget":
        return None
    try:
        return Decimal(text)
    except ArithmeticError:
        raise Invalid(
            f"{text!r} is not a value.", hint="Write an amount of US dollars, such as 0.50, or the word budget."
        ) from None


async def set_routing(settings: Settings, strategy: str | None, value: str | None) -> RoutingChanged:
    """Set the strategy, the value or both. What is None stays. `value`: see `value_in`. Raises Invalid."""
    if strategy is None and value is None:
        raise Invalid("Nothing is to be set.", hint="Give --strategy, --value-usd or both.")
    async with desk(settings) as opened:
        present = await routing_of(opened.store)
        wanted = RoutingSetting(
            strategy=present.strategy if strategy is None else strategy,
            value_usd=present.value_usd if value is None else value_in(value),
        )
        outcome = await opened.done(SetRouting(id=new_id(), at=now(), routing=wanted))

        async def there() -> bool:
            shown = await routing_of(opened.store)
            return shown.is_set and (shown.strategy, shown.value_usd) == (wanted.strategy, wanted.value_usd)

        await in_time(there)
    return RoutingChanged(strategy=wanted.strategy, value_usd=wanted.value_usd, seq=outcome.seq)
