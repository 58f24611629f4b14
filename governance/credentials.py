"""Sign-in of people: passwords, sessions, tokens and one-time links, in the schema `auth`. The log has none of them.

A credential says who a person is. What the person may do is read from the log (`people.py`).
"""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from bus.clock import now
from bus.store import Store
from domain.errors import Forbidden, Invalid, NotFound
from governance.keys import Principal
from governance.user_rights import TOKEN_SCOPES
from sql import named

SECRET_BYTES = 32
SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US
DAY_US = 24 * HOUR_US
IDLE_US = HOUR_US // 2
"""A session without a request for this long has ended."""
ABSOLUTE_US = 12 * HOUR_US
"""A session ends after this time, whatever happens."""
LINK_US = 300 * SECOND_US
CONFIRMED_US = 300 * SECOND_US
"""A halt, an override and a change of keys need a password, or a one-time link, that is at most this old."""
TOKEN_DAYS_MAX = 366
PASSWORD_CHARACTERS_MIN = 12
PASSWORD_BYTES_MAX = 1024
HASHES_AT_ONCE_MAX = 2
"""Each hash takes 64 MiB of memory, so a flood of sign-ins waits here."""
TOKEN_PREFIX = "aura"
_hasher = PasswordHasher()


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A person at a door. `id`: of the session or token. `scopes`: of the token; None for a session."""

    id: UUID
    user: UUID
    scopes: tuple[str, ...] | None
    authenticated_at: int = 0

    @property
    def principal(self) -> Principal:
        return Principal(self.user, "user", self.scopes)


class TokenLine(msgspec.Struct, frozen=True, kw_only=True):
    """A token without its secret. Times are microseconds UTC."""

    id: UUID
    user_id: UUID
    name: str
    scopes: tuple[str, ...]
    created_at: int
    expires_at: int
    used_at: int | None
    revoked_at: int | None


class FailureLine(msgspec.Struct, frozen=True, kw_only=True):
    """The number of refused sign-ins of one kind within an hour. `hour`: its beginning."""

    hour: int
    kind: str
    count: int


def csrf_of(secret: str) -> str:
    """Return the token against forged requests of a session. Only a page of the session knows it."""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


class Credentials:
    """The schema `auth`. Secrets go in and out as text, and only their hashes are stored."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._hashing = asyncio.Semaphore(HASHES_AT_ONCE_MAX)

    async def set_password(self, user: UUID, password: str) -> None:
        """Store the hash of a new password. All sessions of the user end. Raises Invalid for a weak password."""
        self.check_strength(password)
        async with self._hashing:
            digest = await asyncio.to_thread(_hasher.hash, password)
        await self._run("auth_password_set", user, digest, now())
        await self.end_sessions(user)

    @staticmethod
    def check_strength(password: str) -> None:
        """Raise Invalid for a password that is too short or too long."""
        if len(password) < PASSWORD_CHARACTERS_MIN or len(password.encode()) > PASSWORD_BYTES_MAX:
            raise Invalid(
                f"A password has at least {PASSWORD_CHARACTERS_MIN} characters and at most {PASSWORD_BYTES_MAX} bytes.",
                hint="Use several words. There are no other rules.",
            )

    async def check_password(self, user: UUID, password: str) -> bool:
        """Return whether a password is right. An unknown user takes as long as a known one."""
        if len(password.encode()) > PASSWORD_BYTES_MAX:
            return False
        stored: str | None = await self._value("auth_password", user)
        async with self._hashing:
            right = await asyncio.to_thread(lambda: _matches(stored or _nobodys(), password))
        return right and stored is not None

    async def begin_session(self, user: UUID, authenticated_at: int | None = None) -> str:
        """Return the secret of a new session. Every sign-in makes a new one.

        authenticated_at: when an OpenID provider asked the person, 0 if it did not tell; None: now.
        """
        secret, at = secrets.token_urlsafe(SECRET_BYTES), now()
        asked_at = at if authenticated_at is None else authenticated_at
        await self._run("auth_session_add", uuid4(), _digest(secret), user, at, asked_at)
        return secret

    async def use_nonce(self, nonce: str) -> bool:
        """Note that the answer of an OpenID provider is used. Return False if it was used before."""
        at = now()
        return await self._value("auth_oidc_use", _digest(nonce), at + HOUR_US, at) is not None

    async def session(self, secret: str) -> SignedIn | None:
        """Return who is signed in with this secret, and note the time; None if the session has ended."""
        row = await self._row("auth_session_use", _digest(secret), now(), IDLE_US, ABSOLUTE_US)
        if row is None:
            return None
        id, user = UUID(int=row["id"].int), UUID(int=row["user_id"].int)
        return SignedIn(id=id, user=user, scopes=None, authenticated_at=row["authenticated_at"])

    async def is_open(self, who: SignedIn) -> bool:
        """Return whether a session or token is still open, without using it. A stream asks again and again."""
        if who.scopes is not None:
            return bool(await self._value("auth_token_open", who.id, now()))
        return bool(await self._value("auth_session_open", who.id, now(), ABSOLUTE_US))

    async def end_session(self, id: UUID) -> None:
        await self._run("auth_session_end", id, now())

    async def end_session_of(self, id: UUID, user: UUID) -> bool:
        """End an open session of a user. Return whether the user had it."""
        return await self._value("auth_session_end_of", id, user, now()) is not None

    async def end_sessions(self, user: UUID) -> None:
        """End all sessions of a user."""
        await self._run("auth_sessions_end", user, now())

    async def revoke_everything(self, user: UUID) -> None:
        """End all sessions and revoke all tokens of a user."""
        await self.end_sessions(user)
        await self._run("auth_tokens_revoke", user, now())

    async def create_token(self, user: UUID, name: str, scopes: Sequence[str], days: int) -> tuple[UUID, str]:
        """Return the id and the text of a new token. The text is shown once. Raises Invalid."""
        unknown = [scope for scope in scopes if scope not in TOKEN_SCOPES]
        if unknown or not scopes:
            raise Invalid(
                f"There is no scope {unknown[0]!r}." if unknown else "A token needs a scope.",
                hint=f"Scopes: {', '.join(TOKEN_SCOPES)}.",
            )
        if not 1 <= days <= TOKEN_DAYS_MAX:
            raise Invalid(f"A token expires after 1 to {TOKEN_DAYS_MAX} days.", hint="Write for example: --days 30")
        id, secret, made = uuid4(), secrets.token_urlsafe(SECRET_BYTES), now()
        chosen = [scope for scope in TOKEN_SCOPES if scope in scopes]
        await self._run("auth_token_add", id, _digest(secret), user, name, chosen, made, made + days * DAY_US)
        return id, f"{TOKEN_PREFIX}_{id.hex}_{secret}"

    async def token(self, text: str) -> SignedIn | None:
        """Return whose token this is, and note the time; None if it is unknown, expired or revoked."""
        prefix, _, rest = text.partition("_")
        key, _, secret = rest.partition("_")
        try:
            id = UUID(hex=key)
        except ValueError:
            return None
        if prefix != TOKEN_PREFIX or not secret.isascii():
            return None
        row = await self._row("auth_token_use", id, _digest(secret), now())
        if row is None:
            return None
        return SignedIn(id=id, user=UUID(int=row["user_id"].int), scopes=tuple(row["scopes"]))

    async def tokens(self) -> list[TokenLine]:
        """Return all tokens without their secrets, the oldest first."""
        async with self._store.connection() as connection:
            rows = await connection.fetch(named("auth_tokens"))
        return [
            TokenLine(
                id=UUID(int=row["id"].int),
                user_id=UUID(int=row["user_id"].int),
                name=row["name"],
                scopes=tuple(row["scopes"]),
                created_at=row["created_at"],
                expires_at=row["expires_at"],
                used_at=row["used_at"],
                revoked_at=row["revoked_at"],
            )
            for row in rows
        ]

    async def revoke_token(self, id: UUID) -> None:
        """Revoke a token. Raises NotFound if there is none that is open."""
        if await self._value("auth_token_revoke", id, now()) is None:
            raise NotFound(f"There is no open token {id}.", hint="`aura token list` lists the tokens.")

    async def create_link(self, user: UUID) -> str:
        """Return the secret of a link that signs a user in once, within LINK_US."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        await self._run("auth_link_add", _digest(secret), user, now() + LINK_US)
        return secret

    async def use_link(self, secret: str) -> UUID:
        """Return the user of a one-time link, and delete the link. Raises Forbidden."""
        row = await self._row("auth_link_use", _digest(secret))
        if row is None or row["expires_at"] <= now():
            raise Forbidden(
                "This sign-in link is used or expired.", hint="Make another one: aura open", code="link_used"
            )
        return UUID(int=row["user_id"].int)

    async def count_failure(self, kind: str) -> None:
        """Count a refused sign-in."""
        await self._run("auth_failure_count", now() // HOUR_US * HOUR_US, kind)

    async def failures(self) -> list[FailureLine]:
        """Return the counts of refused sign-ins, the oldest hour first."""
        async with self._store.connection() as connection:
            rows = await connection.fetch(named("auth_failures"))
        return [FailureLine(hour=row["hour"], kind=row["kind"], count=row["count"]) for row in rows]

    async def _run(self, query: str, *parameters: Any) -> None:
        async with self._store.connection() as connection:
            await connection.execute(named(query), *parameters)

    async def _row(self, query: str, *parameters: Any) -> Any:
        async with self._store.connection() as connection:
            return await connection.fetchrow(named(query), *parameters)

    async def _value(self, query: str, *parameters: Any) -> Any:
        async with self._store.connection() as connection:
            return await connection.fetchval(named(query), *parameters)


def _digest(secret: str) -> bytes:
    """Return the hash under which a random secret is stored. Random 256 bits need no slow hash."""
    return hashlib.sha256(secret.encode(errors="replace")).digest()


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except VerificationError:
        return False


@cache
def _nobodys() -> str:
    """Return a hash that no password matches, for users that have none."""
    return _hasher.hash(secrets.token_urlsafe(SECRET_BYTES))
