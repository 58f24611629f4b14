"""The service of `aura budget`: the organisation's limit, its spending, and the amount reserved for open runs."""

import msgspec

from bus.store import Store
from director.services.views import ORGANISATION
from domain.errors import Unavailable
from domain.money import Amount
from domain.organisation import OrganisationState

_state = msgspec.json.Decoder(OrganisationState)


class BudgetView(msgspec.Struct, frozen=True, kw_only=True):
    """The organisation's budget. `reserved`: the amount that open runs may still spend. `left`: for new runs.

    `left` is negative if the limit was lowered below the sum of spent and reserved. New runs are then refused.
    """

    limit: Amount
    spent: Amount
    reserved: Amount
    left: Amount


async def budget_of(store: Store) -> BudgetView:
    """Read the budget from the manager's rows. Raises Unavailable before the organisation is founded."""
    organisation = await ORGANISATION.first(store)
    if organisation is None:
        raise Unavailable("There is no organisation yet.", hint="Run `aura up` first. It founds the organisation.")
    state = _state.decode(organisation.state)
    return BudgetView(
        limit=state.cap,
        spent=state.spent,
        reserved=state.committed - state.spent,
        left=state.cap - state.committed,
    )
