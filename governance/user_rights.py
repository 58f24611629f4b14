"""The rights of people: the events that each role of a user may cause, and those that a token's scopes permit.

A user may send a command if one of its roles permits it. A token permits only what its scopes permit, and never more
than its user's roles. The gate, the HTTP routes, the tests and the table in docs/people.md are derived from here.
"""

from collections.abc import Collection, Mapping
from typing import Literal, get_args

from domain.message import Command
from domain.registry import COMMANDS
from domain.run_messages import End, Return, Submit
from domain.user import USER_ROLES, UserRole
from governance.authority import MATRIX, may_send

TokenScope = Literal["read", "submit", "approve", "control", "admin", "halt", "override"]
TOKEN_SCOPES: tuple[TokenScope, ...] = get_args(TokenScope)

_SUBMIT = frozenset({"run.submitted", "run.secrets_consented", "run.ended"})
_APPROVE = frozenset({"run.approved", "run.returned", "run.ended"})
_COMMENT = frozenset({"run.commented", "run.returned"})
_HALT = frozenset({"organisation.halted"})
_STOP = _HALT | {"organisation.paused"}
_OVERRIDE = frozenset({"run.submitted", "run.overridden"})
_INCIDENTS = frozenset({"incident.acknowledged", "incident.worked", "incident.closed"})
_CHAT = frozenset({"chat.message_sent"})
"""A message by itself changes nothing: its act needs a right of its own."""
_ALL = MATRIX["director"] - {"organisation.founded"}

USER_MATRIX: Mapping[UserRole, frozenset[str]] = {
    "director": _ALL,
    "operator": _SUBMIT | _COMMENT | _STOP | _INCIDENTS | _CHAT,
    "approver": _APPROVE | _STOP | _CHAT,
    "auditor": frozenset(),
    "viewer": frozenset(),
}
"""Role of a user -> the events that it may cause. Everybody who may act may also stop the organisation."""

SCOPE_MATRIX: Mapping[TokenScope, frozenset[str]] = {
    "read": frozenset(),
    "submit": _SUBMIT | _COMMENT | _CHAT,
    "approve": _APPROVE,
    "control": _INCIDENTS | _CHAT | {"organisation.paused", "organisation.resumed"},
    "admin": _ALL - _HALT - {"run.overridden"},
    "halt": _HALT,
    "override": _OVERRIDE,
}
"""Scope of a token -> the events that it permits. Only `read` permits reads.

A session needs a fresh password for a halt and an override. A token cannot have one, so each has a scope of its own.
"""

READERS: frozenset[UserRole] = frozenset(USER_ROLES)
"""The roles that may read runs, events, costs and staff."""
_ENDS: Mapping[str, frozenset[UserRole]] = {
    "cancelled": frozenset({"director", "operator"}),
    "declined": frozenset({"director", "approver"}),
}
"""Outcome of an ended run -> the roles that may end a run in this way. A user may use no other outcome."""


def user_may_send(roles: Collection[UserRole], command: Command) -> bool:
    """Return whether a user with these roles may send this command.

    Some commands are narrower than their events: only a director lets employees read the secrets of a base, and an
    operator returns a delivery only with comments.
    """
    able = {role for role in roles if _permits(USER_MATRIX[role], type(command))}
    if isinstance(command, End):
        able &= _ENDS.get(command.outcome, frozenset())
    if isinstance(command, Return):
        able &= {"director", "approver"}
    if isinstance(command, Submit) and command.consent is not None:
        able &= {"director"}
    return bool(able)


def scopes_permit(scopes: Collection[str], command: Command) -> bool:
    """Return whether a token with these scopes permits this command, if its user may send it.

    A return without comments is a part of an approval, so the scope `submit` does not permit it.
    """
    able = set(scopes) - {"submit"} if isinstance(command, Return) else set(scopes)
    return any(_permits(SCOPE_MATRIX[scope], type(command)) for scope in TOKEN_SCOPES if scope in able)


def may_read(roles: Collection[UserRole], scopes: Collection[str] | None) -> bool:
    """Return whether a user with these roles may read, through a token with these scopes. None: without a token."""
    return bool(READERS.intersection(roles)) and (scopes is None or "read" in scopes)


def _permits(events: frozenset[str], kind: type[Command]) -> bool:
    """Return whether all events that a command may cause are permitted, and the Director may send it at all."""
    return set(COMMANDS[kind].causes) <= events and may_send("director", kind)
