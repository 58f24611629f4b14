"""The pages through the application: each screen for each role, the policy of each answer, hostile text, forms."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import NamedTuple
from uuid import UUID, uuid4

import httpx2
import pytest

from director.http.app import make_app
from director.http.pages.screens import SCREENS, STOP, Screen
from director.http.sign_in import COOKIE, Doorkeeper
from director.services import people
from director.services.page_views import INCIDENT_NAMED
from director.services.session import DirectorSession, taken_up
from director.settings import Settings
from domain.incident import Raise
from domain.user import USER_ROLES, user_id
from governance import keys
from governance.credentials import Credentials, csrf_of
from governance.user_rights import USER_MATRIX
from tests.integration.house import House, Sample, at

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats]
SECRET = "correct horse battery"
HOSTILE = """<script>alert(1)</script>"><img src=x onerror=alert(2)>"""
NOBODY = UUID(int=0)
PAGE = {"Accept": "text/html"}


class Site(NamedTuple):
    """The application with one user of each role. The name of each user is its role.

    `run` has a hostile title, `incident` a hostile detail.
    """

    app: object
    opened: DirectorSession
    run: UUID
    employee: UUID = NOBODY
    incident: UUID = NOBODY

    def client(self, **cookies: str) -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(app=self.app)  # type: ignore[arg-type]  # an ASGI application
        return httpx2.AsyncClient(transport=transport, base_url="http://localhost", headers=PAGE, cookies=cookies)

    async def signed_in(self, name: str) -> tuple[httpx2.AsyncClient, str]:
        """Return a client with a session of a user, and the token of its forms."""
        secret = await Credentials(self.opened.store).begin_session(user_id(name))
        return self.client(**{COOKIE: secret}), csrf_of(secret)

    def path(self, screen: Screen) -> str:
        return screen.path.format(run=self.run, employee=self.employee, incident=self.incident, event=1)


@pytest.fixture
async def site(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    for name, value in (("HOME", str(house.home)), ("NATS_URL", house.nats_url), ("POSTGRES_DSN", house.postgres_dsn)):
        monkeypatch.setenv(f"AURA_{name}", value)
    settings = Settings()
    async with house.running(("recorder", "manager", "auditor", "accountant", "hr")):
        opened = DirectorSession(settings, house.office, keys.load(settings.keys, "director"))
        for role in USER_ROLES:
            await people.add_user(opened, role, [role], SECRET if role == "director" else None)
        sample = Sample(1)
        sample.source = sample.source.replace(b"title: Adders", b"title: '%s'" % HOSTILE.encode())
        employee, incident = await house.hire("anna", {}), uuid4()
        await house.gate("auditor").handle(
            Raise(id=uuid4(), at=at(), incident=incident, kind="stuck_loop", detail=HOSTILE, employee=employee)
        )
        run = await house.submit(sample)
        app = make_app(Doorkeeper(settings, house.office, secure=False))
        async with asyncio.timeout(60):
            while await INCIDENT_NAMED.first(opened.store, str(incident)) is None:  # noqa: ASYNC110  # rows, no event
                await asyncio.sleep(0.05)
        assert await taken_up(opened.store, run)
        await house.log()
        yield Site(app, opened, run, employee, incident)


def faults(answer: httpx2.Response) -> list[str]:
    """Return the faults of a page: headers that it lacks, and hostile text that is not escaped."""
    policy = answer.headers["content-security-policy"]
    nonce = re.search(r"script-src 'nonce-([\w-]+)'", policy)
    found = [] if answer.headers["cache-control"] == "no-store" else ["it may be cached"]
    found += [] if nonce and "unsafe" not in policy and "require-trusted-types-for 'script'" in policy else [policy]
    found += [f"script {each}" for each in re.findall(r"<script[^>]*>", answer.text) if nonce and nonce[1] not in each]
    found += ["hostile text"] if "<img src=x" in answer.text or "alert(1)</script>" in answer.text else []
    return found


async def test_every_screen_for_every_role_and_for_nobody(site: Site) -> None:
    nonces, last = set(), await site.opened.store.recorded_up_to()
    async with site.client() as stranger:
        for screen in SCREENS:
            answer = await stranger.get(site.path(screen))
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/sign-in")
    for role in USER_ROLES:
        client, _ = await site.signed_in(role)
        async with client:
            for screen in SCREENS:
                answer = await client.get(site.path(screen))
                assert answer.status_code == (200 if screen.open_to(USER_MATRIX[role]) else 403), (role, screen.name)
                assert faults(answer) == [], (role, screen.name)
                nonces.add(answer.headers["content-security-policy"])
                if screen.as_of:
                    past = await client.get(site.path(screen), params={"as_of": last})
                    assert (past.status_code, "This view is read-only" in past.text) == (200, True), (
                        screen.name,
                        past.text,
                    )
                    assert faults(past) == [], (role, screen.name)
                elif screen.open_to(USER_MATRIX[role]):
                    now = await client.get(site.path(screen), params={"as_of": last})
                    assert "This view is read-only" not in now.text, f"{screen.name} shows the present"
    assert len(nonces) == len(USER_ROLES) * len(SCREENS), "each answer has a nonce of its own"


async def test_a_person_signs_in_and_out_without_scripts(site: Site) -> None:
    async with site.client() as client:
        page = await client.get("/sign-in", params={"to": "/stop"})
        fields = dict(re.findall(r'name="(csrf|to)" value="([^"]*)"', page.text)) | {"name": "director"}
        wrong = await client.post("/sign-in", data=fields | {"password": "not this one"})
        assert (wrong.status_code, "The name or the password is wrong" in wrong.text) == (401, True)
        assert faults(wrong) == []
        forged = await client.post("/sign-in", data=fields | {"password": SECRET, "csrf": "0" * 64})
        assert (forged.status_code, COOKIE in client.cookies) == (403, False)
        other = await client.post("/sign-in", data=fields | {"password": SECRET}, headers={"Origin": "http://evil"})
        assert (other.status_code, COOKIE in client.cookies) == (403, False)
        right = await client.post("/sign-in", data=fields | {"password": SECRET})
        assert (right.status_code, right.headers["location"]) == (303, "/stop")
        assert (await client.get("/")).status_code == 200
        csrf = csrf_of(client.cookies[COOKIE])
        assert (await client.post("/sign-out", data={"csrf": "0" * 64})).status_code == 403
        assert (await client.get("/")).status_code == 200, "the session is still open"
        assert (await client.post("/sign-out", data={"csrf": csrf})).headers["location"] == "/sign-in"
        assert (await client.get("/")).status_code == 303
        await people.set_password(site.opened, "viewer", f" {SECRET} ")
        fields = dict(re.findall(r'name="(csrf|to)" value="([^"]*)"', (await client.get("/sign-in")).text))
        for password, status in ((SECRET, 401), (f" {SECRET} ", 303)):
            answer = await client.post("/sign-in", data=fields | {"name": "viewer", "password": password})
            assert answer.status_code == status, "the password is checked exactly as it was sent"


async def test_a_person_stops_and_resumes_with_forms(site: Site) -> None:
    client, csrf = await site.signed_in("director")
    async with client:
        halt = {"csrf": csrf, "key": str(uuid4()), "reason": "drill", "typed": "halt"}
        refused = await client.post("/stop/halt", data=halt)
        assert (refused.status_code, "not_typed" in refused.text) == (400, True)
        for field, value in (("csrf", "0" * 64), ("key", ""), ("reason", "")):
            assert (await client.post("/stop/halt", data=halt | {"typed": "HALT", field: value})).status_code in (
                400,
                403,
            )
        done = [await client.post("/stop/halt", data=halt | {"typed": "HALT"}) for _ in range(2)]
        assert [answer.status_code for answer in done] == [303, 303]
        assert done[0].headers["location"] == done[1].headers["location"], "a form that is sent twice acts once"
        assert "halted" in (await client.get(done[0].headers["location"])).text
        again = {"csrf": csrf, "key": str(uuid4()), "reason": "done"}
        assert (await client.post("/stop/resume", data=again)).status_code == 303
        assert 'action="/stop/halt"' in (await client.get(STOP.path)).text
    client, csrf = await site.signed_in("viewer")
    async with client:
        answer = await client.post("/stop/halt", data=halt | {"csrf": csrf, "key": str(uuid4()), "typed": "HALT"})
        assert (answer.status_code, faults(answer)) == (403, [])


async def test_errors_are_pages_for_browsers_and_wrong_positions_are_named(site: Site) -> None:
    client, _ = await site.signed_in("viewer")
    async with client:
        for path, status in (
            ("/nowhere", 404), ("/?as_of=x", 400), ("/?as_of=0", 400), ("/?as_of=999999", 404), ("/stop/fly", 405),
        ):  # fmt: skip
            answer = await client.get(path)
            assert (answer.status_code, faults(answer)) == (status, []), path
            assert answer.headers["content-type"].startswith("text/html")
        program = await client.get("/?as_of=x", headers={"Accept": "application/json"})
        assert program.headers["content-type"] == "application/problem+json", "the control"
        asset = await client.get("/static/aura.css")
        assert (asset.status_code, "immutable" in asset.headers["cache-control"]) == (200, True)
        for name in ("../app.py", "vendor/vendor.toml", "%2e%2e/app.py"):
            assert (await client.get(f"/static/{name}")).status_code == 404
        part = await client.get("/", headers={"HX-Request": "true"})
        assert ("<html" in part.text, 'id="main"' in part.text, 'id="top"' in part.text) == (False, True, True)
