"""The checks of a posting before its employee is hired: name, key, accounts and price."""

import os
from collections.abc import Mapping

from msgspec.structs import replace

from agents.employees import postings
from agents.employees.account_files import AccountFile, accounts_of
from agents.employees.by_account import build_employee
from agents.employees.posting import Posting
from agents.employees.postings import build
from agents.employees.providers.table import profile_of
from director.services.hire_options import Hiring, account_names
from domain.errors import Invalid


def with_server_of_account(wanted: Hiring, accounts: Mapping[str, AccountFile]) -> Hiring:
    """Return the options with the server of the first account, if they name accounts and no server."""
    names = account_names(wanted.accounts or "")
    if not names or wanted.base_url or names[0] not in accounts:
        return wanted
    return replace(wanted, base_url=accounts[names[0]].base_url)


async def checked(posting: Posting, accounts: Mapping[str, AccountFile]) -> Posting:
    """Check a posting and return it. `accounts`: all that exist.

    Raises Invalid for a bad name, script, key or account, and for an unknown price.
    """
    postings.checked_name(posting.name)
    await build_employee(build, posting, accounts_of(posting, accounts), os.environ).close()
    if profile_of(posting).call_usd_max is None:
        raise Invalid(
            f"The price of {posting.model} at {posting.base_url} is not known, so no budget can be reserved for it.",
            hint="State it with --price-in and --price-out, or add --local if it costs nothing.",
            code="price_unknown",
        )
    return posting
