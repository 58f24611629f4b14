"""The commands of HR as a user types them: each one prints its answer as text and as JSON."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from director.cli.main import main
from director.services import hiring
from director.services.hire_options import Hiring
from director.settings import Settings
from domain.ladder import DAY_US
from governance import hr_rules
from tests.integration.house import WAIT_S, House
from tests.integration.test_hr_at_work import STAFF, phase, strike
from tests.integration.test_staff_services import script
from tests.integration.test_staff_services import settings as settings  # a fixture

STRIKES = [UUID(int=n << 96) for n in (1, 2, 3)]


class Shell:
    """The command line in this process, in another thread than the organisation."""

    def __init__(self, output: pytest.CaptureFixture[str]) -> None:
        self._output = output

    async def text(self, *words: str, code: int = 0) -> str:
        """Return what a command prints."""
        self._output.readouterr()
        status = await asyncio.to_thread(main, words)
        printed = self._output.readouterr()
        assert status == code, printed
        return printed.out + printed.err

    async def json(self, *words: str, code: int = 0) -> Any:
        """Return the data of a command, or its error."""
        self._output.readouterr()
        status = await asyncio.to_thread(main, (*words, "--json"))
        printed = self._output.readouterr()
        assert status == code, printed
        answer = json.loads(printed.out)
        return answer["error"] if code else answer["data"]


@pytest.fixture
def shell(capfd: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capfd)


async def test_the_rules_are_shown_and_checked(shell: Shell, settings: Settings, tmp_path: Path) -> None:
    text = await shell.text("rules", "show")
    for part in (
        f"version {hr_rules.default().version}, from this release",
        "strike 1: a warning",
        "strike 2: suspension for 7 days",
        "strike 3: the end of the employment",
        "until 20 verified tasks and 60% of the attempts verified",
        "tier mid: rises at a lower bound of 60% after 30 verified tasks; falls at an upper bound below 55%",
        "fine for integrity: 100% more cost in routing, for 20 attempts",
        "30 days after an end by a strike",
        "at most 2 of one strike",
        f"write {settings.root / 'hr.toml'}",
    ):
        assert part in text
    shown = await shell.json("rules", "show")
    assert (shown["file"], shown["version"]) == ("", hr_rules.default().version)
    assert [step["action"] for step in shown["rules"]["ladder"]] == ["warn", "suspend", "end"]
    own = tmp_path / "mine.toml"
    own.write_text('[[ladder]]\naction = "suspend"\n')
    wrong = await shell.json("rules", "check", str(own), code=2)
    assert wrong["code"] == "rules_invalid"
    assert "missing required field `probation`" in wrong["message"]
    assert (await shell.json("rules", "check", str(tmp_path / "none.toml"), code=3))["code"] == "not_found"
    rest = Path(hr_rules.__file__).with_name("hr_rules.toml").read_text().partition("[probation]")
    own.write_text('[[ladder]]\naction = "suspend"\n' + "".join(rest[1:]))
    assert "strike 1: suspension until a reinstatement" in await shell.text("rules", "check", str(own))


async def test_appeals_rehires_and_the_blacklist(
    shell: Shell, house: House, settings: Settings, tmp_path: Path
) -> None:
    async with house.running(STAFF):
        who = (await hiring.hire(settings, Hiring(name="coder", script=script(tmp_path)))).employee
        for incident in STRIKES:
            await strike(house, who, incident)
        await phase(settings, "coder", "dismissed")
        record = await shell.text("employees", "--all")
        for part in ("dismissed, no rehire before", "strike 1", "strike 2, until", "strike 3, incident 00000003"):
            assert part in record
        assert (await shell.json("rehire", "coder", "--reason", "x", code=7))["code"] == "rehire_too_early"
        filed = await shell.text("appeal", "file", "coder", "--incident", "00000003", "--reason", "the harness")
        assert "aura appeal decide coder --incident 00000003" in filed
        assert "00000003" in (listed := await shell.text("appeal", "list"))
        assert "dismissed: wrote conftest.py" in listed
        assert listed.strip() in await shell.text("inbox")
        (waiting,) = (await shell.json("appeal", "list"))["appeals"]
        assert (await shell.json("inbox"))["appeals"] == [waiting]
        assert (waiting["incident"], waiting["grounds"]) == (str(STRIKES[2]), "the harness")
        decision = ("appeal", "decide", "coder", "--incident", "00000003", "--reason", "so it was")
        await shell.json(*decision, code=2)
        assert "granted: the strike counts no more" in await shell.text(*decision, "--grant")
        assert "No appeal is open." in await shell.text("appeal", "list")
        await phase(settings, "coder", "suspended")
        record = await shell.text("employees")
        assert "2 (1 reversed)" in record
        assert "strike 3, reversed by an appeal" in record
        assert "has a granted appeal: so it was" in record

        await shell.json("dismiss", "coder", "--reason", "too slow")
        assert "is hired again, on probation" in await shell.text("rehire", "coder", "--reason", "a second chance")
        assert "working, on probation" in await shell.text("employees")

        assert "No version is blacklisted." in await shell.text("blacklist", "list")
        added = await shell.text("blacklist", "add", "coder", "--reason", "it forges verdicts")
        assert "HR suspends coder." in added
        (row,) = (await shell.json("blacklist", "list"))["versions"]
        assert (row["reason"], row["employees"]) == ("it forges verdicts", ["coder"])
        assert row["version"] in await shell.text("blacklist", "list")
        assert (await shell.json("reinstate", "coder", "--reason", "x", code=7))["code"] == "blacklisted"
        removed = await shell.text("blacklist", "remove", row["version"][:8], "--reason", "not so")
        assert "aura reinstate EMPLOYEE --reason … (coder)" in removed
        assert "gets work again" in await shell.text("reinstate", "coder", "--reason", "cleared")
        assert "the end of the term (3 days)" in await shell.text(
            "suspend", "coder", "--days", "3", "--reason", "a pause"
        )


async def in_tier(shell: Shell, tier: str) -> Any:
    """Return the career of the only employee when the Accountant's rows show the tier."""
    deadline = time.monotonic() + WAIT_S
    while True:
        (person,) = (await shell.json("employees"))["employees"]
        if person["career"] is not None and person["career"]["tier"] == tier:
            return person["career"]
        assert time.monotonic() < deadline, person
        await asyncio.sleep(0.1)


async def test_careers_and_scorecards(shell: Shell, house: House, settings: Settings, tmp_path: Path) -> None:
    async with house.running([*STAFF, "accountant"]):
        await hiring.hire(settings, Hiring(name="coder", script=script(tmp_path)))
        await phase(settings, "coder", "working")
        assert "working, on probation" in await shell.text("employees")
        placed = await shell.text("tier", "coder", "mid", "--reason", "I know its work")
        assert "coder has the tier mid, as event" in placed
        assert "coder has the tier mid already." in await shell.text("tier", "coder", "mid", "--reason", "again")
        wrong = await shell.json("tier", "coder", "boss", "--reason", "x", code=2)
        assert "probation, junior, mid, senior, principal" in wrong["hint"]
        assert (await shell.json("tier", "nobody", "mid", "--reason", "x", code=3))["code"] == "not_found"

        career = await in_tier(shell, "mid")
        assert (career["open_attempts_max"], career["attempt_usd_max"], career["high_risk"]) == (8, "20.00", True)
        assert career["loses_trust_at"] == career["since"] + 60 * DAY_US
        text = await shell.text("employees")
        for part in ("working, mid", "falls if unused until", "has another tier: probation to mid: I know its work"):
            assert part in text
        assert "coder has no attempt with a result yet." in await shell.text("scores", "coder")
        assert (await shell.json("scores", "coder"))["cards"] == []
        assert (await shell.json("scores", "--by", "maker"))["suppliers"] == []
        assert "maker, model, agent, version" in (await shell.json("scores", "--by", "colour", code=2))["hint"]
