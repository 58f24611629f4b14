"""An employee with several accounts: one way to reach the same model for each of them."""

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from agents.employees.account_files import AccountFile, posting_through
from agents.employees.call_errors import CallFailed
from agents.employees.contract import Answer, Employee, ModelResult, Order
from agents.employees.posting import Posting

Build = Callable[[Posting, Mapping[str, str]], Employee]


class ByAccount:
    """The employee through each of its accounts, in order. The permit of a call says which one the call uses."""

    def __init__(self, ways: Mapping[str, Employee]) -> None:
        """`ways`: name of an account -> the employee through it; at least one."""
        self._ways = ways
        self.first = next(iter(ways.values()))

    @property
    def id(self) -> UUID:
        return self.first.id

    @property
    def name(self) -> str:
        return self.first.name

    @property
    def provider(self) -> str:
        return self.first.provider

    @property
    def scripted(self) -> bool:
        return self.first.scripted

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the accounts, in order."""
        return tuple(self._ways)

    def describe(self) -> Mapping[str, str]:
        return self.first.describe()

    def through(self, account: str) -> Employee:
        """Return the employee through one of its accounts.

        :raises CallFailed: auth, if this worker does not have the account.
        """
        way = self._ways.get(account)
        if way is None:
            raise CallFailed("auth", f"The worker of {self.name} does not have the account {account}.")
        return way

    async def work(self, order: Order) -> Answer:
        return await self.first.work(order)

    async def probe(self) -> ModelResult:
        return await self.first.probe()

    async def close(self) -> None:
        for way in self._ways.values():
            await way.close()


def through(employee: Employee, account: str) -> Employee:
    """Return the employee through the account of a permit. Raises CallFailed if this worker does not have it."""
    return employee.through(account) if isinstance(employee, ByAccount) else employee


def first_way(employee: Employee) -> Employee:
    """Return the employee through its first account, for what is the same with all accounts."""
    return employee.first if isinstance(employee, ByAccount) else employee


def build_employee(
    build: Build, posting: Posting, accounts: Sequence[AccountFile], environment: Mapping[str, str]
) -> Employee:
    """Build the employee of a posting, through its accounts if there are any. Raises the errors of `build`."""
    if not accounts:
        return build(posting, environment)
    return ByAccount(
        {
            account.name: build(posting_through(posting, account), account.environment(environment))
            for account in accounts
        }
    )
