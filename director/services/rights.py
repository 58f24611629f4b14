"""The rights of people: the one matrix as a table, the users with their roles, and the tokens without secrets."""

import msgspec

from bus.store import Store
from director.services.people import ShownToken, UserLine, list_tokens, list_users
from domain.user import USER_ROLES
from governance.user_rights import READERS, SCOPE_MATRIX, TOKEN_SCOPES, USER_MATRIX


class RightLine(msgspec.Struct, frozen=True, kw_only=True):
    """One right, with its roles and scopes. `event`: the type of event that it permits to cause, or `read`."""

    event: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...]


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """The rights. `users`: as of the asked event. `tokens`: of now; None for an earlier state, which has no tokens."""

    rights: tuple[RightLine, ...]
    users: tuple[UserLine, ...]
    tokens: tuple[ShownToken, ...] | None


async def rights(store: Store) -> Rights:
    """Return the rights of all people. The matrix is that of this release."""
    return Rights(
        rights=matrix(),
        users=tuple(await list_users(store)),
        tokens=tuple(await list_tokens(store)) if store.as_of is None else None,
    )


def matrix() -> tuple[RightLine, ...]:
    """Return the matrix of roles and scopes, the right to read first, then the events by name."""
    reading = RightLine(event="read", roles=tuple(role for role in USER_ROLES if role in READERS), scopes=("read",))
    events = sorted(frozenset[str]().union(*USER_MATRIX.values(), *SCOPE_MATRIX.values()))
    return (
        reading,
        *(
            RightLine(
                event=event,
                roles=tuple(role for role in USER_ROLES if event in USER_MATRIX[role]),
                scopes=tuple(scope for scope in TOKEN_SCOPES if event in SCOPE_MATRIX[scope]),
            )
            for event in events
        ),
    )
