"""The order of attempts at each task of a requirement, as the organisation's strategy would choose it today."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from agents.manager.choosing import listed_cost
from bus.checkpoints import read_rows
from bus.projection_rows import Row, Rows
from bus.store import Store
from director.services.submit import in_order, work_terms
from domain.employee import Profile
from domain.routing.attempt_order import AttemptOrder
from domain.routing.choice import Candidate
from domain.routing.evidence import cost_of
from domain.routing.fixed_point import MICRO
from domain.routing.terms import TURNS, WorkTerms, skill_for, value_of
from projections.manager import EmployeeRow, ManagerProjection
from projections.organisation_rows import ORGANISATION_TABLES, organisation_state
from projections.routing_tables import ROUTING_RESIDENT, evidence_of, posterior_of, total_of, version_at
from verification.requirements.model import Requirement

Part = tuple[str, int, tuple[str, ...]]
"""The name of a task, the number of its criteria, and its scope."""


async def attempt_orders(
    store: Store, requirement: Requirement, staff: Mapping[UUID, Profile]
) -> tuple[AttemptOrder, ...]:
    """Return the order of attempts at each task; empty if the employees take turns."""
    kinds: tuple[type[Row], ...] = (*ORGANISATION_TABLES, EmployeeRow, *ROUTING_RESIDENT)
    rows = await read_rows(store, ManagerProjection.name, kinds)
    parts = [(task.id, len(task.criteria), tuple(task.scope)) for task in in_order(requirement)]
    parts += [("REVIEW", 0, ())] if requirement.review else []
    return orders_of(rows, parts, work_terms(requirement), Decimal(requirement.budget.usd), staff)


def orders_of(
    rows: Rows, parts: Sequence[Part], terms: WorkTerms, budget_usd: Decimal, staff: Mapping[UUID, Profile]
) -> tuple[AttemptOrder, ...]:
    """Return the order of attempts at each task from the manager's rows."""
    setting, total = organisation_state(rows).routing, total_of(rows)
    if setting is None or setting.strategy == TURNS:
        return ()
    orders: dict[object, AttemptOrder] = {}
    chosen = []
    for name, criteria, scope in parts:
        value, _ = value_of(terms, name, setting, budget_usd, len(parts))
        candidates = []
        for who, profile in staff.items():
            skill = skill_for(terms, name, criteria, scope, profile.form)
            candidates.append(_candidate(rows, who, profile, skill.key if skill is not None else ""))
        key = (value, tuple(candidates))
        orders.setdefault(key, AttemptOrder(setting.strategy, value, total.shape, candidates))
        chosen.append(orders[key])
    return tuple(chosen)


def _candidate(rows: Rows, who: UUID, profile: Profile, skill: str) -> Candidate:
    version = version_at(rows, who)
    overall, row = evidence_of(rows, version), rows.get(EmployeeRow, who, "employee")
    return Candidate(
        version=str(who),
        posterior=posterior_of(rows, version, skill, total_of(rows).staff_rate),
        cost=cost_of(overall, listed_cost(profile, None)),
        time=overall.time * MICRO // overall.cost_weight if overall.cost_weight else 0,
        handicap=row.handicap_percent if row is not None else 0,
    )
