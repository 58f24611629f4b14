"""The inbox: the content of a card, and decisions that are bound to what the page has shown."""

import asyncio
import re
from uuid import UUID, uuid4

import httpx2
import msgspec
import pytest

from director.http.app import make_app
from director.http.pages import inbox_page
from director.http.sign_in import Doorkeeper
from director.services import people
from director.services.delivery_cards import delivery_cards, twins
from director.services.inbox import inbox_of
from director.services.session import DirectorSession
from director.settings import Settings
from governance import keys
from tests.integration.house import House, Sample
from tests.integration.test_pages import Site, faults

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.needs_sandbox]


SHOWN = {
    "plan": ("T1", "<svg", "verified"),
    "timeline": ("run.submitted", "task.verified"),
    "code": ("adder_t1.py", "recorded", "return"),
    "cost": ("recorded",),
    "evidence": ("it adds", "passed", "gates"),
    "transcript": ("attempt 1", "verified"),
}
"""Tab -> texts on it."""


async def every_part_of_the_run(client: httpx2.AsyncClient, run: UUID, last: int) -> None:
    """Read each tab of a delivered run, as it is now and as of its end and its beginning."""
    for tab, words in SHOWN.items():
        live = await client.get(f"/runs/{run}", params={"tab": tab})
        assert (live.status_code, faults(live)) == (200, []), (tab, live.text)
        assert [word for word in words if word not in live.text] == [], tab
        for seq in (last, last // 2):
            past = await client.get(f"/runs/{run}", params={"tab": tab, "as_of": seq, "versus": last // 2})
            assert (past.status_code, faults(past)) in ((200, []), (404, [])), (tab, seq, past.text)
            assert past.status_code == 200 or seq != last
    page = await client.get("/", params={"as_of": last, "versus": last // 2})
    assert (page.status_code, "waited for approval" in page.text, "Differences" in page.text) == (200, True, True)


async def test_a_delivery_is_approved_as_it_was_shown_and_a_stale_page_changes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("HOME", str(house.home)), ("NATS_URL", house.nats_url), ("POSTGRES_DSN", house.postgres_dsn)):
        monkeypatch.setenv(f"AURA_{name}", value)
    settings, sample = Settings(), Sample(1)
    await house.hire("recorded", {"T1": [sample.right("T1")] * 2})
    async with house.running():
        opened = DirectorSession(settings, house.office, keys.load(settings.keys, "director"))
        for name, role in (("anna", "director"), ("vera", "viewer")):
            await people.add_user(opened, name, [role])
        runs = [await house.submit(sample) for _ in range(2)]
        for run in runs:
            await house.until_type(run, "run.delivered")
        async with asyncio.timeout(60):
            while len((await inbox_of(opened.store, settings)).waiting) < 2:  # noqa: ASYNC110  # rows, no event
                await asyncio.sleep(0.05)
        site = Site(make_app(Doorkeeper(settings, house.office, secure=False)), opened, runs[0])
        client, csrf = await site.signed_in("anna")
        async with client:
            page = await client.get("/inbox")
            assert (page.status_code, faults(page)) == (200, [])
            commits = re.findall(r'name="commit" value="(\w+)"', page.text)
            assert len(commits) == 4, "two forms for each delivery"
            for words in ("Asked by", "director", "adder_t1.py", "run.approved", "2 identical deliveries", "$1.00"):
                assert words in page.text
            waiting = (await inbox_of(opened.store, settings)).waiting
            cards = await delivery_cards(opened.store, opened.blobs, waiting, uuid4())
            assert [[card.run for card in group] for group in twins(cards)] == [[card.run for card in cards]]
            odd = [cards[0], msgspec.structs.replace(cards[1], warnings=("It deletes 1 file: a.",))]
            assert twins(odd) == [], "a delivery with a warning is looked at alone"

            assert "more delivery waits" not in page.text, "the control: both are shown"
            with monkeypatch.context() as fewer:
                fewer.setattr(inbox_page, "CARDS_MAX", 1)
                short = (await client.get("/inbox")).text
            assert short.count('name="commit"') == 2
            assert "1 more delivery waits" in short

            await every_part_of_the_run(client, runs[0], await opened.store.recorded_up_to())
            form = {"csrf": csrf, "key": str(uuid4()), "commit": commits[0]}
            where = f"/inbox/{runs[0]}"
            stale = await client.post(f"{where}/approve", data=form | {"commit": "b" * 40})
            assert (stale.status_code, "Nothing was changed" in stale.text) == (409, True)
            assert (await client.post(f"{where}/reject", data=form)).status_code == 400, "without a reason"
            viewer, other = await site.signed_in("vera")
            async with viewer:
                assert "Your roles may not approve" in (await viewer.get("/inbox")).text
                refused = await viewer.post(f"{where}/approve", data=form | {"csrf": other, "key": str(uuid4())})
                assert refused.status_code == 403
            done = [await client.post(f"{where}/approve", data=form) for _ in range(2)]
            assert [answer.status_code for answer in done] == [303, 303], done[0].text
            assert done[0].headers["location"] == done[1].headers["location"], "a form that is sent twice acts once"
            await house.until_type(runs[0], "run.released")
            late = await client.post(f"{where}/reject", data=form | {"key": str(uuid4()), "reason": "no"})
            assert (late.status_code, "Somebody decided before you" in late.text) == (409, True)
            group = {"csrf": csrf, "key": str(uuid4()), "runs": f"{runs[0]}:{commits[0]},{runs[1]}:{commits[2]}"}
            assert (await client.post("/inbox/approve-together", data=group)).status_code == 409, "one is decided"
            reject = form | {"key": str(uuid4()), "reason": "not needed", "commit": commits[2]}
            assert (await client.post(f"/inbox/{runs[1]}/reject", data=reject)).status_code == 303
            assert "Nothing needs a decision now" in (await client.get("/inbox")).text
        events = [each for each in await house.log() if each.envelope.type in ("run.approved", "run.ended")]
        anna = (await people.find_user(opened.store, "anna")).user
        assert [each.envelope.principal for each in events if each.envelope.type == "run.approved"] == [anna]
