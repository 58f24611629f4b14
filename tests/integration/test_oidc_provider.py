"""Sign-in at a real OpenID provider: the whole way of a browser, and answers that are forged, replayed or of others."""

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import uuid4

import httpx2
import pytest

from bus.embedded.port import free_port
from director.http.oidc import CONFIRM
from director.http.server import serve_http
from director.http.sign_in import COOKIE
from director.oidc.config import CALLBACK, FILE, START
from director.services import people
from director.services.session import DirectorSession
from director.settings import Settings
from domain.user import user_id
from governance import keys
from governance.credentials import Credentials
from tests import oidc_provider
from tests.integration.house import House

pytestmark = [pytest.mark.slow, pytest.mark.ci, pytest.mark.needs_postgres, pytest.mark.needs_nats]
SECRET = "correct horse battery"


class Site(NamedTuple):
    """A running API that has a real provider."""

    url: str
    issuer: str
    opened: DirectorSession

    def browser(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self.url, trust_env=False, timeout=60, headers={"Accept": "text/html"})

    async def back(self, browser: httpx2.AsyncClient, login: str, start: str = START) -> str:
        """Begin a sign-in, sign in at the provider, and return the address of the callback, which is not opened yet."""
        begun = await browser.get(start)
        assert begun.status_code == 303, begun.text
        assert begun.headers["location"].startswith(f"{self.issuer}/")
        return await oidc_provider.sign_in_there(browser, begun.headers["location"], login, self.url + CALLBACK)


@pytest.fixture
async def site(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    for name, value in (("HOME", str(house.home)), ("NATS_URL", house.nats_url), ("POSTGRES_DSN", house.postgres_dsn)):
        monkeypatch.setenv(f"AURA_{name}", value)
    port, provider_port = free_port(), free_port()
    url, issuer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{provider_port}"
    secret = house.home / "oidc-secret"
    secret.write_text(oidc_provider.SECRET)
    (house.home / FILE).write_text(
        f'issuer = "{issuer}"\nclient_id = "aura"\nname = "Example"\n'
        f'redirect_uri = "{url}{CALLBACK}"\nsecret_file = "oidc-secret"\n'
    )
    settings, stop = Settings(), asyncio.Event()
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with house.running(("recorder", "manager")), oidc_provider.running(provider_port, url + CALLBACK):
        opened = DirectorSession(settings, house.office, keys.load(settings.keys, "director"))
        await people.add_user(opened, "anna", ["director"], SECRET)
        await people.link_user(opened, "anna", issuer, "anna-at-example")
        serving = asyncio.create_task(serve_http(settings, port=port, on_ready=ready.set_result, stop=stop))
        try:
            await ready
            yield Site(url, issuer, opened)
        finally:
            stop.set()
            await serving


def changed(url: str, **fields: str) -> str:
    """Return the address with other fields in its query."""
    return f"{url.partition('?')[0]}?{urlencode(dict(parse_qsl(urlsplit(url).query)) | fields)}"


async def refused(browser: httpx2.AsyncClient, url: str) -> str:
    """Return the code of a refused callback. Nobody is signed in after it."""
    answer = await browser.get(url)
    assert answer.status_code in (401, 403), answer.text
    assert COOKIE not in browser.cookies
    assert (await browser.get("/api/me")).status_code == 401
    return answer.text.partition("<code>")[2].partition("</code>")[0]


async def test_the_whole_way_and_every_wrong_answer(site: Site) -> None:
    async with site.browser() as browser:
        page = (await browser.get("/sign-in")).text
        assert "Sign in with Example" in page
        back = await site.back(browser, "anna-at-example")
        sent = browser.cookies["aura_oidc"]
        answer = await browser.get(back)
        assert answer.status_code == 200, answer.text
        assert 'content="0;url=/"' in answer.text
        assert (await browser.get("/api/me")).json()["name"] == "anna"
        first = browser.cookies[COOKIE]
        assert "samesite=strict" in answer.headers["set-cookie"].lower()

    async with site.browser() as thief:  # the same answer again, with the cookie of the browser: the code is used
        thief.cookies.set("aura_oidc", sent, domain="127.0.0.1", path="/")
        assert await refused(thief, back) == "code"

    for name, fields in {"state": {"state": "x" * 43}, "issuer": {"iss": "https://other.example"}}.items():
        async with site.browser() as browser:
            back = await site.back(browser, "anna-at-example")
            assert await refused(browser, changed(back, **fields)) == name
    async with site.browser() as victim, site.browser() as attacker:  # the attacker's answer in another browser
        await victim.get(START)
        assert await refused(victim, await site.back(attacker, "anna-at-example")) == "state"
    async with site.browser() as one, site.browser() as two:  # the code of another sign-in: PKCE, then the nonce
        code = dict(parse_qsl(urlsplit(await site.back(one, "anna-at-example")).query))["code"]
        assert await refused(two, changed(await site.back(two, "anna-at-example"), code=code)) == "code"
    async with site.browser() as browser:  # the provider signs a token with another nonce
        url = changed((await browser.get(START)).headers["location"], nonce="n" * 43)
        back = await oidc_provider.sign_in_there(browser, url, "anna-at-example", site.url + CALLBACK)
        assert await refused(browser, back) == "id_token"
    async with site.browser() as stranger:
        assert await refused(stranger, await site.back(stranger, "somebody")) == "unknown_identity"
    async with site.browser() as cross:
        answer = await cross.get(START, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403, "another site cannot begin a sign-in"
    async with site.browser() as unknown:
        unknown.cookies.set(COOKIE, first, domain="127.0.0.1", path="/")
        assert (await unknown.get("/api/me")).status_code == 200, "the control: the first session is still open"
    counts = {line.kind: line.count for line in await people.refused_sign_ins(site.opened.store)}
    assert counts == {"oidc": 7}


async def test_a_halt_needs_a_fresh_sign_in_of_the_same_person(site: Site) -> None:
    async def halt(client: httpx2.AsyncClient) -> httpx2.Response:
        csrf = (await client.get("/api/me")).json()["csrf"]
        headers = {"X-CSRF-Token": csrf, "Idempotency-Key": str(uuid4()), "Accept": "application/json"}
        return await client.post("/api/organisation/halt", json={"reason": "a test"}, headers=headers)

    async with site.browser() as browser:
        await browser.get(await site.back(browser, "anna-at-example"))
        early = await halt(browser)
        assert (early.status_code, early.json()["code"]) == (403, "not_confirmed"), "the provider gave no time"
        old = browser.cookies[COOKIE]
        back = await site.back(browser, "anna-at-example", f"{CONFIRM}?to=/stop")
        answer = await browser.get(back)
        assert 'content="0;url=/stop"' in answer.text
        assert browser.cookies[COOKIE] != old
        assert await Credentials(site.opened.store).session(old) is None
        assert (await halt(browser)).status_code == 200

    await people.add_user(site.opened, "bert", ["viewer"])
    await people.link_user(site.opened, "bert", site.issuer, "bert-at-example")
    async with site.browser() as browser:
        await browser.get(await site.back(browser, "anna-at-example"))
        answer = await browser.get(await site.back(browser, "bert-at-example", CONFIRM))
        assert answer.status_code == 403
        assert "<code>other</code>" in answer.text


async def test_behind_a_proxy_with_tls_its_host_is_served_and_cookies_are_secure(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sign_in(url: str, host: str, origin: str) -> httpx2.Response:
        headers = {"Host": host, "Origin": origin}
        async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=60, headers=headers) as client:
            return await client.post("/auth/sign-in", json={"name": "anna", "password": SECRET})

    proxy, stop = "https://aura.example.org", asyncio.Event()
    assert (await sign_in(site.url, "aura.example.org", proxy)).status_code == 421, "control: without the setting"
    monkeypatch.setenv("AURA_HTTP_ADDRESS", proxy)
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve_http(Settings(), port=0, on_ready=ready.set_result, stop=stop))
    try:
        url = await ready
        answer = await sign_in(url, "aura.example.org", proxy)
        assert answer.status_code == 200, answer.text
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-aura_session=")
        assert "Secure" in cookie
        async with httpx2.AsyncClient(base_url=url, trust_env=False, headers={"Host": "aura.example.org"}) as client:
            leaving = (await client.get(START)).headers["set-cookie"]
        assert leaving.startswith("__Host-aura_oidc=")
        assert "Secure" in leaving
        assert (await sign_in(url, "aura.example.org", "https://evil.example")).status_code == 403
        assert (await sign_in(url, "evil.example", "https://evil.example")).status_code == 421
    finally:
        stop.set()
        await serving


async def test_an_unlink_ends_the_sessions_and_without_the_provider_a_password_signs_in(
    site: Site, house: House
) -> None:
    async with site.browser() as browser:
        await browser.get(await site.back(browser, "anna-at-example"))
        assert (await browser.get("/api/me")).status_code == 200, "the control"
        await people.unlink_user(site.opened, "anna", site.issuer, "anna-at-example", "a test")
        assert (await browser.get("/api/me")).status_code == 401
    async with site.browser() as browser:
        assert await refused(browser, await site.back(browser, "anna-at-example")) == "unknown_identity"

    stop, nobody = asyncio.Event(), f"http://127.0.0.1:{free_port()}"
    (house.home / FILE).write_text(f'issuer = "{nobody}"\nclient_id = "aura"\nredirect_uri = "{site.url}{CALLBACK}"\n')
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve_http(Settings(), port=0, on_ready=ready.set_result, stop=stop))
    try:
        async with httpx2.AsyncClient(base_url=await ready, trust_env=False, timeout=60) as client:
            down = await client.get(START, headers={"Accept": "text/html"})
            assert down.status_code == 503
            assert "provider_down" in down.text
            assert "Sign in with a password" in down.text
            body = {"name": "anna", "password": SECRET}
            assert (await client.post("/auth/sign-in", json=body)).status_code == 200
    finally:
        stop.set()
        await serving
    assert (await site.opened.office.people.state(user_id("anna"))).identities == ()
