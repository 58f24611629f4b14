"""An OpenID provider: its discovery document, its keys, and the exchange of a code for an ID token."""

import asyncio
import base64
import time
import warnings
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

import httpx2
import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from bus.hosts import is_loopback
from director.oidc.attempt import Attempt
from director.oidc.config import Config, address_fault
from director.oidc.id_token import HINT, Claims, Expected, UnknownKey, check_id_token
from domain.errors import Unauthenticated, Unavailable

WAIT_S = 10.0
"""The time limit of one request to the provider."""
ANSWER_BYTES_MAX = 256 << 10
KEPT_S = 3600.0
"""The discovery document and the keys are read again after this time."""
KEYS_AGAIN_S = 60.0
"""A token with an unknown key makes the keys be read again, at most this often."""
REQUESTS_AT_ONCE_MAX = 4
DISCOVERY = "/.well-known/openid-configuration"
_BASIC = "client_secret_basic"
_T = TypeVar("_T")


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a discovery document that a sign-in needs."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    code_challenge_methods_supported: tuple[str, ...] | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = (_BASIC,)
    authorization_response_iss_parameter_supported: bool = False


class _Tokens(msgspec.Struct, frozen=True, kw_only=True):
    id_token: str
    access_token: str = ""


class _TokenError(msgspec.Struct, frozen=True, kw_only=True):
    error: str


_document_of, _tokens_of = msgspec.json.Decoder(Document), msgspec.json.Decoder(_Tokens)
_error_of = msgspec.json.Decoder(_TokenError)


class Provider:
    """The provider of a configuration. Its documents are kept for KEPT_S.

    Only the configured issuer and the addresses in its discovery document are contacted. Redirects are refused, proxies
    of the environment are not used, and outside loopback TLS is required.
    """

    def __init__(self, config: Config, secret: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.config = config
        self._secret = secret
        self._clock = clock
        self._document: tuple[float, Document] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._reading = asyncio.Lock()
        self._requests = asyncio.Semaphore(REQUESTS_AT_ONCE_MAX)

    async def document(self) -> Document:
        """Return the discovery document. Raises Unavailable."""
        async with self._reading:
            if self._document is None or self._clock() - self._document[0] > KEPT_S:
                self._document = self._clock(), await self._discover()
            return self._document[1]

    async def sign_in_url(self, attempt: Attempt) -> str:
        """Return the address at the provider to which the browser goes. Raises Unavailable."""
        document = await self.document()
        asked = {
            "response_type": "code",
            "response_mode": "query",
            "client_id": self.config.client_id,
            "redirect_uri": self.config.redirect_uri,
            "scope": "openid",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        if attempt.confirms is not None:
            asked |= {"prompt": "login", "max_age": "0"}
        mark = "&" if urlsplit(document.authorization_endpoint).query else "?"
        return f"{document.authorization_endpoint}{mark}{urlencode(asked)}"

    async def claims(self, code: str, attempt: Attempt, at_s: int) -> Claims:
        """Exchange a code for an ID token, and return its claims. Raises Unauthenticated, Unavailable."""
        tokens = await self._exchange(code, attempt)
        expected = Expected(
            issuer=self.config.issuer,
            client_id=self.config.client_id,
            nonce=attempt.nonce,
            authenticated_after=attempt.begun_s if attempt.confirms is not None else 0,
        )
        try:
            return check_id_token(tokens.id_token, await self._known_keys(), expected, at_s, tokens.access_token)
        except UnknownKey:
            keys = await self._known_keys(older_than_s=KEYS_AGAIN_S)
            return check_id_token(tokens.id_token, keys, expected, at_s, tokens.access_token)

    async def _discover(self) -> Document:
        status, body = await self._request("GET", self.config.issuer.rstrip("/") + DISCOVERY)
        document = _decoded(body, _document_of) if status == 200 else None
        if document is None:
            raise self._down(f"its discovery document cannot be read (HTTP {status})")
        if document.issuer != self.config.issuer:
            raise self._down("its discovery document names another issuer than oidc.toml")
        local = is_loopback(urlsplit(self.config.issuer).hostname or "")
        for url in (document.authorization_endpoint, document.token_endpoint, document.jwks_uri):
            if fault := address_fault(url, loopback=local):
                raise self._down(f"its discovery document has an address that cannot be used: {fault}")
        methods = document.code_challenge_methods_supported
        if methods is not None and "S256" not in methods:
            raise self._down("it does not support PKCE with S256")
        return document

    async def _known_keys(self, older_than_s: float = KEPT_S) -> KeySet:
        """Return the keys of the provider. Keys that are older are read again. Raises Unavailable."""
        document = await self.document()
        async with self._reading:
            if self._keys is None or self._clock() - self._keys[0] > older_than_s:
                status, body = await self._request("GET", document.jwks_uri)
                keys = read_keys(body) if status == 200 else None
                if keys is None:
                    raise self._down(f"its keys cannot be read (HTTP {status})")
                self._keys = self._clock(), keys
            return self._keys[1]

    async def _exchange(self, code: str, attempt: Attempt) -> _Tokens:
        document = await self.document()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.config.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        headers: dict[str, str] = {}
        if self._secret and _BASIC in document.token_endpoint_auth_methods_supported:
            pair = f"{quote(self.config.client_id, safe='')}:{quote(self._secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": self.config.client_id} | ({"client_secret": self._secret} if self._secret else {})
        status, body = await self._request("POST", document.token_endpoint, form, headers)
        if status == 200 and (tokens := _decoded(body, _tokens_of)) is not None:
            return tokens
        refusal = _decoded(body, _error_of)
        if refusal is not None and refusal.error == "invalid_grant":
            raise Unauthenticated(
                "The provider refused the code: it is used, expired, or of another sign-in.", hint=HINT, code="code"
            )
        if refusal is not None and refusal.error in ("invalid_client", "unauthorized_client"):
            raise self._down("it does not accept the client id or the client's secret")
        raise self._down(f"it gave no ID token (HTTP {status})")

    async def _request(
        self, method: str, url: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Return status and body of an answer. Raises Unavailable."""
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
        body = bytearray()
        try:
            async with (
                asyncio.timeout(WAIT_S),
                self._requests,
                httpx2.AsyncClient(trust_env=False, follow_redirects=False, timeout=WAIT_S) as client,
                client.stream(method, url, data=dict(form) if form else None, headers=sent) as answer,
            ):
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > ANSWER_BYTES_MAX:
                        raise self._down(f"its answer has more than {ANSWER_BYTES_MAX} bytes")
                return answer.status_code, bytes(body)
        except TimeoutError:
            raise self._down(f"it did not answer within {WAIT_S:g} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self._down(f"it cannot be reached ({type(error).__name__})") from None

    def _down(self, fault: str) -> Unavailable:
        return Unavailable(
            f"Nobody can sign in at {self.config.name} now: {fault}.",
            hint="Sign in with a password, or with a link of `aura open`. `aura doctor` checks the provider.",
            code="provider_down",
        )


def read_keys(body: bytes) -> KeySet | None:
    """Return the keys in a JWK set; None if there is none that can be used."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a weak key is refused when a token names it
            return KeySet.import_key_set(msgspec.json.decode(body))
    except (JoseError, msgspec.DecodeError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _decoded(body: bytes, decoder: msgspec.json.Decoder[_T]) -> _T | None:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
