"""Users: the people who act through the doors, each under their own name, their roles, and their linked identities.

Passwords, sessions and tokens are not in the log. They are in the schema `auth`, because a hash must be erasable.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.errors import Conflict, Invalid, NotFound
from domain.identity import Identity, checked_identity
from domain.message import NAMESPACE, Command, Erased, Event, derive
from domain.reason import reason_of

UserRole = Literal["director", "operator", "approver", "auditor", "viewer"]
USER_ROLES: tuple[UserRole, ...] = get_args(UserRole)
NAME_CHARACTERS_MAX = 64
IDENTITIES_MAX = 10
_FIRST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_LATER = _FIRST | frozenset("._-")


def user_id(name: str) -> UUID:
    """Return the id of the user with this name. It follows from the name, so a name is never given twice."""
    return derive(NAMESPACE, "user", name)


class UserEvent(Event, frozen=True, kw_only=True):
    """An event of a user."""

    user: UUID

    def entity(self) -> tuple[str, UUID]:
        return "user", self.user


class Created(UserEvent, frozen=True, kw_only=True):
    """A user was added, with these roles."""

    type = "user.created"
    name: str
    roles: tuple[UserRole, ...]


class RoleGranted(UserEvent, frozen=True, kw_only=True):
    """A user got a role."""

    type = "user.role_granted"
    role: UserRole
    reason: str


class RoleRevoked(UserEvent, frozen=True, kw_only=True):
    """A user lost a role."""

    type = "user.role_revoked"
    role: UserRole
    reason: str


class Disabled(UserEvent, frozen=True, kw_only=True):
    """A user may do nothing any more until it is enabled again."""

    type = "user.disabled"
    reason: str


class Enabled(UserEvent, frozen=True, kw_only=True):
    """A disabled user may act again, with the roles that it had."""

    type = "user.enabled"
    reason: str


class Linked(UserEvent, frozen=True, kw_only=True):
    """A user got an identity of an OpenID provider. Whoever signs in there as this subject is this user."""

    type = "user.linked"
    issuer: str
    subject: str


class Unlinked(UserEvent, frozen=True, kw_only=True):
    """A user lost an identity of an OpenID provider."""

    type = "user.unlinked"
    issuer: str
    subject: str
    reason: str


class Create(Command, frozen=True, kw_only=True):
    """Add a user. `user` is the id that follows from the name."""

    user: UUID
    name: str
    roles: tuple[UserRole, ...]


class GrantRole(Command, frozen=True, kw_only=True):
    user: UUID
    role: UserRole
    reason: str


class RevokeRole(Command, frozen=True, kw_only=True):
    user: UUID
    role: UserRole
    reason: str


class Disable(Command, frozen=True, kw_only=True):
    user: UUID
    reason: str


class Enable(Command, frozen=True, kw_only=True):
    user: UUID
    reason: str


class Link(Command, frozen=True, kw_only=True):
    """Link a user to an identity: the subject of an issuer (an OpenID provider)."""

    user: UUID
    issuer: str
    subject: str


class Unlink(Command, frozen=True, kw_only=True):
    user: UUID
    issuer: str
    subject: str
    reason: str


CAUSES: Mapping[type[Command], type[UserEvent]] = {
    Create: Created,
    GrantRole: RoleGranted,
    RevokeRole: RoleRevoked,
    Disable: Disabled,
    Enable: Enabled,
    Link: Linked,
    Unlink: Unlinked,
}
"""Command -> the event that it causes."""


class UserState(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is empty if the payload of `user.created` was purged.

    Roles and identities that a purged event named are not there.
    """

    created: bool = False
    name: str = ""
    roles: tuple[UserRole, ...] = ()
    disabled: bool = False
    identities: tuple[Identity, ...] = ()

    @property
    def acting(self) -> tuple[UserRole, ...]:
        """The roles in which the user may act now."""
        return () if self.disabled else self.roles


initial = UserState()


def decide(command: Command, state: UserState) -> tuple[UserEvent, ...]:
    match command:
        case Create():
            return _created(command, state)
        case GrantRole(user=user, role=role):
            reason = _checked(user, command.reason, state)
            _known((role,))
            given = RoleGranted(user=user, role=role, reason=reason)
            return () if role in state.roles else (given,)
        case RevokeRole(user=user, role=role):
            reason = _checked(user, command.reason, state)
            _known((role,))
            taken = RoleRevoked(user=user, role=role, reason=reason)
            return (taken,) if role in state.roles else ()
        case Disable(user=user):
            reason = _checked(user, command.reason, state)
            return () if state.disabled else (Disabled(user=user, reason=reason),)
        case Enable(user=user):
            reason = _checked(user, command.reason, state)
            return (Enabled(user=user, reason=reason),) if state.disabled else ()
        case Link():
            return _linked(command, state)
        case Unlink(user=user, issuer=issuer, subject=subject):
            reason = _checked(user, command.reason, state)
            gone = Unlinked(user=user, issuer=issuer, subject=subject, reason=reason)
            return (gone,) if Identity(issuer, subject) in state.identities else ()
    raise TypeError(f"not a command of a user: {type(command).__name__}")


def _created(command: Create, state: UserState) -> tuple[UserEvent, ...]:
    if not _is_name(command.name):
        raise Invalid(
            f"{command.name!r} cannot be the name of a user.",
            hint="Use small letters, digits, dots, hyphens and underscores. Begin with a letter or a digit.",
        )
    if command.user != user_id(command.name):
        raise Invalid(f"The id {command.user} does not follow from the name {command.name}.", hint="Give no id.")
    if not command.roles:
        raise Invalid(f"The user {command.name} needs a role.", hint=f"Roles: {', '.join(USER_ROLES)}.")
    _known(command.roles)
    if state.created:
        raise Conflict(
            f"There is a user {command.name} already.",
            hint=f"Choose another name, or change the roles: aura user role {command.name} --grant ROLE --reason TEXT",
        )
    return (Created(user=command.user, name=command.name, roles=_in_order(command.roles)),)


def _linked(command: Link, state: UserState) -> tuple[UserEvent, ...]:
    _exists(command.user, state)
    identity = checked_identity(command.issuer, command.subject)
    if identity in state.identities:
        return ()
    if len(state.identities) >= IDENTITIES_MAX:
        raise Conflict(
            f"A user has at most {IDENTITIES_MAX} identities.",
            hint=f"Remove one: aura user unlink {state.name} --subject ID --reason TEXT",
        )
    return (Linked(user=command.user, issuer=command.issuer, subject=command.subject),)


def _is_name(text: str) -> bool:
    return 0 < len(text) <= NAME_CHARACTERS_MAX and text[0] in _FIRST and _LATER.issuperset(text)


def _known(roles: Sequence[str]) -> None:
    for role in roles:
        if role not in USER_ROLES:
            raise Invalid(f"There is no role {role!r} of users.", hint=f"Roles: {', '.join(USER_ROLES)}.")


def _checked(user: UUID, reason: str, state: UserState) -> str:
    """Return the reason. Raises NotFound if there is no such user, and Invalid without a reason."""
    _exists(user, state)
    return reason_of(reason)


def _exists(user: UUID, state: UserState) -> None:
    if not state.created:
        raise NotFound(f"There is no user {user}.", hint="`aura user list` lists the users.")


def _in_order(roles: Sequence[UserRole]) -> tuple[UserRole, ...]:
    """Return the roles without repeats, in the order of USER_ROLES."""
    return tuple(role for role in USER_ROLES if role in roles)


def evolve(state: UserState, event: Event | Erased) -> UserState:
    match event:
        case Created(name=name, roles=roles):
            return replace(state, created=True, name=name, roles=roles)
        case RoleGranted(role=role):
            return replace(state, roles=_in_order((*state.roles, role)))
        case RoleRevoked(role=role):
            return replace(state, roles=tuple(each for each in state.roles if each != role))
        case Disabled() | Erased(type=Disabled.type):
            return replace(state, disabled=True)
        case Enabled() | Erased(type=Enabled.type):
            return replace(state, disabled=False)
        case Erased(type=Created.type):
            return replace(state, created=True)
        case Erased(type=RoleRevoked.type):
            return replace(state, roles=())  # nobody knows which role was taken, so none is left
        case Linked(issuer=issuer, subject=subject):
            return replace(state, identities=(*state.identities, Identity(issuer, subject)))
        case Unlinked(issuer=issuer, subject=subject):
            gone = Identity(issuer, subject)
            return replace(state, identities=tuple(each for each in state.identities if each != gone))
        case Erased(type=Unlinked.type):
            return replace(state, identities=())  # nobody knows which identity was taken, so none is left
    return state
