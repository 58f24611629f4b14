"""Sets the tier of an employee by a decision of the Director."""

from bus.clock import now
from director.services.session import desk, find_employee, new_id
from director.services.staff import StandingChanged, shown
from director.settings import Settings
from domain.employee import Place
from domain.errors import Invalid
from domain.tiers import TIERS
from governance import hr_rules


async def place(settings: Settings, who: str, tier: str, reason: str) -> StandingChanged:
    """Set the tier of an employee, with the ceilings of the rules. `seq` is 0 if it has both already.

    Raises NotFound for an unknown employee, Invalid for an unknown tier or without a reason, and Refused for a
    dismissed employee.
    """
    known = next((each for each in TIERS if each == tier), None)
    if known is None:
        raise Invalid(f"There is no tier {tier}.", hint=f"Write one of: {', '.join(TIERS)}.")
    rules = hr_rules.in_force(settings.root).of_tiers
    async with desk(settings) as opened:
        employee = await find_employee(opened.store, who)
        outcome = await opened.done(
            Place(
                id=new_id(),
                at=now(),
                employee=employee,
                tier=known,
                ceilings=rules.of(known).ceilings,
                rules_version=rules.version,
                reason=reason,
            )
        )
        await shown(opened, employee, lambda person: person.tier == tier)
    return StandingChanged(employee=employee, seq=outcome.seq)
