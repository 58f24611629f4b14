"""The law by sequence: an event's position decides whether it counts.

It is compared with a naive model of the same law.
"""

from random import Random
from typing import get_type_hints
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.law import MATTERS, Standing, matters, void
from domain.message import ORGANISATION, Envelope
from domain.registry import EVENTS
from tests.unit.samples import EMPLOYEE, FIRST, OTHER_EMPLOYEE, RUN, uuid

OTHER_RUN = uuid(60)
WORK = ("task.assigned", "task.call_started")
STAGE = ("run.planned", "run.merged", "run.delivery_started")
JUDGED = ("task.submitted", "task.verified", "task.rejected")
RECEIPTS = ("task.call_finished", "task.released", "run.delivered", "run.released", "run.ended")
History = list[Envelope]


def envelope(kind: str, *, employee: UUID | None = EMPLOYEE, run: UUID | None = RUN) -> Envelope:
    """Return an event of this type: of the organisation, of the employee, of the run or of its first task."""
    entity = kind.split(".")[0]
    ids = {"organisation": ORGANISATION, "employee": employee, "run": run, "task": FIRST}
    return Envelope(
        id=uuid(0),
        type=kind,
        version=1,
        entity=entity,
        entity_id=ids.get(entity) or uuid(0),
        run=run if entity in ("run", "task") else None,
        employee=employee if entity in ("employee", "task") else None,
        principal=uuid(0),
        role="manager",
        occurred_at=0,
        command=uuid(0),
        cause=None,
        policy="",
        commitment="",
    )


def standing_of(history: History) -> Standing:
    """Return the standing after the whole history. The first event has sequence 1."""
    standing = Standing()
    for seq, event in enumerate(history, 1):
        standing.fold(event, seq)
    return standing


def reason(kind: str, *earlier: str) -> str | None:
    """Return the reason why an event of this type is void after these events."""
    standing = standing_of([envelope(name) for name in earlier])
    return void(envelope(kind), len(earlier) + 1, standing)


@pytest.mark.parametrize("kind", WORK)
def test_work_does_not_begin_while_it_is_forbidden(kind: str) -> None:
    assert reason(kind) is None
    assert reason(kind, "organisation.paused") == "the organisation was paused"
    assert reason(kind, "organisation.halted") == "the organisation was halted"
    assert reason(kind, "organisation.paused", "organisation.resumed") is None
    assert reason(kind, "employee.suspended") == "the employee was suspended"
    assert reason(kind, "employee.suspended", "employee.reinstated") is None
    assert reason(kind, "employee.dismissed") == "the employee was dismissed"
    assert reason(kind, "employee.dismissed", "employee.reinstated") == "the employee was dismissed"
    assert reason(kind, "employee.dismissed", "employee.rehired") is None
    assert reason(kind, "employee.rehired", "employee.dismissed") == "the employee was dismissed"
    assert reason(kind, "employee.dismissed", "employee.rehired", "employee.dismissed") == "the employee was dismissed"
    assert reason(kind, "employee.suspended", "employee.dismissed", "employee.rehired") == "the employee was suspended"
    assert reason(kind, "employee.dismissed", "employee.appeal_decided") == "the employee was dismissed"
    assert reason(kind, "employee.suspended", "employee.appeal_decided") == "the employee was suspended"
    assert reason(kind, "employee.renamed", "employee.hired") is None
    assert reason(kind, "run.ended") == "the run had ended"


@pytest.mark.parametrize("kind", STAGE)
def test_stages_go_on_in_a_pause_and_not_in_a_halt(kind: str) -> None:
    assert reason(kind) is None
    assert reason(kind, "organisation.paused") is None
    assert reason(kind, "organisation.halted") == "the organisation was halted"
    assert reason(kind, "organisation.halted", "organisation.resumed") is None
    assert reason(kind, "run.ended") == "the run had ended"


@pytest.mark.parametrize("kind", JUDGED)
def test_work_under_way_may_be_judged_until_the_run_s_end(kind: str) -> None:
    assert reason(kind, "organisation.halted", "employee.suspended", "employee.dismissed") is None
    assert reason(kind, "run.ended") == "the run had ended"


@pytest.mark.parametrize("kind", RECEIPTS)
def test_receipts_always_count(kind: str) -> None:
    assert reason(kind, "organisation.halted", "employee.suspended", "run.ended") is None
    assert reason(kind, "employee.dismissed") is None


def test_a_rehire_permits_later_work_and_no_earlier_work() -> None:
    standing = standing_of([envelope(f"employee.{name}") for name in ("dismissed", "renamed", "rehired", "hired")])
    assert [standing.dismissed(EMPLOYEE, seq) for seq in (1, 2, 3, 4, 5)] == [False, True, True, False, False]
    assert not standing.dismissed(OTHER_EMPLOYEE, 3), "control"


def test_an_event_changes_what_comes_after_it_and_not_itself() -> None:
    standing = standing_of([envelope("organisation.paused"), envelope("employee.suspended"), envelope("run.ended")])
    assert [standing.phase(seq) for seq in (1, 2)] == ["running", "paused"]
    assert [standing.suspended(EMPLOYEE, seq) for seq in (2, 3)] == [False, True]
    assert [standing.ended(RUN, seq) for seq in (3, 4)] == [False, True]


def test_another_employee_and_another_run_go_on() -> None:
    standing = standing_of([envelope("employee.suspended"), envelope("run.ended")])
    assert void(envelope("task.assigned"), 3, standing) == "the run had ended"
    assert void(envelope("task.assigned", run=OTHER_RUN), 3, standing) == "the employee was suspended"
    assert void(envelope("task.assigned", run=OTHER_RUN, employee=OTHER_EMPLOYEE), 3, standing) is None


def test_an_event_at_the_wrong_place_or_seen_before_never_counts() -> None:
    for kind in EVENTS:
        event = envelope(kind)
        assert void(event, 1, Standing(), subject_fits=False) == "its subject does not follow from its envelope"
        assert void(event, 1, Standing(), seen=True) == "an event with this id stands earlier in the log"
        assert void(event, 1, Standing()) is None


def test_what_the_law_needs_is_what_changes_standing() -> None:
    assert set(MATTERS) <= set(EVENTS)
    for kind in EVENTS:
        standing = Standing()
        standing.fold(envelope(kind), 1)
        of_employee = (standing.suspended(EMPLOYEE, 2), standing.dismissed(EMPLOYEE, 2))
        answers = (standing.phase(2), *of_employee, standing.ended(RUN, 2))
        untouched = answers == ("running", False, False, False)
        assert untouched == (not matters(kind) or kind in NEUTRAL)


NEUTRAL = ("organisation.founded", "organisation.resumed", "employee.reinstated", "employee.rehired")
"""Events that restore the initial state."""

KINDS = st.sampled_from([*MATTERS, *WORK, *STAGE, *JUDGED, *RECEIPTS])
EVENT = st.builds(
    envelope, KINDS, employee=st.sampled_from([EMPLOYEE, OTHER_EMPLOYEE]), run=st.sampled_from([RUN, OTHER_RUN])
)


def naive(event: Envelope, before: History) -> str | None:
    """Return the same decision by a search through all earlier events."""
    if event.type in WORK + STAGE + JUDGED and any(e.type == "run.ended" and e.entity_id == event.run for e in before):
        return "the run had ended"
    said = [e.type.split(".")[1] for e in before if e.type in MATTERS and e.entity == "organisation"]
    stopped = said[-1] if said and said[-1] in ("paused", "halted") else None
    if stopped and (event.type in WORK or (event.type in STAGE and stopped == "halted")):
        return f"the organisation was {stopped}"
    staff = [e.type for e in before if e.entity == "employee" and e.entity_id == event.employee]
    employment = [kind for kind in staff if kind in ("employee.dismissed", "employee.rehired")]
    if event.type in WORK and employment and employment[-1] == "employee.dismissed":
        return "the employee was dismissed"
    suspension = [kind for kind in staff if kind in ("employee.suspended", "employee.reinstated")]
    if event.type in WORK and suspension and suspension[-1] == "employee.suspended":
        return "the employee was suspended"
    return None


@settings(max_examples=200, deadline=None)
@given(st.lists(EVENT, max_size=30))
def test_it_answers_for_any_sequence_as_the_naive_law_does(history: History) -> None:
    """Asked after all was folded, and asked on the way, it says the same of every event."""
    whole, growing = standing_of(history), Standing()
    for seq, event in enumerate(history, 1):
        expected = naive(event, history[: seq - 1])
        assert void(event, seq, growing) == expected
        assert void(event, seq, whole) == expected
        growing.fold(event, seq)


@settings(max_examples=100, deadline=None)
@given(st.lists(EVENT, max_size=20), EVENT, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_nor_gaps_of_folding_matter(
    history: History, asked: Envelope, random: Random
) -> None:
    """A reader may fold only what matters, in any order and more than once: sequence alone decides."""
    numbered = [(event, seq) for seq, event in enumerate(history, 1) if matters(event.type)]
    told = numbered * 2
    random.shuffle(told)
    standing = Standing()
    for event, seq in told:
        standing.fold(event, seq)
    for seq in range(1, len(history) + 2):
        assert void(asked, seq, standing) == naive(asked, history[: seq - 1])


def test_the_law_reads_envelopes_alone_so_a_purge_changes_no_answer() -> None:
    """An envelope is kept for ever; neither function can be handed a payload."""
    assert get_type_hints(void)["envelope"] is Envelope
    assert get_type_hints(Standing.fold)["envelope"] is Envelope
    assert "payload" not in Envelope.__struct_fields__
