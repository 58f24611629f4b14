"""The populations on which routing is measured are frozen."""

import hashlib

import pytest

from bench.routing_populations import FAMILIES, PROBLEMS, population

FROZEN = {
    "issues": ("f14dcb699fa07ce9", 614891),
    "small_staff": ("c5c85f1ff1a671e4", 140833),
    "specialists": ("970859251cf05821", 36424),
    "independent": ("51a9b6577362968e", 118395),
    "hard": ("8d1ae05591097d4f", 159458),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_population_never_changes(family: str) -> None:
    rows = list(population(family, 7))
    solved = "".join(str(int(row.correct)) for row in rows)
    cents = sum(round(row.cost_usd * 100) for row in rows)
    assert (hashlib.sha256(solved.encode()).hexdigest()[:16], cents) == FROZEN[family]


def test_another_seed_gives_another_population_of_the_same_size() -> None:
    one, other = list(population("small_staff", 0)), list(population("small_staff", 1))
    assert one != other
    assert len(one) == len(other) == PROBLEMS * FAMILIES["small_staff"].models


def test_failures_of_different_models_are_correlated_where_problems_differ_in_difficulty() -> None:
    assert _excess("issues") > 0.05
    assert abs(_excess("independent")) < 0.05


def _excess(family: str) -> float:
    """Return how much more often two models fail together than independent models would."""
    rows = list(population(family, 3))
    first, second = rows[:PROBLEMS], rows[PROBLEMS : 2 * PROBLEMS]
    both = sum(not a.correct and not b.correct for a, b in zip(first, second, strict=True)) / PROBLEMS
    alone = [sum(not row.correct for row in part) / PROBLEMS for part in (first, second)]
    return both - alone[0] * alone[1]
