"""A tool: its name, its arguments and answer, the right that it needs, and its work."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

import msgspec

from bus.blobs import Blobs
from bus.store import Store
from director.mcp.arguments import Arguments
from director.services.callers import Callers
from director.services.session import DirectorSession
from director.settings import Settings
from domain.errors import Forbidden
from domain.message import Command
from domain.user import UserState
from governance.credentials import SignedIn
from governance.user_rights import TOKEN_SCOPES, may_read, scopes_permit, user_may_send

Progress = Callable[[float, float | None, str], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a tool. `local`: the server runs at stdio, so arguments may name files of this machine."""

    who: SignedIn
    callers: Callers
    local: bool
    progress: Progress

    @property
    def store(self) -> Store:
        return self.callers.office.store

    @property
    def settings(self) -> Settings:
        return self.callers.settings

    @property
    def session(self) -> DirectorSession:
        """The session in which the caller sends commands."""
        return self.callers.session(self.who)

    @property
    def blobs(self) -> Blobs:
        return self.session.blobs

    def only_local(self, what: str) -> None:
        """Raise Forbidden if an argument names a file of the server, and the caller is not on its machine."""
        if not self.local:
            raise Forbidden(
                f"This server is not at stdio, so {what} would be on its machine.",
                hint="Send the texts themselves, or use `aura mcp` on that machine.",
                code="not_here",
            )


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool. `needs`: a command that the caller must be allowed to send; None for a tool that only reads.

    The gate decides each command again. `needs` decides which tools are listed, and it guards tools without a command.
    """

    name: str
    title: str
    says: str
    arguments: type[Arguments]
    answer: type[msgspec.Struct]
    work: Callable[[Call, Any], Awaitable[msgspec.Struct]]
    needs: Command | None = None
    guarded: bool = False
    destructive: bool = False
    idempotent: bool = True
    open_world: bool = False

    @property
    def read_only(self) -> bool:
        return self.needs is None

    def may_call(self, state: UserState, scopes: Collection[str] | None) -> bool:
        """Return whether a user may call this tool, through a token with these scopes. None: without a token."""
        if self.needs is None:
            return may_read(state.acting, scopes)
        return user_may_send(state.acting, self.needs) and (scopes is None or scopes_permit(scopes, self.needs))

    def scopes(self) -> tuple[str, ...]:
        """Return the scopes of a token each of which is enough for this tool."""
        if self.needs is None:
            return ("read",)
        return tuple(scope for scope in TOKEN_SCOPES if scopes_permit((scope,), self.needs))
