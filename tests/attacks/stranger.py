"""Attacks on the HTTP API by somebody who has not seen its guards: the scene, and the form of an attack.

The attacks were written down from the documentation alone. Each has a control: the same request, made properly.
The oracle has two parts: the answer of each attack is a refusal, and no event has the text of an attack.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

import httpx2

from director.http.sign_in import COOKIE, CSRF_HEADER
from director.services import people
from domain.user import user_id
from governance.credentials import Credentials, csrf_of
from tests.attacks.http_bytes import Place
from tests.integration.test_http_api import Site

ATTACK, CONTROL = "text of an attack", "text of a control"
REFUSED = frozenset({0, 400, 401, 403, 404, 405, 408, 409, 413, 421, 422, 429, 431})
"""Statuses of refusals. 0: the server closed the connection without an answer. A defect (500) is no refusal."""


class Scene:
    """A served organisation with one user of each role, and one run that waits."""

    def __init__(self, site: Site, run: str) -> None:
        self.site = site
        self.opened = site.opened
        self.run = run
        host, _, port = site.url.removeprefix("http://").rpartition(":")
        self.place = Place(host, int(port))
        self._sources = 1
        self.path = f"/api/runs/{run}/comment"
        self.tokens: dict[str, str] = {}

    def client(self, *, source: str = "", **headers: str) -> httpx2.AsyncClient:
        """Return a client without credentials.

        Each client has its own address on loopback, because refused sign-ins count for each address.
        """
        transport = httpx2.AsyncHTTPTransport(local_address=source or self._source(), verify=False)  # plain HTTP
        return httpx2.AsyncClient(base_url=self.site.url, transport=transport, timeout=60, headers=headers)

    def _source(self) -> str:
        self._sources += 1
        return f"127.0.{self._sources // 250}.{self._sources % 250 + 2}"

    async def signed_in(self, name: str = "director") -> httpx2.AsyncClient:
        """Return a client with a new session of a user and its CSRF token."""
        secret = await Credentials(self.opened.store).begin_session(user_id(name))
        client = self.client(**{CSRF_HEADER: csrf_of(secret)})
        client.cookies.set(COOKIE, secret, domain=self.place.host, path="/")
        return client

    async def token(self, name: str, *scopes: str) -> str:
        """Return the text of a token. The same user and scopes have the same token."""
        key = " ".join((name, *scopes))
        if key not in self.tokens:
            self.tokens[key] = (await people.create_token(self.opened, name, scopes=scopes, days=1)).text
        return self.tokens[key]

    async def execute(self, statement: str, *values: Any) -> None:
        """Change the schema `auth`, for example to make a credential older."""
        async with self.opened.store.connection() as connection:
            await connection.execute(statement, *values)


def form_token(page: str) -> str:
    """Return the CSRF token of the form on a page."""
    return page.partition('name="csrf" value="')[2].partition('"')[0]


Outcome = tuple[int, int]
"""Status of the attack, status of the control."""
Attack = Callable[[Scene], Awaitable[Outcome]]
ATTACKS: dict[str, Attack] = {}


def attack(name: str) -> Callable[[Attack], Attack]:
    """Add an attack to the table."""

    def add(function: Attack) -> Attack:
        assert name not in ATTACKS, name
        ATTACKS[name] = function
        return function

    return add


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class Sent(NamedTuple):
    """A comment as a request. The default is a permitted request."""

    text: str
    headers: Mapping[str, str] = {}
    method: str = "POST"
    query: Mapping[str, str] = {}
    body: Mapping[str, Any] | None = None
    without: tuple[str, ...] = ()


async def send(scene: Scene, client: httpx2.AsyncClient, sent: Sent) -> int:
    """Send a comment, and return the status of the answer."""
    content: dict[str, Any] = {"json": {"text": sent.text}} if sent.body is None else dict(sent.body)
    asked = client.build_request(
        sent.method, scene.path, params=dict(sent.query) or None, headers={**key(), **sent.headers}, **content
    )
    for name in sent.without:
        del asked.headers[name]
    return (await client.send(asked)).status_code


async def comment(scene: Scene, client: httpx2.AsyncClient, text: str, **headers: str) -> int:
    """Send a comment with these headers in addition."""
    return await send(scene, client, Sent(text, {name.replace("_", "-"): value for name, value in headers.items()}))


def reading(client: httpx2.AsyncClient) -> Awaitable[httpx2.Response]:
    return client.get("/api/status")


def session_of(client: httpx2.AsyncClient) -> str:
    """Return the secret in the session cookie of a client."""
    secret = client.cookies.get(COOKIE)
    assert secret
    return secret
