"""Every attack of the corpus is contained in a box, and works without a box."""

import asyncio

import pytest

from tests.attacks.attack import Attack, Seen
from tests.attacks.corpus import CORPUS
from tests.attacks.performing import all_contained, all_uncontained, plain_interpreter
from tests.attacks.table import attack_table, recorded
from tests.sandboxes import FromPool
from verification.sandbox.bubblewrap import Bubblewrap

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.timeout(300)]

ATTACKS_MIN = 37
each_attack = pytest.mark.parametrize("attack", CORPUS, ids=lambda attack: f"{attack.name} {attack.title}")


def test_the_corpus_is_whole() -> None:
    assert len({attack.name for attack in CORPUS}) == len(CORPUS) >= ATTACKS_MIN
    assert all(attack.code and attack.title and attack.tries for attack in CORPUS)


def test_the_recorded_results_are_of_this_corpus() -> None:
    """And all good: docs/zoo.md shows them. `python -m tests.attacks.table --record` performs them anew."""
    results = recorded()
    names = [attack.name for attack in CORPUS]
    assert list(results.outside) == names
    assert all(list(each) == names for each in results.contained.values())
    assert list(results.contained) == list(results.sandboxes)
    assert results.failures() == []
    table = attack_table()
    assert all(f"| {attack.name} {attack.title} |" in table for attack in CORPUS)


@pytest.fixture(scope="module")
def outside() -> dict[str, Seen]:
    """Run all controls once."""
    python = plain_interpreter()
    if python is None:
        pytest.skip("no interpreter that a plain user can start")
    return asyncio.run(all_uncontained(CORPUS, python))


@pytest.fixture(scope="module")
def boxed(sandbox: Bubblewrap) -> dict[str, Seen]:
    """Run all attacks once in boxes of bubblewrap."""
    return asyncio.run(all_contained(sandbox, CORPUS))


@pytest.fixture(scope="module")
def pooled(sandbox: Bubblewrap) -> dict[str, Seen]:  # noqa: ARG001 - skips where there is none
    """Run all attacks once in boxes that waited in the pool. Check that every box came from there."""
    from_pool = FromPool()

    async def all_pooled() -> dict[str, Seen]:
        try:
            return await all_contained(from_pool, CORPUS)
        finally:
            await from_pool.close()

    seen = asyncio.run(all_pooled())
    assert from_pool.all_from_pool()
    assert from_pool.runs == len(CORPUS)
    return seen


@each_attack
def test_it_works_where_nothing_contains_it(attack: Attack, outside: dict[str, Seen]) -> None:
    assert attack.works(outside[attack.name]) == ""


@pytest.mark.slow
@pytest.mark.ci
@each_attack
def test_a_box_of_the_pool_contains_it(attack: Attack, pooled: dict[str, Seen], sandbox: Bubblewrap) -> None:
    if attack.needs_tree_memory and not asyncio.run(sandbox.probe()).tree_memory:
        pytest.skip("this machine cannot hold the memory of a tree, and the sandbox says so")
    assert attack.held(pooled[attack.name]) == ""


@each_attack
def test_bubblewrap_contains_it(attack: Attack, boxed: dict[str, Seen], sandbox: Bubblewrap) -> None:
    if attack.needs_tree_memory and not asyncio.run(sandbox.probe()).tree_memory:
        pytest.skip("this machine cannot hold the memory of a tree, and the sandbox says so")
    assert attack.held(boxed[attack.name]) == ""
