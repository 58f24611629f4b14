"""The HTTP API on a real server: who gets in, what each role and token may do, and how the stream goes on and ends."""

import asyncio
import http.client
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from typing import Any, NamedTuple
from uuid import uuid4

import httpx2
import pytest

from director.http.commands import Commands
from director.http.server import serve_http
from director.http.sign_in import COOKIE, CSRF_HEADER, SIGN_INS_MAX, SignInLimit
from director.services import people
from director.services.session import DirectorSession
from director.settings import Settings
from domain.errors import AuraError, Invalid, Unauthenticated, Unavailable
from domain.organisation import Pause
from domain.user import USER_ROLES, UserRole
from governance import keys
from governance.user_rights import SCOPE_MATRIX, TOKEN_SCOPES, USER_MATRIX
from tests.integration.house import House, Sample, at
from tests.tiers import CI

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats]
SECRET = "correct horse battery"
READS = (
    *("/api/status", "/api/runs", "/api/inbox", "/api/employees", "/api/costs", "/api/incidents", "/api/events"),
    *("/api/events/newest", "/api/events/1", "/api/log/check", "/api/acts", "/api/staff", "/api/budget"),
    *("/api/projections", "/api/health", "/api/rights", "/api/chat"),
)
NOBODY = uuid4()
"""The id of a run that does not exist."""
ACTS = {
    f"/api/runs/{NOBODY}/approve": "run.approved",
    f"/api/runs/{NOBODY}/reject": "run.ended",
    f"/api/runs/{NOBODY}/cancel": "run.ended",
    f"/api/runs/{NOBODY}/return": "run.commented",
    f"/api/runs/{NOBODY}/comment": "run.commented",
    f"/api/runs/{NOBODY}/override": "run.overridden",
    f"/api/runs/{NOBODY}/budget": "run.budget_raised",
    "/api/employees/nobody/reinstate": "employee.reinstated",
    "/api/organisation/blacklist": "organisation.version_blacklisted",
    "/api/organisation/pause": "organisation.paused",
    "/api/organisation/halt": "organisation.halted",
    "/api/organisation/resume": "organisation.resumed",
}


NEEDS = {
    "run.commented": {"run.commented"},
    "run.overridden": {"run.submitted"},
    "run.budget_raised": {"organisation.budget_raised", "organisation.cap_warned"},
}
"""Event of a route -> the other events that its command may cause."""


PARTS = 3
"""The pairs of a role and a scope are tried in this number of parts. Each role and each scope is in the first part."""


class Site(NamedTuple):
    """A running API with one user of each role. The name of each user is its role."""

    url: str
    opened: DirectorSession

    def client(self, **headers: str) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self.url, trust_env=False, timeout=60, headers=headers)

    async def signed_in(self, name: str) -> httpx2.AsyncClient:
        """Return a client with a session of a user and its CSRF token."""
        client = self.client()
        answer = await client.post("/auth/sign-in", json={"name": name, "password": SECRET})
        assert answer.status_code == 200, answer.text
        client.headers[CSRF_HEADER] = (await client.get("/api/me")).json()["csrf"]
        return client

    async def with_token(self, name: str, *scopes: str) -> httpx2.AsyncClient:
        token = await people.create_token(self.opened, name, scopes=scopes, days=1)
        return self.client(Authorization=f"Bearer {token.text}")


@pytest.fixture
async def site(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    async with served(house, monkeypatch) as site:
        yield site


@asynccontextmanager
async def served(
    house: House, monkeypatch: pytest.MonkeyPatch, commands: Commands | None = None
) -> AsyncIterator[Site]:
    """Serve the API of a running organisation with one user of each role. `commands`: those of the command line."""
    for name, value in (("HOME", str(house.home)), ("NATS_URL", house.nats_url), ("POSTGRES_DSN", house.postgres_dsn)):
        monkeypatch.setenv(f"AURA_{name}", value)
    settings, stop = Settings(), asyncio.Event()
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with house.running(("recorder", "manager", "auditor", "accountant", "hr")):
        opened = DirectorSession(settings, house.office, keys.load(settings.keys, "director"))
        for role in USER_ROLES:
            await people.add_user(opened, role, [role])
        serving = asyncio.create_task(
            serve_http(settings, port=0, on_ready=url.set_result, stop=stop, commands=commands)
        )
        try:
            yield Site(await url, opened)
        finally:
            stop.set()
            await serving


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


def body(route: str) -> dict[str, Any]:
    match route.rpartition("/")[2]:
        case "approve":
            return {"reason": "asked", "commit": "a" * 40}
        case "return":
            return {"commit": "a" * 40, "comments": [{"text": "shorter names"}]}
        case "comment":
            return {"text": "shorter names"}
        case "override":
            return {"reason": "asked", "confirmation": "not verified"}
        case "budget":
            return {"usd": "0.10", "reason": "asked"}
        case "chat":
            return {"text": "status"}
        case "confirm":
            return {"text": "pause: asked", "draft": "0" * 64}
        case "blacklist":
            return {"version": str(NOBODY), "reason": "asked"}
    return {"reason": "asked"}


async def code(answer: httpx2.Response) -> tuple[int, str]:
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == answer.status_code
    return answer.status_code, problem["code"]


async def test_a_person_signs_in_acts_and_signs_out(site: Site) -> None:
    await people.set_password(site.opened, "operator", SECRET)
    async with site.client() as stranger:
        for route in (*READS, "/api/me", "/api/events/live"):
            assert await code(await stranger.get(route)) == (401, "unauthenticated")
        for name, password in (("operator", "wrong password"), ("nobody", SECRET), ("viewer", SECRET)):
            refused = await stranger.post("/auth/sign-in", json={"name": name, "password": password})
            assert await code(refused) == (401, "unauthenticated")
        assert not stranger.cookies
    client = await site.signed_in("operator")
    first = client.cookies[COOKIE]
    line = (await client.post("/auth/sign-in", json={"name": "operator", "password": SECRET})).headers["set-cookie"]
    assert client.cookies[COOKIE] != first, "a new sign-in makes a new session"
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(line.split("; "))
    answer = await client.get("/api/me")
    assert (answer.json()["name"], answer.json()["roles"]) == ("operator", ["operator"])
    assert {answer.headers["cache-control"], answer.headers["x-frame-options"]} == {"no-store", "DENY"}
    pause = ("/api/organisation/pause", {"reason": "lunch"})
    forged = await client.post(pause[0], json=pause[1], headers={**key(), CSRF_HEADER: "0" * 64})
    assert await code(forged) == (403, "csrf")
    client.headers[CSRF_HEADER] = answer.json()["csrf"]
    for site_header in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        other = await client.post(pause[0], json=pause[1], headers={**key(), **site_header})
        assert await code(other) == (403, "other_site")
    same = key()
    done = [await client.post(pause[0], json=pause[1], headers={**same, "Origin": site.url}) for _ in range(2)]
    assert [answer.status_code for answer in done] == [200, 200], done[0].text
    assert done[0].json() == done[1].json(), "the same key gives the same answer"
    reused = await client.post("/api/organisation/halt", json=pause[1], headers=same)
    assert await code(reused) == (409, "key_used")
    (event,) = [each for each in await site.opened.store.read(0) if each.envelope.type == "organisation.paused"]
    assert event.envelope.principal == (await people.find_user(site.opened.store, "operator")).user
    assert await code(await client.post(pause[0], json=pause[1])) == (400, "no_key")
    secret = client.cookies[COOKIE]
    out = await client.post("/auth/sign-out", json={})
    assert (out.status_code, out.headers["clear-site-data"]) == (200, '"cache", "storage"')
    async with site.client(Cookie=f"{COOKIE}={secret}") as again:
        assert await code(await again.get("/api/me")) == (401, "unauthenticated")
    kinds = {(line.kind, line.count) for line in await people.refused_sign_ins(site.opened.store)}
    assert ("password", 3) in kinds
    await client.aclose()


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=CI) for part in range(1, PARTS))])
async def test_each_role_and_scope_at_each_route_as_the_matrix_says(site: Site, part: int) -> None:
    """Every cell is tried. A permitted cell may fail for another reason, such as a run that does not exist."""
    denied = permitted = 0
    run = await submitted(site, Sample(1))
    for role, scope in list(itertools.product(USER_ROLES, TOKEN_SCOPES))[part::PARTS]:
        async with await site.with_token(role, scope) as client:
            for route in READS:
                allowed = scope == "read"
                answer = await client.get(route)
                assert (answer.status_code == 200) is allowed, (role, scope, route, answer.text)
                assert allowed or answer.status_code == 403
                denied, permitted = denied + (not allowed), permitted + allowed
            for route, event in ACTS.items():
                needs = {event} | NEEDS.get(event, set())
                allowed = needs <= USER_MATRIX[role] & SCOPE_MATRIX[scope] and ends(role, route)
                answer = await client.post(route.replace(str(NOBODY), run), json=body(route), headers=key())
                assert (answer.status_code != 403) is allowed, (role, scope, route, answer.text)
                denied, permitted = denied + (not allowed), permitted + allowed
            for method, route in (("PUT", "/api/runs"), ("DELETE", "/api/status"), ("PATCH", "/api/events")):
                assert await code(await client.request(method, route)) == (405, "method_not_allowed")
    assert denied > 250 // PARTS
    assert permitted > 40 // PARTS, "the controls"


async def submitted(site: Site, sample: Sample) -> str:
    async with await site.with_token("operator", "submit") as client:
        asked = {"requirement": sample.source.decode(), "sealed": sample.sealed.decode()}
        same = key()
        answers = [await client.post("/api/runs", json=asked, headers=same) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201], answers[0].text
        assert answers[0].json()["run"] == answers[1].json()["run"]
        with_base = sample.source.decode().replace("title: Adders\n", "title: Adders\nbase: {repo: /etc}\n")
        based = await client.post("/api/runs", json={"requirement": with_base}, headers=key())
        assert (based.status_code, based.json()["code"]) == (409, "base_not_here")
        run: str = answers[0].json()["run"]
    async with await site.with_token("viewer", "read") as client:
        assert (await client.get(f"/api/runs/{run}")).json()["run"]["title"] == "Adders"
        assert run in [line["run"] for line in (await client.get("/api/runs", params={"limit": 1})).json()["runs"]]
        assert await code(await client.get("/api/runs/ffffffff")) == (404, "not_found")
        page = (await client.get("/api/events", params={"limit": 2})).json()
        following = (await client.get("/api/events", params={"limit": 2, "after": page["next"]})).json()
        assert [each["seq"] for each in (*page["events"], *following["events"])] == [1, 2, 3, 4]
    return run


def ends(role: UserRole, route: str) -> bool:
    """Return whether a role may end a run in this way."""
    if route.endswith("/reject"):
        return role in ("director", "approver")
    return not route.endswith("/cancel") or role in ("director", "operator")


async def test_a_halt_and_an_override_need_a_fresh_password(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await people.set_password(site.opened, "director", SECRET)
    client = await site.signed_in("director")
    halt = "/api/organisation/halt"
    override = f"/api/runs/{NOBODY}/override"
    monkeypatch.setattr("director.http.sign_in.CONFIRMED_US", -1)
    for route in (halt, override):
        assert await code(await client.post(route, json=body(route), headers=key())) == (403, "not_confirmed")
    paused = await client.post("/api/organisation/pause", json={"reason": "asked"}, headers=key())
    assert paused.status_code == 200, "a pause needs none"
    monkeypatch.undo()
    wrong = await client.post("/auth/confirm", json={"password": "wrong password"})
    assert await code(wrong) == (403, "wrong_password")
    before = client.cookies[COOKIE]
    right = await client.post("/auth/confirm", json={"password": SECRET})
    assert right.status_code == 200
    assert client.cookies[COOKIE] != before, "a new session begins, and the old one has ended"
    async with site.client(Cookie=f"{COOKIE}={before}") as old:
        assert await code(await old.get("/api/me")) == (401, "unauthenticated")
    client.headers[CSRF_HEADER] = right.json()["csrf"]
    assert (await client.post(halt, json=body(halt), headers=key())).status_code == 200, "control"
    assert (await client.post(override, json=body(override), headers=key())).status_code == 404, "control: no such run"
    unsure = await client.post(override, json=body(override) | {"confirmation": "yes"}, headers=key())
    assert unsure.status_code in (400, 404)
    async with await site.with_token("director", "admin") as token:
        assert await code(await token.post("/auth/confirm", json={"password": SECRET})) == (400, "invalid")
        assert await code(await token.post(halt, json=body(halt), headers=key())) == (403, "forbidden")
    async with await site.with_token("director", "halt") as token:
        assert (await token.post(halt, json=body(halt), headers=key())).status_code == 409, "it is halted: control"
    await client.aclose()


async def frames(answer: AsyncIterator[str], enough: Callable[[list[str]], bool]) -> list[str]:
    """Return the lines of a stream until they are enough, or the stream ends."""
    lines: list[str] = []
    async with asyncio.timeout(60):
        async for line in answer:
            lines.append(line)
            if enough(lines):
                break
    return lines


def ids(lines: list[str]) -> list[int]:
    return [int(line[4:]) for line in lines if line.startswith("id: ")]


async def test_a_stream_resumes_after_the_last_event_and_ends_with_its_token(site: Site) -> None:
    last = await site.opened.store.recorded_up_to()
    async with await site.with_token("viewer", "read") as client:
        async with client.stream("GET", "/api/events/live", params={"after": "0"}) as answer:
            seen = ids(await frames(answer.aiter_lines(), lambda lines: len(ids(lines)) == 3))
        assert seen == [1, 2, 3]
        async with client.stream("GET", "/api/events/live", headers={"Last-Event-ID": "3"}) as answer:
            rest = ids(await frames(answer.aiter_lines(), lambda lines: len(ids(lines)) == last - 3))
        assert seen + rest == list(range(1, last + 1)), "nothing is missing, and nothing comes twice"
        asked = client.stream("GET", "/api/events/live", params={"type": "organisation.paused"})
        async with asked as answer:
            coming = answer.aiter_lines()
            await site.opened.done(Pause(id=uuid4(), at=at(), reason="lunch"))
            lines = await frames(coming, lambda lines: any(line.startswith("data: ") for line in lines))
            assert "event: organisation.paused" in lines
            token = (await people.list_tokens(site.opened.store))[-1]
            await people.revoke_token(site.opened, str(token.token))
            assert "event: end" in await frames(coming, lambda _: False), "the stream ends by itself"
        assert await code(await client.get("/api/events/live")) == (401, "unauthenticated")
    async with await site.with_token("auditor", "read") as client:
        async with client.stream("GET", "/api/events/live") as answer:
            await people.disable_user(site.opened, "auditor", "left")
            assert "event: end" in await frames(answer.aiter_lines(), lambda _: False)
        assert await code(await client.get("/api/events/live", headers={"Last-Event-ID": "x"})) == (
            401,
            "unauthenticated",
        )
    async with await site.with_token("viewer", "read") as client:
        assert await code(await client.get("/api/events/live", headers={"Last-Event-ID": "x"})) == (400, "invalid")


async def test_a_link_signs_in_once_and_wrong_requests_are_refused(site: Site) -> None:
    line, secret = await people.sign_in_link(site.opened)
    assert line.name == "director"
    async with site.client() as client:
        answer = await client.get(f"/auth/link/{secret}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert (await client.get("/api/me")).json()["name"] == "director"
        client.cookies.clear()
        assert await code(await client.get(f"/auth/link/{secret}")) == (403, "link_used")
        for host in ("evil.example", "127.0.0.1.evil.example", ""):
            assert await code(await client.get("/api/me", headers={"Host": host})) == (421, "unknown_host")
        for host in ("localhost:8000", "127.0.0.1", "[::1]:8000"):
            assert await code(await client.get("/api/me", headers={"Host": host})) == (401, "unauthenticated")
        large = await client.post("/auth/sign-in", content=b"x" * 1_000_001)
        assert await code(large) == (413, "large_body")
        for wrong in (
            b"",
            b"{",
            b"[]",
            b'{"name": 1, "password": "x"}',
            b'{"name": "a", "password": "b", "role": "director"}',
        ):
            assert await code(await client.post("/auth/sign-in", content=wrong)) == (400, "invalid")
        assert await code(await client.get("/nowhere")) == (404, "not_found")
        paths = (await client.get("/openapi.json")).json()["paths"]
        assert {"/api/runs", "/auth/sign-in", "/api/events/live"} <= paths.keys()
    assert await asyncio.to_thread(twice_named, site.url) == 421


def twice_named(url: str) -> int:
    """Return the status of a request with two Host headers."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    connection.putrequest("GET", "/api/me", skip_host=True)
    for host in ("127.0.0.1", "evil.example"):
        connection.putheader("Host", host)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status if status != 400 else 421  # the parser refuses it before we do


def test_too_many_refused_sign_ins_wait_and_permitted_ones_do_not_count() -> None:
    now = [0.0]
    limit = SignInLimit(lambda: now[0])
    for _ in range(SIGN_INS_MAX + 1):
        with limit.attempt("name a"):
            pass
    with pytest.raises(Unavailable), limit.attempt("name a"):
        raise Unavailable("The server does not answer.")
    for _ in range(SIGN_INS_MAX):
        with pytest.raises(Unauthenticated), limit.attempt("name a"):
            raise Unauthenticated("The password is wrong.")
    with pytest.raises(AuraError, match="too many refused sign-ins"), limit.attempt("name a"):
        pass
    with limit.attempt("name b"):
        pass
    now[0] += 301
    with limit.attempt("name a"):
        pass


def test_attempts_that_have_not_ended_count() -> None:
    limit = SignInLimit()
    with ExitStack() as stack:
        for _ in range(SIGN_INS_MAX):
            stack.enter_context(limit.attempt("name a"))
        with pytest.raises(AuraError, match="too many refused sign-ins"), limit.attempt("name a"):
            pass
    with limit.attempt("name a"):
        pass


async def test_another_address_than_loopback_needs_tls() -> None:
    for host in ("0.0.0.0", "10.0.0.1", "::"):
        with pytest.raises(Invalid, match="no TLS"):
            await serve_http(Settings(), host=host)
    with pytest.raises(Invalid, match="not an IP address"):
        await serve_http(Settings(), host="example.com")
