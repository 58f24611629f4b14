"""Commands over AURA_URL: the output is that of the machine itself, and each person acts with their own rights."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from director.cli.commands.command import COMMANDS
from director.cli.remote.running import Runner
from director.http.server import serve_http
from director.services import people
from director.services.session import DirectorSession
from director.settings import Settings
from governance import keys
from tests.acceptance.cli import Aura, Inside, Said
from tests.integration.house import House, Sample

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats]
READS = (
    ("runs",),
    ("run", "show", "last"),
    ("inbox",),
    ("employees",),
    ("scores",),
    ("costs", "--by", "run,employee"),
    ("estimates",),
    ("incidents",),
    ("events", "--type", "organisation"),
    ("why", "1"),
    ("state", "manager.open_run"),
    ("budget",),
    ("appeal", "list"),
    ("blacklist", "list"),
    ("account", "list"),
    ("routing", "show"),
    ("diff", "last"),  # nothing is verified yet, so it fails, in the same way
)
REFUSED = (("up",), ("down",), ("replay", "--check"), ("token", "list"), ("serve", "http"), ("hire", "x"))


class Away(NamedTuple):
    """A person at another machine: an own folder, the address and a token."""

    aura: Inside

    async def run(self, *arguments: str, **environment: str) -> Said:
        return await asyncio.to_thread(self.aura.run, *arguments, **environment)


class Site(NamedTuple):
    url: str
    opened: DirectorSession
    here: Inside
    folder: Path

    async def away(self, name: str, *scopes: str) -> Away:
        token = await people.create_token(self.opened, name, scopes=scopes, days=1)
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return Away(Aura(folder, AURA_URL=self.url, AURA_TOKEN=token.text).inside())


@pytest.fixture
async def site(house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Site]:
    own = {"AURA_HOME": str(house.home), "AURA_NATS_URL": house.nats_url, "AURA_POSTGRES_DSN": house.postgres_dsn}
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    settings, stop = Settings(), asyncio.Event()
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with house.running(("recorder", "manager", "auditor", "accountant", "hr")):
        opened = DirectorSession(settings, house.office, keys.load(settings.keys, "director"))
        for name, role in (("anna", "director"), ("bert", "operator"), ("vera", "viewer")):
            await people.add_user(opened, name, [role])
        serving = asyncio.create_task(
            serve_http(settings, port=0, on_ready=url.set_result, stop=stop, commands=Runner(COMMANDS))
        )
        try:
            yield Site(await url, opened, Aura(tmp_path, **own).inside(), tmp_path)
        finally:
            stop.set()
            await serving


async def test_the_same_commands_give_the_same_output_and_act_as_their_person(site: Site, house: House) -> None:
    bert = await site.away("bert", "read", "submit", "control")
    sample = Sample(1)
    name = bert.aura.requirement(sample)
    submitted = await bert.run("submit", name)
    assert submitted.code == 0, submitted
    assert "Run " in submitted.out
    (event,) = [each for each in await house.log() if each.envelope.type == "run.submitted"]
    assert event.envelope.principal == (await people.find_user(site.opened.store, "bert")).user
    assert event.event.title == "Adders"  # type: ignore[union-attr]
    based = sample.source.replace(b"title: Adders\n", b"title: Adders\nbase: {repo: /etc}\n")
    (bert.aura.folder / "based.md").write_bytes(based)
    assert "base, which is a folder of this machine" in (await bert.run("submit", "based.md")).err
    assert "There is no employee" in (await bert.run("submit", name, "--employee", "nobody")).err

    vera = await site.away("vera", "read")
    for at, arguments in enumerate(READS):
        asked = (*arguments, *(("--json",) if at % 2 else ()))
        here = await asyncio.to_thread(site.here.run, *asked)
        away = await vera.run(*asked)
        assert away == here, asked
        assert here.code == (3 if arguments[0] == "diff" else 0), (asked, here)
    missing = ("run", "show", "ffffffff", "--json")
    here, away = await asyncio.to_thread(site.here.run, *missing), await vera.run(*missing)
    assert (away.code, away.out) == (here.code, here.out)
    assert here.code == 3
    assert (await vera.run("status")).code in (0, 69)

    assert (await vera.run("pause", "--reason", "no")).code == 4, "a viewer may not pause"
    paused = await bert.run("pause", "--reason", "lunch")
    assert paused.code == 0, paused
    (event,) = [each for each in await house.log() if each.envelope.type == "organisation.paused"]
    assert event.envelope.principal == (await people.find_user(site.opened.store, "bert")).user
    assert (await bert.run("resume", "--reason", "back")).code == 4, "an operator may not resume"


async def test_what_works_only_there_is_refused_with_the_place(site: Site) -> None:
    port = site.url.rpartition(":")[2]
    served = await asyncio.to_thread(site.here.json, "open", "anna", "--port", port)
    assert served["url"].startswith(f"{site.url}/auth/link/")
    assert served["served"]
    early = await asyncio.to_thread(site.here.run, "open", "anna", "--port", "1")
    assert "Start the pages first: aura serve http --port 1" in early.out, "a link that nothing answers yet"
    anna = await site.away("anna", "read", "admin")
    for arguments in REFUSED:
        said = await anna.run(*arguments)
        assert said.code == 2, said
        assert "works only on the machine of the organisation" in said.err
    assert (await anna.run("costs", "--csv", "x.csv")).code == 2
    assert (await anna.run("init", "my.md")).code == 0, "the control: it needs no organisation"
    wrong = await anna.run("runs", AURA_TOKEN="aura_00000000_wrong")
    assert wrong.code == 4
    assert "AURA_TOKEN is not a token of this organisation" in wrong.err
    submit = await site.away("anna", "submit")
    assert (await submit.run("runs")).code == 4, "a token without the scope read"
    async with asyncio.timeout(60):
        following = asyncio.create_task(anna.run("events", "--follow", "--after", "0"))
        await asyncio.sleep(0)  # it may have begun or not: it ends in both cases
        await people.disable_user(site.opened, "anna", "left")
        ended = await following
    assert ended.code == 4
    assert "token" in ended.err
