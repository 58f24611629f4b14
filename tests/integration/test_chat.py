"""The chat with the manager through the application: answers, drafts, confirmations, and who may do what."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import httpx2
import pytest

from director.http.app import make_app
from director.http.sign_in import COOKIE, CSRF_HEADER, Doorkeeper
from director.services import people
from director.services.session import DirectorSession, taken_up
from director.settings import Settings
from domain.message import derive
from domain.user import USER_ROLES, user_id
from governance import keys
from governance.credentials import Credentials, csrf_of
from tests.integration.house import House, Sample

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats]
FORM = {"Accept": "text/html", "Content-Type": "application/x-www-form-urlencoded"}


class Site(NamedTuple):
    """The application with one user of each role, and a run that works."""

    app: object
    opened: DirectorSession
    house: House
    run: UUID

    async def signed_in(self, name: str) -> httpx2.AsyncClient:
        secret = await Credentials(self.opened.store).begin_session(user_id(name))
        transport = httpx2.ASGITransport(app=self.app)  # type: ignore[arg-type]  # an ASGI application
        return httpx2.AsyncClient(
            transport=transport,
            base_url="http://localhost",
            cookies={COOKIE: secret},
            headers={CSRF_HEADER: csrf_of(secret)},
        )

    async def types(self) -> list[str]:
        """Return the types of the events of people. The run goes on meanwhile."""
        return [each.envelope.type for each in await self.house.log() if each.envelope.role == "user"]


@pytest.fixture
async def site(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    for name, value in (("HOME", str(house.home)), ("NATS_URL", house.nats_url), ("POSTGRES_DSN", house.postgres_dsn)):
        monkeypatch.setenv(f"AURA_{name}", value)
    settings = Settings()
    async with house.running(("recorder", "manager", "auditor", "accountant", "hr")):
        opened = DirectorSession(settings, house.office, keys.load(settings.keys, "director"))
        for role in USER_ROLES:
            await people.add_user(opened, role, [role])
        await house.hire("anna", {})
        run = await house.submit(Sample(1))
        assert await taken_up(opened.store, run)
        yield Site(make_app(Doorkeeper(settings, house.office, secure=False)), opened, house, run)


async def asked(client: httpx2.AsyncClient, text: str, **query: str) -> Any:
    answer = await client.post("/api/chat", json={"text": text}, params=query)
    return answer.json()


async def confirmed(client: httpx2.AsyncClient, text: str, draft: str, key: UUID | None = None) -> httpx2.Response:
    sent = {"Idempotency-Key": str(key or uuid4())}
    return await client.post("/api/chat/confirm", json={"text": text, "draft": draft}, headers=sent)


async def test_questions_are_answered_and_leave_no_trace(site: Site) -> None:
    before = await site.types()
    async with await site.signed_in("viewer") as viewer:
        lines = {
            text: [each["text"] for each in (await asked(viewer, text))["answer"]["lines"]]
            for text in ("status", "what waits for me", "why did last fail", "what does last cost", "costs", "help")
        }
        assert lines["status"][0] == "The organisation is running."
        assert any("Adders" in line for line in lines["status"])
        assert "No attempt was rejected." in lines["why did last fail"]
        assert lines["what does last cost"][0].startswith("Adders: 0")
        assert len(lines["help"]) > 10
        template = (await asked(viewer, "submit"))["answer"]["write"]
        assert template.startswith("submit\n---")
        then = (await asked(viewer, "status", as_of="1"))["answer"]
        assert (then["seq"], [each["path"] for each in then["lines"]]) == (1, ["/", ""]), "there was no run yet"
        unclear = await asked(viewer, "make it better")
        assert (unclear["code"], "status" in unclear["hint"]) == ("not_understood", True)
        assert (await asked(viewer, "approve last"))["elsewhere"]["path"] == "/inbox"
        assert (await asked(viewer, f"status of {uuid4()}"))["code"] == "not_found"
    assert await site.types() == before


async def test_a_draft_does_nothing_until_its_person_confirms_it(site: Site) -> None:
    text, before = f"raise budget of {site.run} by 0.50 USD: it is worth it", await site.types()
    async with await site.signed_in("director") as director:
        draft = (await asked(director, text))["draft"]
        assert "1.00 USD" in draft["facts"][0]
        assert "1.50 USD" in draft["facts"][1]
        assert await site.types() == before, "a draft changes nothing"
        other = await confirmed(director, text.replace("0.50", "0.60"), draft["digest"])
        assert (other.status_code, other.json()["code"]) == (409, "draft_changed")
        assert await site.types() == before
        key = uuid4()
        first, second = [await confirmed(director, text, draft["digest"], key) for _ in range(2)]
        assert first.status_code == second.status_code == 200, first.text
        assert first.json()["events"] == second.json()["events"]
        late = await confirmed(director, text, draft["digest"])
        assert (late.status_code, late.json()["code"]) == (409, "draft_changed"), "the budget is another one now"
        wrong = await confirmed(director, text.replace("worth", "not worth"), draft["digest"], key)
        assert wrong.json()["code"] == "key_used"
        (message,) = (await director.get("/api/chat")).json()["messages"]
        assert (message["who"], message["text"], message["about"]) == ("director", text, str(site.run))
        caused = [each["envelope"] for each in message["events"]]
        assert [each["type"] for each in caused] == ["organisation.budget_raised", "run.budget_raised"]
        sent = await site.opened.store.find(derive(derive(key, "message"), 0))
        assert sent is not None
        assert {each["cause"] for each in caused} == {str(sent.envelope.id)}
        assert {each["command"] for each in caused} == {str(key)}
    assert (await site.types()).count("run.budget_raised") == 1


async def test_rights_are_those_of_the_act_and_a_refusal_is_on_the_message(site: Site) -> None:
    text = "pause: lunch"
    async with await site.signed_in("viewer") as viewer, await site.signed_in("operator") as operator:
        draft = (await asked(viewer, text))["draft"]["digest"]
        refused = await confirmed(viewer, text, draft)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert "chat.message_sent" not in await site.types()
        assert (await confirmed(operator, text, draft)).status_code == 200, "control"
        async with asyncio.timeout(60):
            while "paused" not in (await asked(operator, "status"))["answer"]["lines"][0]["text"]:  # noqa: ASYNC110  # rows
                await asyncio.sleep(0.05)
        back = "resume: over"
        digest = (await asked(operator, back))["draft"]["digest"]
        assert (await confirmed(operator, back, digest)).status_code == 403, "an operator may not resume"
        resumed, paused = (await operator.get("/api/chat")).json()["messages"]
        assert [each["envelope"]["type"] for each in paused["events"]] == ["organisation.paused"]
        assert [each["envelope"]["type"] for each in resumed["events"]] == ["refusal.refused"]
        assert (await operator.get("/api/chat", params={"as_of": paused["seq"]})).json()["messages"][0]["events"] == []


async def test_a_requirement_is_submitted_and_a_run_is_cancelled_from_the_page(site: Site) -> None:
    async with await site.signed_in("operator") as operator:
        source, csrf = Sample(1).source.decode(), operator.headers[CSRF_HEADER]
        for text, event in ((f"submit\n{source}", "run.submitted"), (f"cancel {site.run}: too late", "run.ended")):
            page = await operator.post("/chat", data={"csrf": csrf, "text": text}, headers=FORM)
            assert page.status_code == 200, page.text
            assert "Draft: nothing has happened yet" in page.text
            fields = dict(re.findall(r'name="(key|draft)" value="([^"]+)"', page.text))
            form = {"csrf": csrf, "text": text, **fields}
            foreign = await operator.post("/chat/confirm", data={**form, "csrf": "x"}, headers=FORM)
            assert foreign.status_code == 403
            done = await operator.post("/chat/confirm", data=form, headers=FORM)
            assert (done.status_code, done.headers["location"][:11]) == (303, "/chat?done="), done.text
            shown = (await operator.get(done.headers["location"], headers={"Accept": "text/html"})).text
            assert f"<code>{event}</code>" in shown
        unclear = await operator.post("/chat", data={"csrf": csrf, "text": "make it better"}, headers=FORM)
        assert "does not understand" in unclear.text
        asks = await operator.get("/chat", params={"say": "cancel last: x"}, headers={"Accept": "text/html"})
        assert "Draft" not in asks.text, "a link drafts nothing"
        assert "cancel last: x</textarea>" in asks.text
    assert await site.types() == ["chat.message_sent", "run.submitted", "chat.message_sent", "run.ended"]
