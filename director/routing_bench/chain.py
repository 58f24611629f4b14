"""The best fixed chain of models for a table, in hindsight: an upper bound of what a fixed order can achieve."""

from functools import lru_cache
from typing import NamedTuple

from director.routing_bench.table import Table

DEPTH_MAX = 6
BEAM = 60
"""The number of chains that are extended at each step. The search is not exhaustive."""


class _State(NamedTuple):
    chain: tuple[int, ...]
    unsolved: tuple[int, ...]
    cost: int
    worth: int


@lru_cache(maxsize=8)
def best_chain(table: Table, value: int) -> tuple[int, ...]:
    """Return the chain with the highest value * solved - cost on the whole table, of at most DEPTH_MAX models."""
    best = _State((), tuple(range(len(table.problems))), 0, 0)
    beam = [best]
    for _ in range(min(DEPTH_MAX, len(table.models))):
        longer = [
            _longer(state, model, table, value)
            for state in beam
            for model in range(len(table.models))
            if model not in state.chain
        ]
        beam = sorted(longer, key=lambda state: (-state.worth, state.chain))[:BEAM]
        best = max(best, beam[0], key=lambda state: state.worth)
    return best.chain


def _longer(state: _State, model: int, table: Table, value: int) -> _State:
    results = table.results[model]
    unsolved = tuple(problem for problem in state.unsolved if not results[problem].correct)
    cost = state.cost + sum(results[problem].cost for problem in state.unsolved)
    return _State((*state.chain, model), unsolved, cost, value * (len(table.problems) - len(unsolved)) - cost)
