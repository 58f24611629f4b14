"""A door decides about a scope that may be new without reading it. The guard of the publish shows whether it is new."""

import asyncio
from uuid import UUID, uuid4

import pytest

from domain import employee
from domain.errors import Refused
from tests.integration.desks import READS, Desk, Desks, of_type, profile, stamp
from tests.integration.test_aged import age

pytestmark = pytest.mark.parametrize("desks", [READS], indirect=True)


def hire(who: UUID) -> employee.Hire:
    return employee.Hire(**stamp(), employee=who, profile=profile())


async def test_the_first_decision_about_a_new_scope_is_one_message(desk: Desk) -> None:
    await desk.send("director", hire(uuid4()))
    before = desk.office.client.stats["out_msgs"]
    outcome = await desk.send("director", hire(uuid4()))
    assert outcome.events
    assert desk.office.client.stats["out_msgs"] == before + 1


async def test_a_scope_that_exists_is_read_before_it_is_refused(desks: Desks, desk: Desk) -> None:
    who, other = uuid4(), await desks.open()
    first = hire(who)
    outcome = await desk.send("director", first)
    assert await other.send("director", first) == outcome, "the first outcome"
    assert not (await (await desks.open()).send("director", hire(who))).events, "the employee has this profile already"
    dismissed = await (await desks.open()).send("director", employee.Dismiss(**stamp(), employee=who, reason="late"))
    assert dismissed.events, "a decision that is not the first one sees the earlier events"
    with pytest.raises(Refused):
        await desk.send("director", hire(who))


async def test_two_first_decisions_about_one_scope_give_one_event(desks: Desks, desk: Desk) -> None:
    """Both gates have read nothing. The events of both are decided before either is published."""
    for _ in range(10):
        who, other = uuid4(), await desks.open()
        outcomes = await asyncio.gather(desk.send("director", hire(who)), other.send("director", hire(who)))
        assert sorted(len(outcome.events) for outcome in outcomes) == [0, 1]
        hired = of_type(await desks.recorded(desk), "employee.hired")
        assert len([event for event in hired if event.envelope.entity_id == who]) == 1


async def test_a_scope_whose_events_have_left_the_stream_is_not_new(desks: Desks, desk: Desk) -> None:
    who = uuid4()
    await desk.send("director", hire(who))
    await age(desks, desk)
    assert not (await (await desks.open()).send("director", hire(who))).events, "the employee has this profile already"
