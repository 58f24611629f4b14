"""Evidence about a version: counts, forgetting, change detection, inheritance, and the book of all versions."""

from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.routing import difficulty, evidence
from domain.routing.book import AttemptEnded, Book, evolve, played, with_new_version
from domain.routing.difficulty import SHAPES, after_failures, best_shape, rate_now, scored
from domain.routing.evidence import NONE, Attempt, Evidence, Posterior
from domain.routing.fixed_point import MICRO

RATES = st.integers(0, MICRO)
SHAPE = st.sampled_from(SHAPES)


def attempt(*, verified: bool, rate: int = MICRO // 2, now: int | None = None, cost: int = 1000) -> Attempt:
    return Attempt(verified=verified, rate=rate, rate_now=rate if now is None else now, cost=cost, time=60)


def ended(version: str, skill: str, result: Attempt, *failed: int) -> AttemptEnded:
    return AttemptEnded(version=version, skill=skill, failed=failed, attempt=result)


ATTEMPTS = st.lists(
    st.builds(
        AttemptEnded,
        version=st.sampled_from(("a", "b", "c")),
        skill=st.sampled_from(("x", "y")),
        failed=st.lists(RATES, max_size=3).map(tuple),
        attempt=st.builds(
            Attempt, verified=st.booleans(), rate=RATES, rate_now=RATES, cost=st.integers(0, 10**7), time=RATES
        ),
        explores=st.booleans(),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(ATTEMPTS, st.integers(0, 30))
def test_a_replay_from_any_place_gives_an_equal_book(attempts: list[AttemptEnded], place: int) -> None:
    whole = played(attempts)
    again = played(attempts[:place])
    for each in attempts[place:]:
        stored = msgspec.json.decode(msgspec.json.encode(each), type=AttemptEnded)
        again = evolve(again, stored)
    assert again == whole


@settings(deadline=None)
@given(ATTEMPTS)
def test_the_book_holds_integers_and_sums(attempts: list[AttemptEnded]) -> None:
    book = played(attempts)
    assert book.spent == sum(each.attempt.cost for each in attempts)
    assert book.explored == sum(each.attempt.cost for each in attempts if each.explores)
    for known in (*book.overall.values(), *book.skills.values()):
        assert all(type(value) is int and value >= 0 for value in msgspec.structs.asdict(known).values())
        assert known.verified + known.failed <= 100 * MICRO + MICRO
    for version in "abc":
        posterior = book.posterior(version, "x", book.staff_rate)
        assert 0 < posterior.mean < MICRO


def test_evolve_does_not_change_the_book_before() -> None:
    before = played([ended("a", "x", attempt(verified=True))])
    copy = msgspec.json.encode(before.overall)
    evolve(before, ended("a", "x", attempt(verified=False)))
    assert msgspec.json.encode(before.overall) == copy


def test_old_evidence_is_forgotten_slowly() -> None:
    known = NONE
    for _ in range(1000):
        known = evidence.after(known, attempt(verified=True, rate=MICRO))
    assert known.verified == pytest.approx(100 * MICRO, rel=0.01)


def test_a_regression_is_seen_fast_and_a_run_of_bad_luck_is_not() -> None:
    def rate_after(failures: int) -> int:
        known = NONE
        for number in range(80):
            known = evidence.after(known, attempt(verified=number % 10 != 0, rate=900_000))
        for _ in range(failures):
            known = evidence.after(known, attempt(verified=False, rate=900_000))
        return evidence.posterior(MICRO // 2, known, NONE).mean

    assert rate_after(2) > 800_000
    assert rate_after(6) < 700_000


def test_a_failure_at_a_task_that_others_failed_counts_less() -> None:
    assert evidence.weight_of_failure(attempt(verified=False, rate=600_000)) == MICRO
    assert evidence.weight_of_failure(attempt(verified=False, rate=600_000, now=200_000)) < MICRO // 2
    assert evidence.weight_of_failure(attempt(verified=False, rate=600_000, now=0)) == 0


@pytest.mark.parametrize("now", [100_000, 300_000, 600_000])
def test_the_rate_of_an_employee_that_gets_only_hard_tasks_is_not_underestimated(now: int) -> None:
    luck, known = Random(5), NONE
    for _ in range(20_000):
        result = attempt(verified=luck.random() < now / MICRO, rate=600_000, now=now)
        known = evidence.after(known, result)
    tried = known.verified + known.failed
    assert known.verified / tried == pytest.approx(0.6, abs=0.12)


def test_a_new_version_inherits_half_of_the_evidence() -> None:
    book = played([ended("old", "x", attempt(verified=True)), ended("old", "x", attempt(verified=False))])
    after = with_new_version(book, "old", "new")
    assert after.overall["new"].verified == book.overall["old"].verified // 2
    assert after.skills["new", "x"].failed == book.skills["old", "x"].failed // 2
    assert after.overall["old"] == book.overall["old"]
    assert after.overall["new"].cost == 0
    assert with_new_version(book, "stranger", "new") == book


def test_a_skill_without_evidence_begins_at_the_rate_of_the_version() -> None:
    book = played([ended("a", "x", attempt(verified=True, rate=MICRO)) for _ in range(20)])
    known, elsewhere = (book.posterior("a", skill, MICRO // 2) for skill in ("x", "y"))
    stranger = book.posterior("b", "x", MICRO // 2)
    assert known.mean > elsewhere.mean > stranger.mean == MICRO // 2
    assert known.successes + known.failures > elsewhere.successes + elsewhere.failures


def test_the_average_of_the_staff_counts_each_version_once() -> None:
    often, once = Evidence(verified=90 * MICRO, failed=0, attempts=90), Evidence(failed=MICRO, attempts=1)
    assert evidence.staff_rate([]) == MICRO // 2
    assert evidence.staff_rate([often, *(once for _ in range(5))]) < MICRO // 2


def test_the_cost_moves_from_the_price_list_to_what_was_measured() -> None:
    known = NONE
    assert evidence.cost_of(known, 5000) == 5000
    for _ in range(40):
        known = evidence.after(known, attempt(verified=True, cost=10_000))
    assert 9000 < evidence.cost_of(known, 5000) <= 10_000


@settings(deadline=None)
@given(RATES, st.lists(RATES, max_size=6), RATES, SHAPE)
def test_a_failure_of_another_never_raises_a_rate(rate: int, failed: list[int], other: int, shape: object) -> None:
    assert isinstance(shape, difficulty.Shape)
    before = rate_now(tuple(failed), rate, shape)
    after = rate_now((*failed, other), rate, shape)
    assert after <= before + MICRO // 100  # rounding of the grid
    assert sum(after_failures((*failed, other), shape)) == pytest.approx(difficulty.WHOLE, rel=1e-6)


def test_a_failure_of_a_strong_employee_says_more_than_that_of_a_weak_one() -> None:
    shape = best_shape(difficulty.NO_SCORES)
    assert rate_now((900_000,), 600_000, shape) < rate_now((200_000,), 600_000, shape) < 600_000
    assert rate_now((), 600_000, shape) == 600_000


def test_the_shape_is_learnt_from_results() -> None:
    luck = Random(2)

    def learnt(spread: float) -> int:
        scores = difficulty.NO_SCORES
        for _ in range(400):
            task = spread * luck.gauss(0, 1)
            failed: tuple[int, ...] = ()
            for _ in range(4):
                solved = luck.gauss(0, 1) > task  # everybody solves about half of all tasks
                scores = scored(scores, failed, MICRO // 2, solved=solved)
                if solved:
                    break
                failed = (*failed, MICRO // 2)
        return best_shape(scores).spread_steps

    assert learnt(0.0) < learnt(3.0)


def test_a_posterior_has_a_mean() -> None:
    assert Posterior(3 * MICRO, MICRO).mean == 750_000
    assert Posterior(0, 0).mean == MICRO // 2
    assert Book().time("nobody") == 0
    assert played([ended("a", "x", attempt(verified=True))]).time("a") == 60
