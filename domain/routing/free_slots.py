"""The choice when some candidates have no free slot: wait for the best one, or let the best free one try first.

With rates p and q and reservation values R and S of the best candidate and of the next one, the expected loss of trying
the next one first is p * q * (R - S), if the attempts are independent. This is the difference of the two orders.
"""

from collections.abc import Collection, Sequence

from msgspec.structs import replace

from domain.routing.choice import Candidate, Choice, Situation, Valued, with_limited_shape
from domain.routing.fixed_point import MICRO
from domain.routing.strategies import choose

WAIT_LOSS = 50_000
"""The largest part of the value that may be lost by not waiting, in micro-units. Waiting has a price, too: time."""


def choose_free(strategy: str, situation: Situation, candidates: Sequence[Candidate], busy: Collection[str]) -> Choice:
    """Return the choice of the strategy. If the chosen one is busy, the reason is "best_free" or "waits"."""
    situation = with_limited_shape(situation, candidates)
    choice = choose(strategy, situation, candidates)
    if choice.reason == "explores" and choice.version in busy:
        choice = choose(strategy, _without_exploring(situation), candidates)  # nobody waits only to learn
    best = choice.chosen
    if best is None or best.version not in busy:
        return choice
    free = [each for each in candidates if each.version not in busy]
    following = choose(strategy, _without_exploring(situation), free).chosen if strategy == "cascade" else None
    if following is None or loss_of(best, following) > situation.value * WAIT_LOSS // MICRO:
        return replace(choice, version=None, reason="waits", parallel=())
    return replace(choice, version=following.version, reason="best_free", parallel=())


def loss_of(best: Valued, following: Valued) -> int:
    """Return the expected loss of trying `following` before `best`, in micro-dollars."""
    both = best.rate_now * following.rate_now // MICRO
    return both * (best.reservation - following.reservation) // MICRO


def _without_exploring(situation: Situation) -> Situation:
    """Return the situation with the share for exploring used up."""
    return replace(situation, spent=0, explored=1)
