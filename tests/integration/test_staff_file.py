"""The use case of employees.toml on a real log: what it hires, updates, leaves alone, dismisses, and chains."""

import json
from pathlib import Path

import pytest

from agents.employees import postings
from director.services import hiring, staff
from director.services.employees_file import EmployeesFileInvalid, read_employees_file
from director.services.hire_options import Hiring
from director.services.session import desk
from director.services.staff_changes import StaffChanges, Wanted, changes_in_words
from director.services.staff_file import apply, apply_file, compare
from director.settings import Settings
from domain.errors import Invalid
from tests.integration.house import House
from tests.integration.test_staff_services import READERS, REASON, settings
from tests.loopback import loopback
from tests.wires.model_servers import DIGEST, serving
from tests.wires.ollama import shown, tags
from tests.wires.played import address

__all__ = ["settings"]  # the fixture of that file
FILE = """[defaults]
local = true
[employees.coder]
base-url = "http://127.0.0.1:1/v1"
model = "m"
slots = {slots}
[employees.player]
script = "answers.json"
[fallback]
implementer = [{chain}]
"""


def written(settings: Settings, *, slots: int = 2, chain: str = '"coder", "player"') -> Path:
    (settings.root / "answers.json").write_text(json.dumps({}))
    settings.employees_file.write_text(FILE.format(slots=slots, chain=chain))
    return settings.employees_file


def outcome(changes: StaffChanges) -> dict[str, str]:
    return {change.name: change.change for change in changes.employees}


async def test_the_staff_becomes_what_the_file_says(house: House, settings: Settings) -> None:
    file = written(settings)
    async with house.running(READERS):
        await hiring.hire(settings, Hiring(name="other", script=str(settings.root / "answers.json")))
        last = (await house.office.stream.info()).last_seq
        planned = await apply(settings, file, Wanted(dry_run=True, dismiss_others=True, reason=REASON))
        assert outcome(planned) == {"coder": "hired", "player": "hired"}
        assert (planned.others, planned.dismissed) == (("other",), ("other",))
        assert (await house.office.stream.info()).last_seq == last, "a dry run records nothing"

        said: list[str] = []
        first = await apply(settings, file, Wanted(), on_progress=said.append)
        assert outcome(first) == {"coder": "hired", "player": "hired"}
        assert said == ["coder: hiring …", "player: hiring …"]
        listed = await staff.list_staff(settings)
        ids = {person.name: person.employee for person in listed.employees}
        assert ids.keys() == {"coder", "player", "other"}, "nobody is dismissed unless it is asked for"
        (chain,) = listed.fallback
        assert (chain.role, chain.names) == ("implementer", ("coder", "player"))
        assert chain.employees == (ids["coder"], ids["player"])

        last = (await house.office.stream.info()).last_seq
        again = await apply(settings, file, Wanted())
        assert outcome(again) == {"coder": "unchanged", "player": "unchanged"}
        assert changes_in_words(again) == "2 unchanged"
        assert (await house.office.stream.info()).last_seq == last, "nothing is recorded twice"


@pytest.mark.slow
@pytest.mark.ci
async def test_a_changed_entry_updates_its_employee(house: House, settings: Settings) -> None:
    async with house.running(READERS):
        first = await apply(settings, written(settings), Wanted())
        await hiring.update(settings, Hiring(name="coder", output_tokens=77))
        await staff.suspend(settings, "coder", REASON)
        file = await read_employees_file(written(settings, slots=5))
        planned = await compare(settings, file, Wanted())
        (coder, player) = planned.employees
        told = {(each.option, each.before, each.after) for each in coder.differences}
        assert told == {("slots", "2", "5"), ("output-tokens", "77", "1024")}, "the file says all options"
        assert (coder.change, coder.suspended, player.change) == ("updated", True, "unchanged")
        assert outcome(await apply(settings, file.path, Wanted())) == {"coder": "updated", "player": "unchanged"}
        kept = postings.find(settings.employees, "coder")
        assert (kept.slots, kept.output_tokens_max, kept.id) == (5, 1024, first.employees[0].employee)
        phases = {person.name: person.phase for person in (await staff.list_staff(settings)).employees}
        assert phases["coder"] == "suspended", "a file lifts no suspension"


@pytest.mark.slow
@pytest.mark.ci
async def test_a_start_brings_nobody_back_and_a_person_may(house: House, settings: Settings) -> None:
    async with house.running(READERS):
        first = await apply(settings, written(settings), Wanted())
        await hiring.dismiss(settings, "player", REASON)
        async with desk(settings) as opened:
            file = await read_employees_file(settings.employees_file)
            at_start = await apply_file(opened, file, Wanted(bring_back=False))
        assert outcome(at_start) == {"coder": "unchanged", "player": "stays_dismissed"}
        (chain,) = (await staff.list_staff(settings)).fallback
        assert chain.names == ("coder", "player (dismissed)"), "the chain does not become everybody"
        asked = await apply(settings, settings.employees_file, Wanted())
        assert outcome(asked) == {"coder": "unchanged", "player": "hired"}
        assert asked.employees[1].employee != first.employees[1].employee
        (chain,) = (await staff.list_staff(settings)).fallback
        assert chain.names == ("coder", "player")


@pytest.mark.slow
@pytest.mark.ci
async def test_others_are_dismissed_only_with_a_reason(house: House, settings: Settings) -> None:
    async with house.running(READERS):
        await hiring.hire(settings, Hiring(name="other", base_url="http://127.0.0.1:1/v1", model="m", local=True))
        file = written(settings, chain='"coder", "other"')
        with pytest.raises(Invalid, match="A reason is needed"):
            await apply(settings, file, Wanted(dismiss_others=True, reason=" "))
        with pytest.raises(EmployeesFileInvalid, match="1 problem") as refused:
            await apply(settings, file, Wanted(dismiss_others=True, reason=REASON))
        assert "names 'other', who is neither in the file nor on the staff" in refused.value.hint
        assert [person.name for person in (await staff.list_staff(settings)).employees] == ["other"], "nothing changed"
        await apply(settings, file, Wanted())
        (chain,) = (await staff.list_staff(settings)).fallback
        assert chain.names == ("coder", "other"), "control: a chain may name an employee of the staff"
        result = await apply(settings, written(settings, chain=""), Wanted(dismiss_others=True, reason=REASON))
        assert result.dismissed == ("other",)
        listed = await staff.list_staff(settings)
        assert [person.name for person in listed.employees] == ["coder", "player"]
        assert listed.fallback == (), "an empty list removes the chain"


async def test_the_server_of_a_new_model_is_asked_and_its_facts_stay(house: House, settings: Settings) -> None:
    facts = {"/api/tags": tags(("smol:latest", DIGEST)), "/api/show": shown("tools", context_tokens=8192)}
    async with loopback(serving(facts)) as server, house.running(READERS):
        entry = f'[employees.ada]\nprovider = "ollama"\nbase-url = "{address(server)}"\nmodel = "{{model}}"\n{{more}}'
        settings.employees_file.write_text(entry.format(model="smol", more=""))
        assert outcome(await apply(settings, settings.employees_file, Wanted())) == {"ada": "hired"}
        ada = postings.find(settings.employees, "ada")
        assert (ada.model_digest, ada.prompt_tokens_max) == (DIGEST, 8192 - 1024)
        questions = len(server.seen)
        assert outcome(await apply(settings, settings.employees_file, Wanted())) == {"ada": "unchanged"}
        settings.employees_file.write_text(entry.format(model="smol", more="slots = 3\n"))
        assert outcome(await apply(settings, settings.employees_file, Wanted())) == {"ada": "updated"}
        assert postings.find(settings.employees, "ada").model_digest == DIGEST
        assert len(server.seen) == questions, "the model is the same, so nobody is asked again"

        said: list[str] = []
        settings.employees_file.write_text(entry.format(model="other", more=""))
        await apply(settings, settings.employees_file, Wanted(), on_progress=said.append)
        assert postings.find(settings.employees, "ada").model_digest is None
        assert any("has no model other. Its models: smol:latest" in line for line in said)
