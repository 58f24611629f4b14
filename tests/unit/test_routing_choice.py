"""Choices of routing: what each strategy chooses, when it stops, what the record says, and that it can be repeated."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.errors import Invalid
from domain.routing.choice import EXPLORED_SHARE, Candidate, Choice, Situation, size_of
from domain.routing.difficulty import AT_START, SHAPES
from domain.routing.evidence import Posterior
from domain.routing.fixed_point import MICRO
from domain.routing.sentence import sentence_of
from domain.routing.skill import TaskFacts, skill_of
from domain.routing.strategies import STRATEGIES, choose

EXPLORED_OUT = 10**9  # more than its share of any spending, so that nothing is drawn


def known(version: str, rate: int, cost: int, *, attempts: int = 1000, time: int = 0) -> Candidate:
    """Return a candidate with this rate in percent."""
    posterior = Posterior(rate * attempts * MICRO // 100, (100 - rate) * attempts * MICRO // 100)
    return Candidate(version=version, posterior=posterior, cost=cost, time=time)


def task(value: int = 2 * MICRO, **fields: object) -> Situation:
    return Situation(**{"value": value, "shape": AT_START, "seed": "s", "explored": EXPLORED_OUT} | fields)  # type: ignore[arg-type]  # fields of a test


CHEAP = known("cheap", 50, 20_000)
STRONG = known("strong", 90, 700_000)
WEAK = known("weak", 20, 30_000)


def test_the_cascade_tries_the_cheap_first_and_escalates_after_a_failure() -> None:
    first = choose("cascade", task(), [STRONG, CHEAP])
    assert (first.version, first.reason) == ("cheap", "best_value")
    assert choose("cascade", task(failed=(500_000,)), [STRONG]).version == "strong"


def test_the_cascade_stops_when_no_attempt_is_worth_its_price() -> None:
    hopeless = task(failed=(900_000,) * 6)
    choice = choose("cascade", hopeless, [STRONG])
    assert (choice.version, choice.reason) == (None, "not_worth_it")
    assert choose("cascade", replace(hopeless, value=1000 * MICRO), [STRONG]).version == "strong"


def test_the_reservation_value_is_v_minus_c_over_p() -> None:
    (only,) = choose("cascade", task(), [CHEAP]).candidates
    assert only.reservation == 2 * MICRO - 20_000 * 2


def test_a_large_task_is_not_tried_at_a_price_above_its_worth() -> None:
    small, large = task(value=900_000), task(value=900_000, size=3 * MICRO)
    assert choose("cascade", small, [STRONG]).version == "strong"
    assert choose("cascade", large, [STRONG]).reason == "not_worth_it"
    assert size_of(30, 10) == 2 * MICRO
    assert size_of(0, 0) == MICRO


def test_only_what_the_budget_allows_is_chosen() -> None:
    assert choose("cascade", task(left=500_000, failed=(500_000,)), [STRONG, WEAK]).version == "weak"
    assert choose("cascade", task(left=1), [STRONG, CHEAP]).reason == "nobody"
    assert choose("cascade", task(left=10**9), [STRONG, CHEAP]).version == "cheap"


def test_exploration_stays_within_its_share_of_the_spending() -> None:
    unknown = known("unknown", 30, 25_000, attempts=2)
    chosen = set()
    for number in range(200):
        within = task(spent=MICRO, explored=EXPLORED_SHARE, counter=2 * number)
        choice = choose("cascade", within, [CHEAP, unknown])
        chosen.add((choice.version, choice.reason))
        assert choice.counter == within.counter + 2
        beyond = choose("cascade", replace(within, explored=EXPLORED_SHARE + 1), [CHEAP, unknown])
        assert (beyond.version, beyond.reason) == ("cheap", "best_value")
        assert beyond.counter == within.counter
    assert chosen == {("cheap", "best_value"), ("unknown", "explores")}


def test_a_task_is_sometimes_tried_although_no_attempt_seems_worth_its_price() -> None:
    doubtful = known("doubtful", 10, 300_000, attempts=3)
    reasons = {choose("cascade", task(explored=0, counter=number), [doubtful]).reason for number in range(50)}
    assert reasons == {"explores", "not_worth_it"}
    assert choose("cascade", task(), [doubtful]).reason == "not_worth_it"


def test_a_high_risk_is_routed_by_the_lower_quantile_and_without_exploration() -> None:
    sure, unsure = known("sure", 60, 30_000, attempts=100), known("unsure", 75, 30_000, attempts=3)
    assert choose("cascade", task(), [sure, unsure]).version == "unsure"
    careful = choose("cascade", task(risk="high", explored=0), [sure, unsure])
    assert (careful.version, careful.reason) == ("sure", "best_value")
    assert all(each.drawn is None for each in careful.candidates)


def test_a_near_deadline_buys_parallel_attempts_that_are_worth_their_price() -> None:
    slow = [
        known("one", 50, 20_000, time=600),
        known("two", 50, 25_000, time=700),
        known("dear", 50, 1_500_000, time=1),
    ]
    in_time = choose("cascade", task(time_left=5000), slow)
    hurried = choose("cascade", task(time_left=1000), slow)
    assert (in_time.version, in_time.parallel) == ("one", ())
    assert (hurried.version, hurried.parallel) == ("one", ("two",))
    assert choose("cascade", task(time_left=1000, left=30_000), slow).parallel == ()
    assert choose("cascade", task(time_left=1000, risk="high"), slow).parallel == ()
    assert choose("cascade", task(time_left=100), slow).parallel == ()


def test_an_employee_that_failed_the_task_is_less_likely_to_solve_it_at_the_next_attempt() -> None:
    again = known("again", 60, 20_000)
    (shown,) = choose("cascade", task(failed=(600_000,), failed_by=("again",)), [again]).candidates
    assert shown.rate_now < shown.rate
    (fresh,) = choose("cascade", task(), [again]).candidates
    assert fresh.rate_now == fresh.rate, "control"


@pytest.mark.parametrize(
    ("strategy", "version"),
    [("turns", None), ("cheapest_first", "cheap"), ("best_single", "strong"), ("cascade", "cheap")],
)
def test_each_strategy_is_a_row_of_the_table(strategy: str, version: str | None) -> None:
    choice = choose(strategy, task(), [STRONG, CHEAP, WEAK])
    assert choice.strategy == strategy
    assert version in (None, choice.version)
    assert choose(strategy, task(), []).reason == "nobody"


def test_the_other_strategies_follow_their_rule_after_a_failure() -> None:
    failed = task(failed=(500_000,), failed_by=("cheap",))
    assert choose("cheapest_first", failed, [STRONG, CHEAP, WEAK]).version == "weak"
    assert choose("best_single", failed, [STRONG, CHEAP, WEAK]).reason == "already_tried"
    both = task(failed=(500_000, 900_000), failed_by=("cheap", "strong"))
    assert choose("turns", both, [CHEAP, STRONG, WEAK]).version == "weak"
    assert {choose("turns", task(seed=str(seed)), [STRONG, CHEAP]).version for seed in range(20)} == {"strong", "cheap"}


CANDIDATES = st.lists(
    st.builds(
        Candidate,
        version=st.sampled_from("abcdefgh"),
        posterior=st.builds(Posterior, st.integers(0, 50 * MICRO), st.integers(0, 50 * MICRO)),
        cost=st.integers(0, 10 * MICRO),
        time=st.integers(0, 10**6),
    ),
    max_size=4,
    unique_by=lambda each: each.version,
)
SITUATIONS = st.builds(
    Situation,
    value=st.integers(0, 10 * MICRO),
    failed=st.lists(st.integers(0, MICRO), max_size=3).map(tuple),
    failed_by=st.lists(st.sampled_from("abcdefgh"), max_size=3).map(tuple),
    shape=st.sampled_from(SHAPES),
    size=st.integers(MICRO // 4, 4 * MICRO),
    risk=st.sampled_from(("normal", "high")),
    left=st.none() | st.integers(0, 10 * MICRO),
    time_left=st.none() | st.integers(0, 10**6),
    seed=st.text(max_size=5),
    counter=st.integers(0, 1000),
    spent=st.integers(0, 100 * MICRO),
    explored=st.integers(0, MICRO),
)


@settings(deadline=None)
@given(st.sampled_from(sorted(STRATEGIES)), SITUATIONS, CANDIDATES)
def test_a_choice_can_be_repeated_from_its_record_and_explained(
    strategy: str, situation: Situation, candidates: list[Candidate]
) -> None:
    choice = choose(strategy, situation, candidates)
    stored = msgspec.json.encode((situation, candidates))
    again = choose(strategy, *msgspec.json.decode(stored, type=tuple[Situation, list[Candidate]]))
    assert msgspec.json.decode(msgspec.json.encode(again), type=Choice) == choice
    assert b"." not in msgspec.json.encode(replace(again, seed=""))  # no fractions
    assert sentence_of(choice).endswith(".")
    if choice.chosen and situation.left is not None:
        assert choice.chosen.cost <= situation.left


@settings(deadline=None)
@given(SITUATIONS, CANDIDATES)
def test_the_order_of_the_candidates_does_not_matter_without_draws(
    situation: Situation, candidates: list[Candidate]
) -> None:
    situation = replace(situation, explored=EXPLORED_OUT)
    assert choose("cascade", situation, candidates).version == choose("cascade", situation, candidates[::-1]).version


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (
            choose("cascade", task(), [CHEAP, STRONG]),
            "Ada was chosen because its attempt has the best value among 2 employees (about 50% chance of success, $0",
        ),
        (choose("cascade", task(failed=(900_000,) * 6), [STRONG]), "the best, strong, would cost $0.7000"),
        (choose("cascade", task(left=0), [CHEAP]), "nobody may try the task within its budget"),
        (choose("cascade", task(), [STRONG]), "because nobody else may try the task now (about"),
        (choose("cascade", task(), [replace(CHEAP, cost=0), STRONG]), "chance of success, at no cost)."),
        (choose("best_single", task(failed=(1,)), [CHEAP]), "only one attempt"),
        (choose("best_single", task(), [CHEAP]), "Ada was chosen for the only attempt"),
        (choose("turns", task(), [CHEAP]), "Ada was chosen because it had its turn"),
        (choose("cheapest_first", task(), [CHEAP]), "Ada was chosen because it has the lowest price"),
    ],
)
def test_the_reason_is_a_sentence(choice: Choice, words: str) -> None:
    assert words in sentence_of(choice, {"cheap": "Ada"})


def test_the_sentence_names_parallel_attempts_and_attempts_to_learn() -> None:
    choice = choose("cascade", task(), [CHEAP, STRONG])
    assert "to meet the deadline: strong." in sentence_of(replace(choice, parallel=("strong",)))
    assert "to learn more about it" in sentence_of(replace(choice, reason="explores"))


FACTS = TaskFacts(deliver="library", language="python", criteria=2, paths=("src/words.py",))


def test_a_skill_follows_from_the_requirement() -> None:
    assert skill_of(FACTS).key == "library/python/small/answer/normal"
    assert skill_of(msgspec.structs.replace(FACTS, criteria=5)).size == "medium"
    assert skill_of(msgspec.structs.replace(FACTS, paths=("a",) * 9, form="session")).key.endswith(
        "large/session/normal"
    )
    assert skill_of(msgspec.structs.replace(FACTS, paths=("src/user_auth.py",))).risk == "high"
    assert skill_of(msgspec.structs.replace(FACTS, paths=("src/author.py",))).risk == "normal"


def test_each_part_of_a_skill_can_be_overridden() -> None:
    assert skill_of(FACTS, {"risk": "high", "language": "sql"}).key == "library/sql/small/answer/high"
    with pytest.raises(Invalid, match="size: huge"):
        skill_of(FACTS, {"size": "huge"})
    with pytest.raises(Invalid, match="colour: red") as refused:
        skill_of(FACTS, {"colour": "red"})
    assert "deliver, language, size, form, risk" in refused.value.hint
