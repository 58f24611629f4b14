"""The use cases of the staff, called without the command line: owners of names, and whether employees can work."""

import asyncio
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from agents.employees import postings
from agents.workers.questions import NO_WORKER
from director.services import hiring, staff
from director.services.bring_up import openai_posting
from director.services.costs import costs
from director.services.hire_options import Hiring
from director.services.session import desk
from director.settings import Settings
from domain.employee import Strike
from domain.errors import AuraError, Conflict, Invalid, NotFound, Refused, Unavailable
from tests.integration.desks import stamp
from tests.integration.house import House, Sample
from tests.loopback import honest, loopback

KEY = "sk-of-the-worker-0123456789"
READERS = ("recorder", "manager", "accountant", "hr")
REASON = "too slow"


@pytest.fixture
def settings(house: House, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("AURA_HOME", str(house.home))
    monkeypatch.setenv("AURA_NATS_URL", house.nats_url)
    monkeypatch.setenv("AURA_POSTGRES_DSN", house.postgres_dsn)
    for name in ("OPENAI_API_KEY", "MY_KEY"):
        monkeypatch.delenv(name, raising=False)
    return Settings()


@pytest.fixture(autouse=True)
def silent(capfd: pytest.CaptureFixture[str]) -> object:
    """Check that a use case prints nothing. It returns, raises and calls back."""
    yield
    assert capfd.readouterr() == ("", "")


def script(folder: Path, name: str = "answers") -> str:
    path = folder / f"{name}.json"
    path.write_text(json.dumps({}))
    return str(path)


async def person(settings: Settings, name: str) -> staff.Member:
    (found,) = [one for one in (await staff.list_staff(settings, dismissed=True)).employees if one.name == name]
    return found


async def test_a_name_has_one_holder_who_is_updated_renamed_and_dismissed(
    house: House, settings: Settings, tmp_path: Path
) -> None:
    coder = Hiring(name="coder", script=script(tmp_path))
    async with house.running(READERS):
        hired = await hiring.hire(settings, coder)
        assert hired.change == "hired"
        assert hired.employee.version == 7
        assert postings.find(settings.employees, "coder").id == hired.employee
        with pytest.raises(Conflict, match="coder is on the staff already") as refused:
            await hiring.hire(settings, coder)
        for remedy in ("--update", "Choose another name", "aura dismiss coder"):
            assert remedy in refused.value.hint

        strike = Strike(**stamp(), employee=hired.employee, incident=hired.version, reason="wrote x.py")
        await house.gate("hr").handle(strike)
        before = (await house.office.stream.info()).last_seq
        assert (await hiring.update(settings, Hiring(name="coder"))).change == "unchanged"
        assert (await house.office.stream.info()).last_seq == before, "nothing is recorded"
        slower = await hiring.update(settings, Hiring(name="coder", slots=2))
        other = await hiring.update(settings, Hiring(name="coder", output_tokens=7))
        assert [change.change for change in (slower, other)] == ["updated", "updated"]
        assert slower.version == hired.version != other.version
        assert {slower.employee, other.employee} == {hired.employee}
        kept = postings.find(settings.employees, "coder")
        assert (kept.slots, kept.output_tokens_max, kept.script) == (2, 7, coder.script), "what is not stated stays"
        shown = await person(settings, "coder")
        assert (shown.strikes, shown.version, shown.phase) == (1, other.version, "working")

        await staff.suspend(settings, "coder", REASON)
        with pytest.raises(Conflict, match=f"suspended since .* UTC: {REASON}") as refused:
            await hiring.hire(settings, coder)
        assert "does not lift the suspension" in refused.value.hint
        assert "aura reinstate coder" in refused.value.hint
        assert "suspended since" in (await hiring.update(settings, Hiring(name="coder", slots=3))).suspended
        await staff.reinstate(settings, "coder", "a second chance")

        await hiring.hire(settings, Hiring(name="ada", script=coder.script))
        with pytest.raises(Conflict, match="ada is on the staff already"):
            await hiring.rename(settings, "coder", "ada")
        assert (await hiring.rename(settings, "coder", "bea")).employee == hired.employee
        assert (await hiring.rename(settings, "bea", "bea")).seq == 0
        assert postings.find(settings.employees, "bea").id == hired.employee
        assert not (settings.employees / "coder.json").exists()

        file = settings.employees / "bea.json"
        left = file.read_bytes()
        assert (await hiring.dismiss(settings, "bea", REASON)).seq > 0
        assert not file.exists()
        file.write_bytes(left)  # as a crash between event and file leaves it
        assert (await hiring.dismiss(settings, "bea", REASON)).seq == 0
        assert not file.exists()
        for act in (staff.suspend(settings, "bea", REASON), staff.reinstate(settings, "bea", REASON)):
            with pytest.raises(Refused, match="was dismissed"):
                await act
        with pytest.raises(Refused, match="was dismissed"):
            await hiring.rename(settings, "bea", "carl")
        with pytest.raises(NotFound, match="bea was dismissed"):
            await hiring.update(settings, Hiring(name="bea", slots=2))
        assert [one.name for one in (await staff.list_staff(settings)).employees] == ["ada"]
        again = await hiring.hire(settings, Hiring(name="bea", script=coder.script))
        assert again.employee != hired.employee
        present = {one.name: one for one in (await staff.list_staff(settings)).employees}
        assert present["bea"].employee == again.employee
        everybody = await staff.list_staff(settings, dismissed=True)
        kinds = [line.kind for line in everybody.strikes if line.employee == hired.employee]
        assert kinds == ["warned", "suspended", "reinstated", "renamed", "dismissed"]
        assert (await staff.scores(settings), await costs(settings)) == ([], [])


async def test_of_two_hires_at_the_same_moment_one_has_the_name(
    house: House, settings: Settings, tmp_path: Path
) -> None:
    wanted = [Hiring(name="coder", script=script(tmp_path, name)) for name in ("one", "two")]
    async with house.running(READERS):
        results = await asyncio.gather(*(hiring.hire(settings, each) for each in wanted), return_exceptions=True)
        (lost,) = [result for result in results if isinstance(result, AuraError)]
        (won,) = [result for result in results if isinstance(result, hiring.Hired)]
        assert isinstance(lost, Conflict)
        assert postings.find(settings.employees, "coder").id == won.employee
        assert [one.employee for one in (await staff.list_staff(settings)).employees] == [won.employee]


async def test_what_settings_bring_is_hired_once_updated_and_not_brought_back(house: House, settings: Settings) -> None:
    """As `aura up` does at each start, also in a home whose files have no ids yet."""
    settings.openai_model, settings.openai_base_url, settings.openai_price = "m1", "http://127.0.0.1:1/v1", "zero"
    said: list[str] = []
    async with house.running(READERS), desk(settings) as opened:
        await house.post(openai_posting(settings))  # by a former release: its id follows from what answers
        await house.log()
        old = postings.find(settings.employees, "openai").id
        assert old.version == 5
        first = await hiring.ensure(opened, openai_posting(settings), said.append)
        assert first is not None
        assert (first.employee, first.change) == (old, "reached"), "its file has its id from now on"
        await hiring.update(settings, Hiring(name="openai", slots=3))
        same = await hiring.ensure(opened, openai_posting(settings), said.append)
        assert same is not None
        assert same.change == "unchanged", "slots are the Director's"
        settings.openai_model = "m2"
        other = await hiring.ensure(opened, openai_posting(settings), said.append)
        assert other is not None
        assert (other.employee, other.change) == (old, "updated")
        assert said == []
        await hiring.dismiss(settings, "openai", REASON)
        assert await hiring.ensure(opened, openai_posting(settings), said.append) is None
        assert "was dismissed" in said[0]
        assert "aura hire openai --base-url http://127.0.0.1:1/v1 --model m2" in said[0]
        assert (await staff.list_staff(settings)).employees == ()


async def test_a_hire_that_is_refused_leaves_no_file(house: House, settings: Settings) -> None:
    known = Hiring(name="x", base_url="http://127.0.0.1:1/v1", model="m", local=True)
    refused: list[tuple[Hiring, type[AuraError]]] = [
        (Hiring(name="x"), Invalid),
        (Hiring(name="x", script="nowhere.json"), NotFound),
        (replace(known, name="../x"), Invalid),
        (replace(known, local=False), Invalid),  # nobody knows its price
        (replace(known, output_tokens=0), Invalid),  # the log refuses it
    ]
    async with house.running(READERS):
        for wanted, kind in refused:
            with pytest.raises(kind):
                await hiring.hire(settings, wanted)
            assert list(settings.employees.glob("*.json")) == [], wanted
        assert (await hiring.hire(settings, known)).change == "hired", "control"


@pytest.mark.parametrize("at", ["worker", "shell"])
async def test_a_probe_goes_through_the_worker_with_the_worker_s_key(
    house: House, settings: Settings, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """The key of the shell does not count: what it would say is not what the worker meets."""
    (text,) = Sample().right("T1").values()
    if at == "shell":
        monkeypatch.setenv("MY_KEY", KEY)
    environment = {"MY_KEY": KEY} if at == "worker" else {}
    async with (
        loopback(honest(f"```python\n{text}```\n")) as server,
        house.running((*READERS, "employees"), environment=environment),
    ):
        wanted = Hiring(name="coder", base_url=server.base_url, model="m", local=True, key_env="MY_KEY")
        await hiring.hire(settings, wanted)
        said: list[str] = []
        (shown,) = (await staff.list_staff(settings, probe=True, on_progress=said.append)).employees
        assert said == ["calling coder …"]
        assert {seen.headers["authorization"] for seen in server.seen if seen.method == "POST"} == {
            f"Bearer {KEY}" if at == "worker" else "Bearer none"
        }
        assert (shown.probe or "").startswith("ok, ")
        await hiring.dismiss(settings, "coder", REASON)
        assert (await staff.list_staff(settings, probe=True)).employees == ()


async def test_where_no_worker_serves_and_where_nothing_runs_a_probe_says_so(
    house: House, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house.running(READERS):
        await hiring.hire(settings, Hiring(name="coder", script=script(tmp_path)))
        (silent,) = (await staff.list_staff(settings, probe=True)).silent
        assert silent.probe == NO_WORKER
    monkeypatch.setenv("AURA_HOME", str(tmp_path / "empty"))
    for name in ("AURA_NATS_URL", "AURA_POSTGRES_DSN"):
        monkeypatch.delenv(name)
    with pytest.raises(Unavailable, match="Nothing runs") as down:
        await staff.list_staff(Settings(), probe=True)
    assert down.value.exit_code == 69
