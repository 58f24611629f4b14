"""The rate limit of refusals: it counts the refusals that it holds back, and counts none twice."""

from random import Random
from uuid import UUID

from governance.refusal_limit import REFUSALS_MAX, WINDOW_S, RefusalLimit

ONE, OTHER = UUID(int=1), UUID(int=2)


class Clock:
    """A clock in seconds that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_first_ones_of_a_window_stand_alone_and_the_others_are_held_back() -> None:
    limit = RefusalLimit(Clock())
    counts = [limit.count(ONE) for _ in range(REFUSALS_MAX + 3)]
    assert counts == [1] * REFUSALS_MAX + [0] * 3
    assert limit.held(all_windows=True) == {ONE: 3}


def test_one_principal_does_not_use_up_another_ones_events() -> None:
    limit = RefusalLimit(Clock())
    for _ in range(REFUSALS_MAX + 1):
        limit.count(ONE)
    assert limit.count(ONE) == 0
    assert limit.count(OTHER) == 1


def test_the_next_window_begins_with_what_was_held_back() -> None:
    clock = Clock()
    limit = RefusalLimit(clock)
    for _ in range(REFUSALS_MAX + 5):
        limit.count(ONE)
    clock.now = WINDOW_S
    assert limit.count(ONE) == 6
    assert limit.count(ONE) == 1
    assert limit.held(all_windows=True) == {}


def test_a_summary_is_due_when_its_window_is_over_and_is_given_out_once() -> None:
    clock = Clock()
    limit = RefusalLimit(clock)
    for _ in range(REFUSALS_MAX + 2):
        limit.count(ONE)
    assert limit.held() == {}
    clock.now = WINDOW_S
    assert limit.held() == {ONE: 2}
    assert limit.held() == {}
    assert limit.count(ONE) == 1


def test_a_summary_that_could_not_be_written_is_counted_again() -> None:
    limit = RefusalLimit(Clock())
    limit.give_back(ONE, 4)
    limit.give_back(ONE, 3)
    assert limit.held(all_windows=True) == {ONE: 7}


def test_nothing_goes_uncounted_whatever_happens() -> None:
    rng = Random(7)
    for _ in range(50):
        clock = Clock()
        limit = RefusalLimit(clock)
        asked = written = 0
        for _ in range(400):
            clock.now += rng.random() * WINDOW_S / 20
            if rng.random() < 0.05:
                due = limit.held()
                for principal, count in due.items():
                    if rng.random() < 0.5:
                        limit.give_back(principal, count)
                    else:
                        written += count
            asked += 1
            count = limit.count(rng.choice((ONE, OTHER)))
            if count and rng.random() < 0.1:
                limit.give_back(ONE, count)
            else:
                written += count
        written += sum(limit.held(all_windows=True).values())
        assert written == asked
