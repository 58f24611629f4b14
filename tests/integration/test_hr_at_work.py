"""HR at work: three breaches of integrity, a term that ends, an appeal, a rehire, and a blacklisted version."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import pytest
from msgspec.structs import replace

from agents.employees import postings
from agents.hr_terms import Terms, due
from director.services import appeals, blacklist, hiring, rehiring, staff
from director.services.hire_options import Hiring
from director.services.hr_rules import check_rules, rules_in_force
from director.settings import Settings
from domain import employee
from domain.employee import Dismissed, Reinstated, Strike, Suspended, Warned
from domain.errors import Conflict, Invalid, LimitReached, NotFound, Refused
from domain.judgement import Finding
from domain.ladder import DAY_US
from domain.message import Recorded
from domain.task import Judge
from governance import hr_rules
from projections import replay
from projections.auditor import AuditorProjection
from projections.hr import HRProjection
from tests.integration.desks import WAIT_S, Desk, at, of_type, stamp
from tests.integration.folded_log import rows_of_log
from tests.integration.house import House
from tests.integration.test_staff_services import REASON, person, script
from tests.integration.test_staff_services import settings as settings  # a fixture

STAFF = ("recorder", "auditor", "hr")
TAMPERED = Finding(kind="outside_scope", integrity=True, path="conftest.py", detail="wrote conftest.py")


async def cheat(desk: Desk, run: UUID, task: str, who: UUID) -> None:
    """Let an employee hand in work on a task, which the verifier rejects for a breach of integrity."""
    order = await desk.order(run, name=task, who=who)
    for command in (order.assign(), order.start(), order.finish(), order.submit()):
        await desk.send("manager", command)
    judged = order.judge(verified=False)
    assert isinstance(judged, Judge)
    await desk.send("verifier", replace(judged, judgement=replace(judged.judgement, findings=(TAMPERED,))))


def answers(log: Sequence[Recorded]) -> list[employee.EmployeeEvent]:
    """Return the events of HR about the employee."""
    return [
        event.event for event in log if event.envelope.role == "hr" and isinstance(event.event, employee.EmployeeEvent)
    ]


async def test_three_breaches_end_an_employment_and_the_rows_are_those_of_a_rebuild(house: House) -> None:
    rules = hr_rules.default()
    desk = Desk(house.office, house.home / "keys")
    async with house.running(STAFF):
        who = await desk.hire()
        run = await desk.planned(tasks=4)

        await cheat(desk, run, "T1", who)
        (warned,) = answers(await house.until(lambda log: len(answers(log)) == 1))
        assert isinstance(warned, Warned)
        assert (warned.rule, warned.rules_version) == ("strike 1", rules.version)
        assert "conftest.py" in warned.reason

        await cheat(desk, run, "T2", who)
        suspended = answers(await house.until(lambda log: len(answers(log)) == 2))[1]
        assert isinstance(suspended, Suspended)
        assert suspended.until is not None
        assert abs(suspended.until - at() - 7 * DAY_US) < DAY_US
        order = await desk.order(run, name="T3", who=who)
        with pytest.raises(Refused, match="the employee was suspended"):
            await desk.send("manager", order.assign())

        rows = await rows_of_log(house.office.store, HRProjection())
        assert due(rows, at()) == [], "the term has not ended"
        advanced = Terms(desk.gate("hr").handle, clock=lambda: at() + 8 * DAY_US)
        advanced.note(rows, live=True)
        stop = asyncio.Event()
        duty = asyncio.create_task(advanced.run(stop))
        reinstated = answers(await house.until(lambda log: len(answers(log)) == 3))[2]
        stop.set()
        await duty
        assert isinstance(reinstated, Reinstated)
        assert (reinstated.rule, reinstated.strikes_kept) == ("term", True)

        await cheat(desk, run, "T3", who)
        dismissed = answers(await house.until(lambda log: len(answers(log)) == 4))[3]
        assert isinstance(dismissed, Dismissed)
        assert (dismissed.rule, dismissed.incident is None) == ("strike 3", False)
        order = await desk.order(run, name="T4", who=who)
        with pytest.raises(Refused, match="the employee was dismissed"):
            await desk.send("manager", order.assign())

        assert dismissed.incident is not None
        appeal = employee.Appeal(
            **stamp(), employee=who, incident=dismissed.incident, grounds="the harness wrote it", filings_max=1
        )
        await desk.send("director", appeal)
        decision = employee.DecideAppeal(
            **stamp(), employee=who, incident=dismissed.incident, granted=True, reason="the log shows it"
        )
        outcome = await desk.send("director", decision)
        assert [event.envelope.type for event in outcome.events] == ["employee.appeal_decided", "employee.rehired"]
        await desk.send("manager", order.assign())
        log = await house.log()
        (assigned,) = [event for event in of_type(log, "task.assigned") if event.event.order == order.order]  # type: ignore[union-attr]  # it is an assignment
        assert assigned.void is None
        last = log[-1].seq
        assert len(answers(log)) == 4, "HR answers each incident once"
    checked = await replay.check(house.office.store, [HRProjection(), AuditorProjection()])
    assert not checked.differences
    assert min(checked.positions.values()) >= last


async def strike(house: House, who: UUID, incident: UUID) -> None:
    rules = hr_rules.default().of_strikes
    await house.gate("hr").handle(
        Strike(**stamp(), employee=who, incident=incident, reason="wrote conftest.py", rules=rules)
    )


async def phase(settings: Settings, name: str, wanted: str) -> staff.Member:
    """Return the employee when HR's rows show the phase."""
    deadline = time.monotonic() + WAIT_S
    while True:
        shown = await person(settings, name)
        if shown.phase == wanted:
            return shown
        assert time.monotonic() < deadline, f"{name} is {shown.phase}"
        await asyncio.sleep(0.05)


async def test_appeals_and_rehires_keep_the_record(house: House, settings: Settings, tmp_path: Path) -> None:
    coder = Hiring(name="coder", script=script(tmp_path))
    first, second, third = (UUID(int=n << 96) for n in (1, 2, 3))
    async with house.running(STAFF):
        who = (await hiring.hire(settings, coder)).employee
        await strike(house, who, first)
        await strike(house, who, second)
        suspended = await phase(settings, "coder", "suspended")
        assert (suspended.strikes, suspended.until is None) == (2, False)
        with pytest.raises(NotFound, match="no strike of an incident"):
            await appeals.file_appeal(settings, "coder", str(third), "x")
        with pytest.raises(Invalid, match="reason is needed"):
            await appeals.file_appeal(settings, "coder", str(second), " ")
        await appeals.file_appeal(settings, "coder", str(second)[:8], "the harness wrote it")
        (filed,) = await appeals.open_appeals(settings)
        assert (filed.name, filed.incident, filed.grounds, filed.answered) == (
            *("coder", second, "the harness wrote it"),
            "suspended",
        )
        with pytest.raises(Refused, match="is open"):
            await appeals.file_appeal(settings, "coder", str(second), "again")
        await appeals.decide_appeal(settings, "coder", str(second), granted=False, reason="it did not")
        assert await appeals.open_appeals(settings) == []
        await appeals.file_appeal(settings, "coder", str(second), "a new trace")
        await appeals.decide_appeal(settings, "coder", str(second), granted=True, reason="so it was")
        back = await phase(settings, "coder", "working")
        assert (back.strikes, back.reversed, back.appeals) == (1, 1, 0)
        record = (await staff.list_staff(settings)).strikes
        assert [line.reversed for line in record if line.incident == second and line.step] == [True]
        await appeals.file_appeal(settings, "coder", str(first), "x")
        await appeals.decide_appeal(settings, "coder", str(first), granted=False, reason="x")
        await appeals.file_appeal(settings, "coder", str(first), "x")
        await appeals.decide_appeal(settings, "coder", str(first), granted=False, reason="x")
        with pytest.raises(LimitReached, match="appealed 2 times"):
            await appeals.file_appeal(settings, "coder", str(first), "x")

        with pytest.raises(Refused, match="is not dismissed"):
            await rehiring.rehire(settings, "coder", REASON)
        await hiring.dismiss(settings, "coder", REASON)
        assert not (settings.employees / "coder.json").exists()
        other = await hiring.hire(settings, coder)
        with pytest.raises(Conflict, match="Another employee has the name coder"):
            await rehiring.rehire(settings, str(who), REASON)
        await hiring.rename(settings, "coder", "second-coder")
        with pytest.raises(Invalid, match="reason is needed"):
            await rehiring.rehire(settings, str(who), " ")
        assert not (settings.employees / "coder.json").exists(), "a refused rehire leaves no file"
        await rehiring.rehire(settings, str(who), "a second chance")
        again = await person(settings, "coder")
        assert (again.employee, again.phase, again.strikes, again.probation) == (who, "working", 1, True)
        assert postings.find(settings.employees, "coder").id == who
        assert postings.find(settings.employees, "second-coder").id == other.employee

        await strike(house, who, second)
        await strike(house, who, third)
        await strike(house, who, UUID(int=4 << 96))
        ended = await phase(settings, "coder", "dismissed")
        assert (ended.strikes, ended.rehire_from is None) == (3, False), "a reversed incident is no strike again"
        with pytest.raises(Refused, match=r"Nobody may hire it again before .* UTC"):
            await rehiring.rehire(settings, "coder", REASON)
        postings.remove(settings.employees, who)
        with pytest.raises(NotFound, match="is not in"):
            await rehiring.rehire(settings, "coder", REASON)


async def test_nobody_works_with_a_blacklisted_version(house: House, settings: Settings, tmp_path: Path) -> None:
    coder, ben = (Hiring(name=name, script=script(tmp_path)) for name in ("coder", "ben"))
    async with house.running(STAFF):
        version = (await hiring.hire(settings, coder)).version
        other = (await hiring.hire(settings, replace(ben, output_tokens=7))).version
        assert version != other, "control"
        added = await blacklist.add_version(settings, "coder", "it forges verdicts")
        assert (added.version, added.employees) == (version, ("coder",))
        assert (await blacklist.add_version(settings, str(version)[:8], "again")).seq == 0
        await phase(settings, "coder", "suspended")
        assert (await person(settings, "ben")).phase == "working", "control"
        (listed,) = await blacklist.list_blacklist(settings)
        assert (listed.version, listed.reason, listed.employees) == (version, "it forges verdicts", ("coder",))
        with pytest.raises(Refused, match="is blacklisted"):
            await hiring.hire(settings, replace(coder, name="carl"))
        assert not (settings.employees / "carl.json").exists()
        with pytest.raises(Refused, match="is blacklisted"):
            await staff.reinstate(settings, "coder", REASON)
        await house.director.handle(
            employee.Hire(
                **stamp(), employee=(await person(settings, "ben")).employee, profile=await profile_of(settings)
            )
        )
        await phase(settings, "ben", "suspended")
        with pytest.raises(NotFound, match="no version"):
            await blacklist.add_version(settings, "nobody", REASON)
        removed = await blacklist.remove_version(settings, str(version), "it was the harness")
        assert set(removed.employees) == {"coder", "ben"}
        with pytest.raises(Refused, match="is not blacklisted"):
            await blacklist.remove_version(settings, str(version), REASON)
        assert await blacklist.list_blacklist(settings) == []
        await staff.reinstate(settings, "coder", REASON)
        assert (await staff.suspend(settings, "coder", REASON, days=3)).seq > 0
        assert (await person(settings, "coder")).until is not None


async def profile_of(settings: Settings) -> employee.Profile:
    """Return the profile of coder, for a command that does not know the blacklist."""
    return replace(staff.profile_of(await person(settings, "coder")), name="ben")


def test_the_rules_of_the_home_are_shown_and_checked(tmp_path: Path, settings: Settings) -> None:
    shown = rules_in_force(settings)
    assert (shown.file, shown.version) == ("", hr_rules.default().version)
    with pytest.raises(NotFound):
        check_rules(tmp_path / "none.toml")
    own = settings.root / "hr.toml"
    own.write_text("[probation]\n")
    with pytest.raises(Invalid, match=r"hr\.toml"):
        rules_in_force(settings)
    text = (Path(hr_rules.__file__).with_name("hr_rules.toml")).read_text()
    own.write_text(text.replace("days = 7", "days = 9"))
    assert check_rules(own) == rules_in_force(settings)
    assert rules_in_force(settings).version != shown.version
