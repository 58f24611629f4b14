"""People at the gate: the roles of a user come from the log, never from a session, a token or an argument."""

from collections.abc import Collection
from uuid import UUID

from bus.store import FAR, Store
from domain import user
from domain.errors import Forbidden, Refused
from domain.identity import Identity
from domain.message import Command, Unreadable
from domain.registry import EVENTS, Scope
from domain.run_messages import Approve, Submitted
from domain.user import UserRole, UserState
from governance.keys import Principal
from governance.repository import Loader
from governance.user_rights import USER_MATRIX, scopes_permit, user_may_send

USER_TYPES = tuple(name for name in EVENTS if name.startswith("user."))
APPROVERS: frozenset[UserRole] = frozenset(role for role, events in USER_MATRIX.items() if "run.approved" in events)


class People:
    """The users, read from the log. Every check reads the stream, so a role that is revoked counts at once."""

    def __init__(self, loader: Loader, store: Store) -> None:
        self._loader = loader
        self._store = store

    async def state(self, id: UUID) -> UserState:
        """Return a user as the stream has it now."""
        scope = Scope("user", id)
        async with self._loader.lock(scope):
            state: UserState = (await self._loader.load(scope, fresh=True)).state
        return state

    async def authorise(self, principal: Principal, command: Command) -> None:
        """Check that a user may send a command. Raises Forbidden, or Refused for the approval of its own request."""
        state = await self.state(principal.id)
        kind = type(command).__name__
        if not state.acting:
            why = "is disabled" if state.disabled else "has no role"
            raise Forbidden(
                f"The user {state.name or principal.id} {why}.",
                hint="A director gives the right: aura user list, then aura user enable or aura user role.",
            )
        if not user_may_send(state.acting, command):
            raise Forbidden(
                f"The user {state.name} may not send the command {kind}.",
                hint=f"The roles of {state.name}: {', '.join(state.acting)}. The rights of each role: docs/people.md.",
            )
        if principal.scopes is not None and not scopes_permit(principal.scopes, command):
            raise Forbidden(
                f"The token of {state.name} does not permit the command {kind}.",
                hint=f"Its scopes: {', '.join(principal.scopes) or 'none'}. Make another token: aura token create",
            )
        if isinstance(command, Approve):
            await self._not_the_requester(principal.id, command.run)

    async def _not_the_requester(self, approver: UUID, run: UUID) -> None:
        """Refuse an approval by the user who submitted the run, if another user may approve it."""
        history = await self._loader.history(Scope("run", run))
        submitted = next((event for event in history if isinstance(event.event, Submitted)), None)
        if submitted is None or submitted.envelope.principal != approver:
            return
        others = [state.name for id, state in (await self.everybody()).items() if id != approver and _approves(state)]
        if others:
            raise Refused(
                "Nobody approves their own request while another person may approve it.",
                hint=f"Ask one of these people: {', '.join(sorted(others))}.",
                code="own_request",
            )

    async def of_identity(self, identity: Identity) -> UUID | None:
        """Return the active user that has an identity; None if nobody has it, or more than one user."""
        ids = [id for id, state in (await self.everybody()).items() if identity in state.identities]
        if len(ids) != 1:
            return None
        state = await self.state(ids[0])
        return ids[0] if identity in state.identities and state.acting else None

    async def everybody(self) -> dict[UUID, UserState]:
        """Return each user as the store has it now, in the order in which they were added."""
        return await read_people(self._store)


async def read_people(store: Store, up_to: int = FAR) -> dict[UUID, UserState]:
    """Return each user, folded from its events up to a sequence, in the order in which they were added."""
    people: dict[UUID, UserState] = {}
    for recorded in await store.read_types(USER_TYPES, up_to):
        if recorded.void is None and not isinstance(recorded.event, Unreadable):
            id = recorded.envelope.entity_id
            people[id] = user.evolve(people.get(id, user.initial), recorded.event)
    return people


def _approves(state: UserState) -> bool:
    roles: Collection[UserRole] = state.acting
    return bool(APPROVERS.intersection(roles))
