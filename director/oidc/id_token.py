"""The checks of an ID token: its signature by a key of the provider, and each claim that a sign-in rests on.

OpenID Connect Core 1.0, section 3.1.3.7. No key, algorithm or address is taken from the token itself.
"""

import hashlib
import hmac
from collections.abc import Sequence

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from director.oidc.base64url import decoded, encoded
from domain.errors import Unauthenticated
from domain.identity import is_subject

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures with a key that only the provider has. `none`, and HS* with a shared secret, are refused."""
SKEW_S = 60
"""The clocks of the provider and of this machine may differ by this much."""
AGE_MAX_S = 600
"""A token that was issued longer ago is not the answer to a sign-in of now."""
TOKEN_CHARACTERS_MAX = 32_768
RSA_BITS_MIN = 2048
HINT = "Sign in again. With a password, or a link of `aura open`, you can sign in without the provider."


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """The claims of an ID token that are checked. Times are seconds since 1970."""

    iss: str
    sub: str
    aud: str | tuple[str, ...]
    exp: int | float
    iat: int | float
    nonce: str
    azp: str | None = None
    nbf: int | float | None = None
    at_hash: str | None = None
    auth_time: int | float | None = None


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """The values that a token must have. `authenticated_after`: the person must have signed in since; 0: any time."""

    issuer: str
    client_id: str
    nonce: str
    authenticated_after: int = 0


class _Header(msgspec.Struct, frozen=True):
    alg: str
    kid: str | None = None
    crit: tuple[str, ...] | None = None
    b64: bool = True


class UnknownKey(Unauthenticated):
    """The token names a key that the known keys do not have. The provider may have new ones."""


_header, _claims = msgspec.json.Decoder(_Header), msgspec.json.Decoder(Claims)


def check_id_token(token: str, keys: KeySet, expected: Expected, at_s: int, access_token: str = "") -> Claims:
    """Return the claims of a token. Raises Unauthenticated, which names the first fault."""
    payload, algorithm = _signed(token, keys)
    try:
        claims = _claims.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _refused("it lacks a claim, or a claim has another type") from None
    for fault in (
        _meant_for_another(claims, expected),
        _out_of_time(claims, expected, at_s),
        _of_another_answer(claims, expected, algorithm, access_token),
    ):
        if fault:
            raise _refused(fault)
    return claims


def _signed(token: str, keys: KeySet) -> tuple[bytes, str]:
    """Return the payload and the algorithm of a token that a key of the provider signed."""
    if len(token) > TOKEN_CHARACTERS_MAX or not token.isascii() or token.count(".") != 2:
        raise _refused("it is not a signed token")
    try:
        header = _header.decode(decoded(token.partition(".")[0]))
    except (ValueError, msgspec.DecodeError):
        raise _refused("its header cannot be read") from None
    if header.alg not in ALGORITHMS:
        raise _refused(f"its algorithm {header.alg[:20]!r} is not permitted")
    if header.crit is not None or not header.b64:
        raise _refused("its header demands an extension")
    key = _key(keys, header)
    try:
        registry = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        return jws.deserialize_compact(token, key, registry=registry).payload, header.alg
    except (JoseError, ValueError, TypeError):
        raise _refused("its signature is not of the provider") from None


def _key(keys: KeySet, header: _Header) -> RSAKey | ECKey:
    """Return the provider's key that the header names. Without a name, there must be only one that fits."""
    kind = ECKey if header.alg.startswith("ES") else RSAKey
    fitting = [key for key in keys.keys if isinstance(key, kind) and _signs(key, header.alg)]
    named = [key for key in fitting if key.kid == header.kid] if header.kid is not None else fitting
    if not named:
        raise UnknownKey("The ID token is refused: the provider has no such key.", hint=HINT, code="id_token")
    if len(named) > 1:
        raise _refused("it does not tell which key signed it")
    return named[0]


def _signs(key: RSAKey | ECKey, algorithm: str) -> bool:
    """Return whether a key may sign with this algorithm."""
    if key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
        return False
    return not isinstance(key, RSAKey) or key.public_key.key_size >= RSA_BITS_MIN


def _meant_for_another(claims: Claims, expected: Expected) -> str:
    """Return why a token is not for this client; empty if it is."""
    audiences: Sequence[str] = (claims.aud,) if isinstance(claims.aud, str) else claims.aud
    if claims.iss != expected.issuer:
        return "it is of another issuer"
    if set(audiences) != {expected.client_id}:
        return "it is for another client, or also for another one"
    if claims.azp is not None and claims.azp != expected.client_id:
        return "it was given to another client"
    return "" if is_subject(claims.sub) else "its subject is not valid"


def _out_of_time(claims: Claims, expected: Expected, at_s: int) -> str:
    """Return why a token does not count now; empty if it does."""
    if claims.exp <= at_s - SKEW_S:
        return "it is expired"
    if claims.iat > at_s + SKEW_S or (claims.nbf is not None and claims.nbf > at_s + SKEW_S):
        return "it is of the future: compare the clocks of the provider and of this machine"
    if claims.iat < at_s - AGE_MAX_S - SKEW_S:
        return "it was issued too long ago"
    if claims.auth_time is not None and claims.auth_time > at_s + SKEW_S:
        return "its sign-in is in the future: compare the clocks of the provider and of this machine"
    if expected.authenticated_after and (claims.auth_time or 0) < expected.authenticated_after - SKEW_S:
        return "the provider did not ask the person again"
    return ""


def _of_another_answer(claims: Claims, expected: Expected, algorithm: str, access_token: str) -> str:
    """Return why a token does not belong to this sign-in; empty if it does."""
    if not hmac.compare_digest(claims.nonce.encode(), expected.nonce.encode()):
        return "it belongs to another sign-in"
    if claims.at_hash is not None and claims.at_hash != hash_of(access_token, algorithm):
        return "it belongs to another access token"
    return ""


def hash_of(access_token: str, algorithm: str) -> str:
    """Return the claim at_hash: the left half of the digest that the algorithm names."""
    digest = hashlib.new(f"sha{algorithm[2:]}", access_token.encode()).digest()
    return encoded(digest[: len(digest) // 2])


def _refused(fault: str) -> Unauthenticated:
    return Unauthenticated(f"The ID token is refused: {fault}.", hint=HINT, code="id_token")
