"""People: users and their roles as events, their passwords, tokens and sign-in links outside the log.

Each function that changes something needs the Director's key, or the right of the signed-in user whose session it gets.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from bus.clock import now
from bus.store import Store
from director.services.session import DirectorSession, new_id
from domain.errors import Conflict, Invalid, NotFound
from domain.identity import Identity
from domain.user import (
    USER_ROLES,
    Create,
    Disable,
    Enable,
    GrantRole,
    Link,
    RevokeRole,
    Unlink,
    UserRole,
    UserState,
    user_id,
)
from governance.credentials import DAY_US, Credentials, FailureLine
from governance.people import read_people
from governance.user_rights import TOKEN_SCOPES


class UserLine(msgspec.Struct, frozen=True, kw_only=True):
    """A user. `roles`: the roles that it has. While it is `disabled`, it may act in none of them."""

    user: UUID
    name: str
    roles: tuple[UserRole, ...]
    disabled: bool
    identities: tuple[Identity, ...] = ()


class ShownToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token in a list. `state`: open, expired or revoked. Times are microseconds UTC."""

    token: UUID
    user: str
    name: str
    scopes: tuple[str, ...]
    expires_at: int
    used_at: int | None
    state: str


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    """A new token. `text` is shown only now."""

    token: UUID
    user: str
    scopes: tuple[str, ...]
    expires_at: int
    text: str


async def list_users(store: Store) -> list[UserLine]:
    """Return all users, in the order in which they were added."""
    return [_line(id, state) for id, state in (await read_people(store)).items()]


async def find_user(store: Store, name: str) -> UserLine:
    """Return the user with this name. Raises NotFound."""
    state = (await read_people(store)).get(user_id(name))
    if state is None:
        raise NotFound(f"There is no user {name!r}.", hint="`aura user list` lists the users.")
    return _line(user_id(name), state)


async def init_user(opened: DirectorSession, name: str, password: str) -> UserLine:
    """Add the first user, as a director. Raises Conflict if there is a user already."""
    if await read_people(opened.store):
        raise Conflict(
            "This organisation has users already.", hint=f"Add another one: aura user add {name} --role ROLE"
        )
    return await add_user(opened, name, ("director",), password)


async def add_user(opened: DirectorSession, name: str, roles: Sequence[str], password: str | None = None) -> UserLine:
    """Add a user with roles. Without a password it can sign in with a link only. Raises Invalid, Conflict."""
    credentials = Credentials(opened.store)
    if password is not None:
        credentials.check_strength(password)  # before the event, so that a weak password leaves nothing behind
    id = user_id(name)
    given = tuple(_role(role) for role in roles)
    await opened.done(Create(id=new_id(), at=now(), user=id, name=name, roles=given))
    if password is not None:
        await credentials.set_password(id, password)
    return await find_user(opened.store, name)


async def set_password(opened: DirectorSession, name: str, password: str) -> UserLine:
    """Give a user a new password. All sessions of the user end."""
    line = await find_user(opened.store, name)
    await Credentials(opened.store).set_password(line.user, password)
    return line


async def change_roles(
    opened: DirectorSession, name: str, *, grant: Sequence[str] = (), revoke: Sequence[str] = (), reason: str
) -> UserLine:
    """Grant and revoke roles. All sessions of the user end, so that every page shows the new rights."""
    line = await find_user(opened.store, name)
    if not grant and not revoke:
        raise Invalid("No role is named.", hint=f"Write --grant ROLE or --revoke ROLE. Roles: {', '.join(USER_ROLES)}.")
    granted, revoked = [_role(role) for role in grant], [_role(role) for role in revoke]
    for role in granted:
        await opened.done(GrantRole(id=new_id(), at=now(), user=line.user, role=role, reason=reason))
    for role in revoked:
        await opened.done(RevokeRole(id=new_id(), at=now(), user=line.user, role=role, reason=reason))
    await Credentials(opened.store).end_sessions(line.user)
    return await find_user(opened.store, name)


async def disable_user(opened: DirectorSession, name: str, reason: str) -> UserLine:
    """Disable a user. Its sessions end, and its tokens are revoked."""
    line = await find_user(opened.store, name)
    await opened.done(Disable(id=new_id(), at=now(), user=line.user, reason=reason))
    await Credentials(opened.store).revoke_everything(line.user)
    return await find_user(opened.store, name)


async def enable_user(opened: DirectorSession, name: str, reason: str) -> UserLine:
    """Enable a disabled user. It has its former roles, and its revoked tokens stay revoked."""
    line = await find_user(opened.store, name)
    await opened.done(Enable(id=new_id(), at=now(), user=line.user, reason=reason))
    return await find_user(opened.store, name)


async def link_user(opened: DirectorSession, name: str, issuer: str, subject: str) -> UserLine:
    """Link a user to an identity of an OpenID provider. Raises NotFound, Invalid, Conflict."""
    line = await find_user(opened.store, name)
    other = [each.name for each in await list_users(opened.store) if Identity(issuer, subject) in each.identities]
    if other and other != [name]:
        raise Conflict(
            f"This identity is linked to the user {other[0]} already.",
            hint=f"Remove it there: aura user unlink {other[0]} --subject {subject} --reason TEXT",
        )
    await opened.done(Link(id=new_id(), at=now(), user=line.user, issuer=issuer, subject=subject))
    return await find_user(opened.store, name)


async def unlink_user(opened: DirectorSession, name: str, issuer: str, subject: str, reason: str) -> UserLine:
    """Remove an identity from a user. All sessions of the user end. Raises NotFound, Invalid."""
    line = await find_user(opened.store, name)
    if Identity(issuer, subject) not in line.identities:
        raise NotFound(
            f"The user {name} has no identity {subject!r} at {issuer}.", hint="`aura user list` lists the identities."
        )
    await opened.done(Unlink(id=new_id(), at=now(), user=line.user, issuer=issuer, subject=subject, reason=reason))
    await Credentials(opened.store).end_sessions(line.user)
    return await find_user(opened.store, name)


async def create_token(
    opened: DirectorSession, name: str, *, scopes: Sequence[str], days: int, label: str = ""
) -> NewToken:
    """Make a token of a user. Raises NotFound, Invalid."""
    line = await find_user(opened.store, name)
    made = now()
    id, text = await Credentials(opened.store).create_token(line.user, label or name, scopes, days)
    chosen = tuple(scope for scope in TOKEN_SCOPES if scope in scopes)
    return NewToken(token=id, user=name, scopes=chosen, expires_at=made + days * DAY_US, text=text)


async def list_tokens(store: Store) -> list[ShownToken]:
    """Return all tokens without their secrets, the oldest first."""
    people, at = await read_people(store), now()
    return [
        ShownToken(
            token=line.id,
            user=people[line.user_id].name if line.user_id in people else str(line.user_id),
            name=line.name,
            scopes=line.scopes,
            expires_at=line.expires_at,
            used_at=line.used_at,
            state="revoked" if line.revoked_at is not None else "expired" if line.expires_at <= at else "open",
        )
        for line in await Credentials(store).tokens()
    ]


async def revoke_token(opened: DirectorSession, text: str) -> UUID:
    """Revoke a token by its id or the beginning of its id. Raises NotFound, Invalid."""
    matching = [line.token for line in await list_tokens(opened.store) if str(line.token).startswith(text.lower())]
    if not matching or not text:
        raise NotFound(f"There is no token {text!r}.", hint="`aura token list` lists the tokens.")
    if len(matching) > 1:
        raise Invalid(f"{len(matching)} tokens begin with {text!r}.", hint="Write more of the id.")
    await Credentials(opened.store).revoke_token(matching[0])
    return matching[0]


async def sign_in_link(opened: DirectorSession, name: str = "") -> tuple[UserLine, str]:
    """Return a user and the secret of a link that signs it in once.

    Without a name: the only user who may act as a director. Raises NotFound, Invalid.
    """
    everybody = await list_users(opened.store)
    directors = [line for line in everybody if "director" in line.roles and not line.disabled]
    chosen = [await find_user(opened.store, name)] if name else directors
    if not chosen:
        raise NotFound("No user is a director.", hint="Add the first user: aura user init NAME")
    if len(chosen) > 1:
        names = ", ".join(line.name for line in chosen)
        raise Invalid(f"There are {len(chosen)} directors: {names}.", hint="Name one: aura open NAME")
    return chosen[0], await Credentials(opened.store).create_link(chosen[0].user)


async def refused_sign_ins(store: Store) -> list[FailureLine]:
    """Return the counts of refused sign-ins by hour and kind, the oldest first."""
    return await Credentials(store).failures()


def _role(text: str) -> UserRole:
    """Return a role of users. Raises Invalid."""
    for role in USER_ROLES:
        if role == text:
            return role
    raise Invalid(f"There is no role {text!r} of users.", hint=f"Roles: {', '.join(USER_ROLES)}.")


def _line(id: UUID, state: UserState) -> UserLine:
    return UserLine(user=id, name=state.name, roles=state.roles, disabled=state.disabled, identities=state.identities)
