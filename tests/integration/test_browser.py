"""A real Chromium opens every screen, and a person without a mouse approves, halts and resumes.

On every screen: no fault of accessibility, no violation of the policy, no error of a script, no request off the host.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from director.http.pages.run_page import TABS
from director.http.pages.screens import RUN, SCREENS
from director.http.server import serve_http
from director.services import people
from director.services.page_views import INCIDENT_NAMED
from director.services.session import DirectorSession
from director.settings import Settings
from domain.incident import Raise
from governance import keys
from tests.integration.house import House, Sample, at

pytestmark = [
    pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.needs_sandbox, pytest.mark.slow, pytest.mark.ci,
]  # fmt: skip
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SECRET = "correct horse battery"
WAIT_MS = 60_000
WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")


class Site(NamedTuple):
    """A served organisation with two deliveries that wait for anna, a director."""

    url: str
    house: House
    opened: DirectorSession
    runs: list[UUID]
    employee: UUID
    incident: UUID


class Faults:
    """Collects the faults of pages: errors of the console and of scripts, and requests off the host."""

    def __init__(self, page: Page, url: str) -> None:
        self.found: list[str] = []
        page.on("console", lambda line: self._note(line.type in ("error", "warning"), f"console: {line.text}"))
        page.on("pageerror", lambda error: self._note(True, f"script: {error}"))
        page.on("request", lambda asked: self._note(not asked.url.startswith(url), f"request: {asked.url}"))

    def _note(self, fault: bool, words: str) -> None:
        if fault:
            self.found.append(words)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    async with async_playwright() as started:
        opened = await started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=2 * WAIT_MS)
        yield opened
        await opened.close()


@pytest.fixture
async def site(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    for name, value in (("HOME", str(house.home)), ("NATS_URL", house.nats_url), ("POSTGRES_DSN", house.postgres_dsn)):
        monkeypatch.setenv(f"AURA_{name}", value)
    settings, sample, stop = Settings(), Sample(2), asyncio.Event()
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    answers = {task: [sample.wrong(task), *[sample.right(task)] * 3] for task in ("T1", "T2")}
    employee, incident = await house.hire("recorded", answers), uuid4()
    async with house.running():
        opened = DirectorSession(settings, house.office, keys.load(settings.keys, "director"))
        await people.add_user(opened, "anna", ["director"], SECRET)
        runs = [await house.submit(sample) for _ in range(2)]
        for run in runs:
            await house.until_type(run, "run.delivered")
        await house.gate("auditor").handle(
            Raise(id=uuid4(), at=at(), incident=incident, kind="stuck_loop", detail="It repeats.", employee=employee)
        )
        while await INCIDENT_NAMED.first(opened.store, str(incident)) is None:  # noqa: ASYNC110  # rows, no event
            await asyncio.sleep(0.05)
        serving = asyncio.create_task(serve_http(settings, port=0, on_ready=url.set_result, stop=stop))
        yield Site(await url, house, opened, runs, employee, incident)
        stop.set()
        await serving


@asynccontextmanager
async def signed_in(browser: Browser, site: Site, width: int, scheme: str) -> AsyncIterator[tuple[Page, Faults]]:
    """Yield a page of a new session. It signs in with the keyboard alone."""
    context: BrowserContext = await browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
    )
    context.set_default_timeout(WAIT_MS)
    page = await context.new_page()
    faults = Faults(page, site.url)
    await page.goto(f"{site.url}/sign-in")
    await page.wait_for_selector("input[name=name]:focus")
    await page.keyboard.type("anna")
    await page.keyboard.press("Tab")
    await page.keyboard.type(SECRET)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{site.url}/")
    try:
        yield page, faults
    finally:
        await context.close()


def addresses(site: Site, last: int) -> list[str]:
    """Return the address of every screen and of every part of a run, live and as of an event."""
    found = ["/sign-in", "/nowhere"]
    for screen in SCREENS:
        path = screen.path.format(run=site.runs[0], employee=site.employee, incident=site.incident, event=1)
        parts = [f"?tab={tab}" for tab in TABS] if screen == RUN else [""]
        for part in parts:
            found.append(path + part)
            if screen.as_of:
                found.append(f"{path}{part}{'&' if part else '?'}as_of={last}")
    return found


async def test_every_screen_is_without_faults_in_light_and_dark_wide_and_narrow(browser: Browser, site: Site) -> None:
    last = await site.opened.store.recorded_up_to()
    wrong: list[str] = []
    for scheme in SCHEMES:
        for width in WIDTHS:
            async with signed_in(browser, site, width, scheme) as (page, faults):
                for path in addresses(site, last):
                    await page.goto(site.url + path)
                    axe = await Axe().run(page)
                    wrong += [f"{path} {scheme} {width}: {each['id']}" for each in axe.response["violations"]]
                    wide = await page.evaluate("document.documentElement.scrollWidth")
                    wrong += [f"{path} {width}: the page is {wide} wide"] if wide > width else []
                wrong += [f"{scheme} {width}: {each}" for each in faults.found if "404 (Not Found)" not in each]
    assert wrong == []


async def test_a_fault_is_found(browser: Browser, site: Site) -> None:
    """The control: code in the page is stopped by the policy, and a picture without words is a fault."""
    async with signed_in(browser, site, 1280, "light") as (page, faults):
        await page.evaluate("document.querySelector('main').append(document.createElement('img'))")
        await page.evaluate("setTimeout(() => { document.body.insertAdjacentHTML('beforeend', '<b>x</b>') })")
        axe = await Axe().run(page)
        assert "image-alt" in [each["id"] for each in axe.response["violations"]]
        await page.evaluate("setTimeout(() => { fetch('http://off.example/x').catch(() => {}) })")
        await page.wait_for_timeout(500)
        assert any("TrustedHTML" in each for each in faults.found), faults.found
        assert any("off.example" in each for each in faults.found), faults.found


async def test_a_person_without_a_mouse_approves_halts_and_resumes(browser: Browser, site: Site) -> None:
    async with signed_in(browser, site, 1280, "light") as (page, faults):
        keys_of = page.keyboard
        await keys_of.press("g")
        await keys_of.press("i")
        await page.wait_for_url(f"{site.url}/inbox")
        for key in ("j", "a"):
            await keys_of.press(key)
        await keys_of.type("read it")
        await keys_of.press("Enter")
        await page.wait_for_url("**/inbox?done=*")
        await site.house.until_type(site.runs[0], "run.released")
        await keys_of.press("?")
        assert await page.evaluate("document.getElementById('shortcuts').open")
        await keys_of.press("Escape")
        await keys_of.press("g")
        await keys_of.press("x")
        await page.wait_for_url(f"{site.url}/stop")
        await page.focus("section.danger input[name=reason]")
        await keys_of.type("drill")
        await keys_of.press("Tab")
        await keys_of.type("HALT")
        await keys_of.press("Enter")
        await page.wait_for_url("**/stop?done=*")
        await page.wait_for_selector("#top .pills:has-text('halted')")
        await page.focus("input[name=reason]")
        await keys_of.type("over")
        await keys_of.press("Enter")
        await page.wait_for_selector("#top .pills:has-text('running')")
        assert faults.found == []
    types = [each.envelope.type for each in await site.house.log()]
    assert [types.count(each) for each in ("run.approved", "organisation.halted", "organisation.resumed")] == [1, 1, 1]


async def test_a_page_follows_the_log_and_ends_with_its_session(browser: Browser, site: Site) -> None:
    async with signed_in(browser, site, 1280, "light") as (page, faults):
        async with signed_in(browser, site, 1280, "light") as (other, _):
            await other.goto(f"{site.url}/stop")
            await other.fill("section:has(#pause-title) input[name=reason]", "lunch")
            await other.press("section:has(#pause-title) input[name=reason]", "Enter")
            await page.wait_for_selector("#top .pills:has-text('paused')")
            assert await page.evaluate("document.querySelectorAll('#top, main').length") == 2
        assert faults.found == []
        await people.set_password(site.opened, "anna", SECRET)
        await page.wait_for_url("**/sign-in")


async def test_a_person_without_a_mouse_asks_the_manager_and_confirms_a_draft(browser: Browser, site: Site) -> None:
    async with signed_in(browser, site, 1280, "light") as (page, faults):
        keys_of = page.keyboard
        for key in ("g", "m"):
            await keys_of.press(key)
        await page.wait_for_url(f"{site.url}/chat")
        await page.focus("textarea[name=text]")
        await keys_of.type(f"comment on {site.runs[1]}: shorter names")
        await keys_of.press("Tab")
        await keys_of.press("Enter")
        await page.wait_for_selector("section.draft button:focus")
        assert [each["id"] for each in (await Axe().run(page)).response["violations"]] == []
        assert "run.commented" not in [each.envelope.type for each in await site.house.log()]
        await keys_of.press("Enter")
        await page.wait_for_url("**/chat?done=*")
        await page.wait_for_selector(".messages code:has-text('run.commented')")
        assert faults.found == []
        for text in ("why did last fail", "make it better"):
            await page.fill("textarea[name=text]", text)
            await page.click("form[action='/chat'] button")
            await page.wait_for_load_state()
            assert [each["id"] for each in (await Axe().run(page)).response["violations"]] == []
        await page.wait_for_selector("[role=alert]:has-text('does not understand')")
    assert [each.envelope.type for each in await site.house.log()].count("chat.message_sent") == 1
