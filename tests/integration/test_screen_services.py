"""The services below the screens, on the recorded log of release 0.1.0: each equals a whole scan of the log."""

import msgspec
import pytest
from msgspec.structs import replace

from bus import newest_events
from bus.store import FAR, Store
from director.services import importance
from director.services.event_browser import BrowseWanted, browse, stored_event
from director.services.health_view import health
from director.services.importance import LEVELS, importance_of
from director.services.log_check import check_log
from director.services.past_acts import TYPES, past_acts
from director.services.positions import positions
from director.services.rights import matrix, rights
from domain.errors import Invalid, NotFound
from domain.message import Recorded
from domain.registry import EVENTS
from domain.user import USER_ROLES
from governance.user_rights import SCOPE_MATRIX, TOKEN_SCOPES, USER_MATRIX

pytestmark = pytest.mark.needs_postgres


async def test_what_the_screens_show_of_the_log(past_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check everything on one store, because its rows take seconds to make."""
    whole = (await past_store.read(0, limit=10_000))[::-1]
    monkeypatch.setattr(newest_events, "WINDOW_EVENTS", 50)
    await the_newest_events_come_page_by_page(past_store, whole)
    await an_event_is_shown_as_it_is_stored(past_store, whole)
    await the_acts_of_people_are_listed(past_store, whole)
    await the_past_ends_at_its_event(past_store, whole)
    await positions_and_health_are_told(past_store, whole)
    await a_changed_log_is_found(past_store, whole)


async def the_newest_events_come_page_by_page(store: Store, whole: list[Recorded]) -> None:
    run = next(each.envelope.run for each in whole if each.envelope.role == "verifier" and each.envelope.run)
    employee = next(each.envelope.employee for each in whole if each.envelope.employee is not None)
    for wanted, passes in (
        (BrowseWanted(limit=17), lambda _: True),
        (BrowseWanted(kind="task.", limit=17), lambda each: each.envelope.type.startswith("task.")),
        (BrowseWanted(importance="high"), lambda each: importance_of(each.envelope.type) == "high"),
        (BrowseWanted(importance="normal"), lambda each: importance_of(each.envelope.type) != "low"),
        (BrowseWanted(role="director", limit=5), lambda each: each.envelope.role == "director"),
        (
            BrowseWanted(role="director", kind="run.", limit=2),
            lambda each: each.envelope.role == "director" and each.envelope.type.startswith("run."),
        ),
        (
            BrowseWanted(role="manager", kind="run.", limit=9),
            lambda each: each.envelope.role == "manager" and each.envelope.type.startswith("run."),
        ),
        (BrowseWanted(run=str(run), limit=3), lambda each: each.envelope.run == run),
        (
            BrowseWanted(run=str(run), role="verifier"),
            lambda each: (each.envelope.run, each.envelope.role) == (run, "verifier"),
        ),
        (BrowseWanted(role="verifier", limit=4), lambda each: each.envelope.role == "verifier"),
        (
            BrowseWanted(entity=str(employee), limit=5),
            lambda each: employee in (each.envelope.employee, each.envelope.entity_id),
        ),
    ):
        expected = [each.seq for each in whole if passes(each)]
        assert expected
        assert await all_pages(store, wanted) == expected, wanted
    with pytest.raises(NotFound):
        await browse(store, BrowseWanted(run="ffffffff"))
    for wrong in ({"importance": "huge"}, {"role": "boss"}, {"limit": 0}, {"limit": 501}):
        with pytest.raises(Invalid):
            BrowseWanted(**wrong)


def test_no_text_of_an_envelope_looks_like_a_role() -> None:
    """Therefore the bytes of a role find the events of people."""
    mark = '"role":"user"'
    assert mark.encode() not in msgspec.json.encode({"principal": mark, mark: 1})
    assert mark.encode() in msgspec.json.encode({"role": "user"}), "the control"


async def all_pages(store: Store, wanted: BrowseWanted) -> list[int]:
    """Return the sequences of all pages. Each page must be within its limit."""
    found, before = list[int](), FAR
    while True:
        page = await browse(store, replace(wanted, before=before))
        assert len(page.events) <= wanted.limit
        found += [each.seq for each in page.events]
        if page.next is None:
            return found
        assert page.next < before
        before = page.next


async def an_event_is_shown_as_it_is_stored(store: Store, whole: list[Recorded]) -> None:
    second, first = whole[-2], whole[-1]
    shown = await stored_event(store, str(second.envelope.id))
    assert (shown.event.seq, shown.event.envelope) == (2, second.envelope)
    assert (shown.previous, shown.commitment_fits) == ((await stored_event(store, "1")).hash, True)
    assert (await stored_event(store, str(first.seq))).previous is None
    assert "nats stream get AURA 2" in shown.commands
    async with store.connection() as connection:
        assert await connection.fetchval(shown.commands[1]) == shown.envelope, "the SQL to copy gives the same text"
    with pytest.raises(NotFound):
        await stored_event(store, str(len(whole) + 1))


async def the_acts_of_people_are_listed(store: Store, whole: list[Recorded]) -> None:
    by_people = [each for each in whole if each.envelope.role in ("director", "user")]
    expected = [each.seq for each in by_people if each.envelope.type in TYPES]
    assert len(by_people) - len(expected) <= 1, "events of older forms"
    page = await past_acts(store, limit=3)
    assert [act.seq for act in page.acts] == expected[:3]
    assert page.next == expected[2]
    rest = await past_acts(store, before=expected[2])
    assert [act.seq for act in rest.acts] == expected[3:]
    assert {act.who for act in rest.acts} == {"the Director's key"}
    approved = next(act for act in (*page.acts, *rest.acts) if act.type == "run.approved")
    assert approved.about.startswith("run ")


async def the_past_ends_at_its_event(store: Store, whole: list[Recorded]) -> None:
    middle = len(whole) // 2
    past = store.past(middle)
    assert await all_pages(past, BrowseWanted()) == list(range(middle, 0, -1))
    assert all(act.seq <= middle for act in (await past_acts(past)).acts)
    with pytest.raises(NotFound):
        await stored_event(past, str(middle + 1))
    assert (await stored_event(past, str(middle))).event.seq == middle, "the control"
    assert (await check_log(past)).last == middle
    assert (await rights(past)).tokens is None, "tokens have no past"
    with pytest.raises(Invalid, match="not recorded"):
        await positions(past)


async def positions_and_health_are_told(store: Store, whole: list[Recorded]) -> None:
    found = await positions(store)
    assert {line.seq for line in found.consumers} == {line.history_seq for line in found.consumers} == {len(whole)}
    assert {line.lag for line in found.consumers} == {0}
    seen = await health(store)
    assert {check.name: check.good for check in seen.checks}["consumers"] is True
    assert seen.not_recorded
    async with store.connection() as connection:
        await connection.execute("UPDATE hr.checkpoint SET seq = 3")
    behind = {line.consumer: line.lag for line in (await positions(store)).consumers}
    assert behind["hr"] == len(whole) - 3
    async with store.connection() as connection:
        await connection.execute("UPDATE hr.checkpoint SET seq = $1", len(whole))


async def a_changed_log_is_found(store: Store, whole: list[Recorded]) -> None:
    good = await check_log(store)
    assert (good.first, good.last, good.problems, good.next) == (1, len(whole), (), None)
    part = await check_log(store, 10, 7)
    assert (part.first, part.last, part.next) == (11, 17, 17)
    async with store.connection() as connection:
        for table in ("event", "payload"):
            await connection.execute(f"ALTER TABLE log.{table} DISABLE TRIGGER USER")
        await connection.execute("UPDATE log.payload SET bytes = bytes || ' ' WHERE seq = 12")
        await connection.execute("UPDATE log.event SET type = 'run.approved' WHERE seq = 13")
        await connection.execute("DELETE FROM log.event WHERE seq = 14")
        await connection.execute("DELETE FROM log.event WHERE seq >= $1", len(whole) - 1)
    bad = await check_log(store)
    assert bad.hash != good.hash
    assert [problem.split(" is ")[0].split(" has ")[0] for problem in bad.problems] == [
        "the payload of event 12",
        "event 13",
        "event 14",
        f"the events {len(whole) - 1} to {len(whole)} are missing",
    ]


def test_the_table_of_rights_is_the_matrix() -> None:
    lines = {line.event: line for line in matrix()}
    assert lines["read"].scopes == ("read",)
    for event, line in lines.items():
        if event != "read":
            assert line.roles == tuple(role for role in USER_ROLES if event in USER_MATRIX[role])
            assert line.scopes == tuple(scope for scope in TOKEN_SCOPES if event in SCOPE_MATRIX[scope])


def test_every_event_has_an_importance_and_a_new_one_is_high() -> None:
    assert {*importance.LOW, *importance.NORMAL} <= EVENTS.keys()
    assert not importance.LOW & importance.NORMAL
    assert sorted(type for level in LEVELS for type in importance.BY_LEVEL[level]) == sorted(
        (*EVENTS, importance.ALIEN)
    )
    assert importance_of("something.new") == "high"
