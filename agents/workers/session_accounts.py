"""The accounts of a session of a model: each call goes through the account that its permit names."""

from collections.abc import Mapping

from agents.cli_agents.employee import AgentEmployee
from agents.employees.by_account import ByAccount
from agents.employees.call_errors import CallFailed
from agents.employees.contract import Employee, ModelResult, Order
from agents.employees.conversation import Bound, CallRequest, Model
from agents.gateway.contract import Upstream
from agents.permits import Permits
from agents.sessions.employee import session_model
from domain.faults import ACCOUNT_FAULTS
from domain.money import Amount


def agents_by_account(employee: Employee, order: Order) -> dict[str, Upstream]:
    """Return the model of a coding agent through each of its accounts; nothing if it names none."""
    if not isinstance(employee, ByAccount):
        return {}
    ways = {name: employee.through(name) for name in employee.names}
    return {name: way.upstream(order) for name, way in ways.items() if isinstance(way, AgentEmployee)}


class SessionAccounts:
    """The model of a session, and the permits of its calls. A session makes one call after the other.

    If a call fails because of its account, the session asks for another permit at once, and says which accounts failed.
    """

    def __init__(self, employee: ByAccount, order: Order, permits: Permits) -> None:
        self._employee = employee
        self._order = order
        self._permits = permits
        self._first = self._model(employee.names[0])
        self._account = employee.names[0]
        self._failed: set[str] = set()

    @property
    def provider(self) -> str:
        return self._first.provider

    @property
    def model(self) -> str:
        return self._first.model

    @property
    def scripted(self) -> bool:
        return self._first.scripted

    @property
    def has_tools(self) -> bool:
        return self._first.has_tools

    def describe(self) -> Mapping[str, str]:
        return self._first.describe()

    def bound(self, request: CallRequest) -> Bound:
        return self._first.bound(request)

    async def ask(self, bound: Amount) -> int:
        """Return the index of the permitted call, which goes through the account of the permit."""
        permit = await self._permits.permit(bound, self._failed)
        self._account = permit.account
        return permit.index

    async def complete(self, request: CallRequest) -> ModelResult:
        result = await self._model(self._account).complete(request)
        self._failed.clear()
        return result

    def may_go_on(self, failure: CallFailed) -> bool:
        """Note that the account of the last call failed. Return whether another account was not tried yet."""
        if failure.failure not in ACCOUNT_FAULTS:
            return False
        self._failed.add(self._account)
        if len(self._failed) < len(self._employee.names):
            return True
        self._failed.clear()
        return False

    async def probe(self) -> ModelResult:
        return await self._first.probe()

    async def close(self) -> None:
        """Leave the connections open: they belong to the employee."""

    def _model(self, account: str) -> Model:
        return session_model(self._employee.through(account), self._order)
