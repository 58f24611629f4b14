"""One sign-in at a provider, from its beginning to the answer. The browser keeps it in a cookie, the server does not.

State, nonce and PKCE verifier are derived from a random secret in the cookie. So strangers cannot fill a table, and an
answer counts only in the browser that began the sign-in.
"""

import hashlib
import hmac
import secrets
from uuid import UUID

import msgspec

from director.oidc.base64url import decoded, encoded
from domain.errors import Unauthenticated

ATTEMPT_S = 600
"""A person has this long to sign in at the provider."""
PATH_CHARACTERS_MAX = 1000
_SECRET_BYTES = 32


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in. `confirms`: the session that signs in once more for an act; None for a new sign-in.

    `to`: the page to which the person returns.
    """

    secret: str
    begun_s: int
    to: str = "/"
    confirms: UUID | None = None

    @property
    def cookie(self) -> str:
        return ".".join((self.secret, *self._parts))

    @property
    def state(self) -> str:
        return self._derived("state")

    @property
    def nonce(self) -> str:
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """The PKCE verifier. Only this server sends it, straight to the provider."""
        return self._derived("verifier")

    @property
    def challenge(self) -> str:
        return encoded(hashlib.sha256(self.verifier.encode()).digest())

    @property
    def _parts(self) -> tuple[str, str, str]:
        return str(self.begun_s), self.confirms.hex if self.confirms else "", encoded(self.to.encode())

    def _derived(self, use: str) -> str:
        return encoded(hmac.new(self.secret.encode(), ".".join((use, *self._parts)).encode(), hashlib.sha256).digest())


def begin(at_s: int, to: str, confirms: UUID | None = None) -> Attempt:
    """Return a new sign-in."""
    path = to if len(to) <= PATH_CHARACTERS_MAX else "/"
    return Attempt(secret=secrets.token_urlsafe(_SECRET_BYTES), begun_s=at_s, to=path, confirms=confirms)


def begun(cookie: str, state: str, at_s: int) -> Attempt:
    """Return the sign-in that this browser began, if `state` is of it. Raises Unauthenticated."""
    try:
        secret, begun_s, confirms, to = cookie.split(".")
        path = decoded(to).decode()
        attempt = Attempt(
            secret=secret, begun_s=int(begun_s), to=path, confirms=UUID(hex=confirms) if confirms else None
        )
    except ValueError:
        raise _unknown("did not begin in this browser") from None
    if not hmac.compare_digest(attempt.state.encode(), state.encode()):
        raise _unknown("did not begin in this browser")
    if not 0 <= at_s - attempt.begun_s <= ATTEMPT_S:
        raise _unknown(f"took longer than {ATTEMPT_S // 60} minutes")
    return attempt


def _unknown(why: str) -> Unauthenticated:
    return Unauthenticated(f"This sign-in {why}.", hint="Sign in again, and use one address of Aura.", code="state")
