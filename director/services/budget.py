"""The service of `aura budget`: the organisation's limit, its spending, and the amount reserved for open runs."""

import msgspec

from bus.store import Store
from director.services.views import ORGANISATION
from domain.errors import Unavailable
from domain.money import Amount
from projections.organisation_rows import OrganisationHead

_head = msgspec.json.Decoder(OrganisationHead)


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
    try:
        head = _head.decode(organisation.state)
    except msgspec.ValidationError as error:
        raise Unavailable(
            "The manager's rows have the form of another release.", hint="Start the processes of this release: aura up"
        ) from error
    return BudgetView(
        limit=head.cap,
        spent=head.spent,
        reserved=head.reserved,
        left=head.cap - head.spent - head.reserved,
    )
