"""The meaning of a suite's repeats: the result depends on the hash seed, on the order, or on neither.

Runs are scripted.
"""

import pytest

from verification.suites.given_suite import Failures
from verification.suites.repeats import Repeated, repeat

FIRST, SECOND = 11, 22
LOST: Failures = (("test_it", "assert 1 == 2"),)


class Script:
    """A script that answers each run from a table of (hash seed, backwards).

    Several answers for a key are used in turn.
    """

    def __init__(self, *failing: tuple[int, bool]) -> None:
        self.failing = list(failing)
        self.asked: list[tuple[int, bool]] = []

    async def run(self, hash_seed: int, backwards: bool) -> Failures:
        self.asked.append((hash_seed, backwards))
        if (hash_seed, backwards) not in self.failing:
            return ()
        self.failing.remove((hash_seed, backwards))
        return LOST


@pytest.mark.parametrize(
    ("failing", "wanted", "runs"),
    [
        pytest.param([], Repeated(), 2, id="control: nothing fails"),
        pytest.param([(FIRST, False)], Repeated(flaky=LOST, hash_seed=FIRST), 2, id="by the seed, in its own order"),
        pytest.param([(SECOND, True), (SECOND, False)], Repeated(flaky=LOST, hash_seed=SECOND), 3, id="by the seed"),
        pytest.param([(SECOND, True)], Repeated(flaky=LOST, hash_seed=SECOND), 4, id="once, and never again"),
        pytest.param([(SECOND, True)] * 2, Repeated(turned=LOST, hash_seed=SECOND), 4, id="by the order alone"),
    ],
)
async def test_why_a_repeat_fails(failing: list[tuple[int, bool]], wanted: Repeated, runs: int) -> None:
    script = Script(*failing)
    assert await repeat(script.run, (FIRST, SECOND)) == wanted
    assert len(script.asked) == runs
