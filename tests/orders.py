"""Orders for tests of employees: one small task. The ids have no meaning."""

from decimal import Decimal
from uuid import UUID

from agents.briefs.brief import Brief, BriefCriterion
from agents.employees.contract import CallLimits, Order

BRIEF = Brief(
    title="Small tools",
    prose="Small functions.",
    task="T1",
    criteria=(BriefCriterion(id="A1", says="`double(number)` returns twice the number", examples=("double(2) == 4",)),),
    paths=("double.py",),
    signatures=("def double(number)",),
)
LIMITS = CallLimits(output_tokens_max=64, wall_s=60.0, cost_usd_max=Decimal(1))


def order(*, brief: Brief = BRIEF, limits: CallLimits = LIMITS, attempt: int = 1, seed: int = 7) -> Order:
    """Return an order for one call."""
    return Order(
        id=UUID(int=1),
        run=UUID(int=2),
        task=UUID(int=3),
        task_name=brief.task,
        employee=UUID(int=4),
        attempt=attempt,
        seed=seed,
        brief=brief,
        limits=limits,
    )
