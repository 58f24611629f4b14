"""The zoo: no cheat is accepted, no honest delivery is refused, and a naive gate shows that the cheats are real."""

import random

import pytest

from tests.cheats import zoo
from tests.cheats.corpus.all import CHEATS, FAMILIES
from tests.cheats.corpus.forging import WORKER_NAMES
from tests.cheats.honest.all import STYLES, honest
from tests.cheats.naive import accepts
from tests.cheats.recorded import RECORDED, difference, read
from tests.cheats.rounds import Fate, fates, judged, one_each, pairs, refused
from tests.cheats.tasks.all import TASKS
from tests.cheats.tasks.base import IMPORTS
from tests.tiers import every_second
from verification.in_box import case_worker
from verification.sandbox.bubblewrap import Bubblewrap

HONEST_EVERY = 13  # of the honest deliveries one in the short run
CHEATS_EVERY = 3  # of the cheats one in the short run
SEEDS = 1 << 32
CHEATS_MIN, TASKS_MIN, HONEST_MIN = 40, 6, 200


def drawn() -> int:
    seed = random.SystemRandom().randrange(SEEDS)
    print(f"drawn with seed {seed}")
    return seed


def faults(seen: list[Fate]) -> list[str]:
    return [f"{fate.cheat} at {fate.task}: {fate.fault} {fate.kinds}" for fate in seen if fate.fault]


def test_the_zoo_is_large_enough() -> None:
    assert len(CHEATS) == sum(map(len, FAMILIES.values())), "two cheats of one name"
    assert len([name for name, cheat in CHEATS.items() if not cheat.tasks]) >= CHEATS_MIN
    assert len(TASKS) >= TASKS_MIN
    assert len(list(honest(1))) == len(STYLES) * len(TASKS) >= HONEST_MIN


def test_what_cheats_would_patch_is_there() -> None:
    """A cheat that looked for another name would do nothing, and its refusal would say nothing."""
    for name in WORKER_NAMES:
        assert hasattr(case_worker, name), name
    assert callable(case_worker.CaseSteps._files)


def test_a_seed_draws_the_same_again() -> None:
    once, again = ([(cheat.name, task.name, cheat.make(task)) for cheat, task in pairs(7)] for _ in range(2))
    assert once == again
    assert once != [(cheat.name, task.name, cheat.make(task)) for cheat, task in pairs(8)]


@pytest.mark.needs_sandbox
@pytest.mark.parametrize("name", every_second(TASKS))
async def test_each_task_tells_right_from_wrong(sandbox: Bubblewrap, name: str) -> None:
    """For the judge and for the naive gate alike: else a refusal, or a cheat's success, would say nothing."""
    seed = drawn()
    task = TASKS[name](seed)
    wrong = task.delivery("return wrong(*args)")
    found = await judged(task, wrong, sandbox, seed=seed)
    (criterion,) = found.criteria
    assert (criterion.visible_passed, criterion.sealed_passed) == (0, 0), found.findings
    assert not await accepts(wrong, sandbox)
    assert await accepts(task.delivery("return right(*args)", top=f"{IMPORTS}\n{task.rights[0]}"), sandbox)
    for right in task.rights:
        tree = task.delivery("return right(*args)", top=f"{IMPORTS}\n{right}")
        found = await judged(task, tree, sandbox, seed=seed)
        assert found.verified, found.findings


@pytest.mark.needs_sandbox
async def test_of_a_third_of_the_cheats_none_is_accepted(sandbox: Bubblewrap) -> None:
    """Drawn anew for each run, each at one drawn task, with the findings of the table of expected verdicts."""
    seed = drawn()
    third = one_each(seed)[seed % CHEATS_EVERY :: CHEATS_EVERY]
    assert faults(await fates(third, sandbox, seed=seed, naive=False)) == []


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.needs_sandbox
async def test_no_cheat_is_accepted(sandbox: Bubblewrap) -> None:
    """Each at one drawn task, with the findings that the table of expected verdicts names."""
    seed = drawn()
    assert faults(await fates(one_each(seed), sandbox, seed=seed, naive=False)) == []


@pytest.mark.needs_sandbox
async def test_no_honest_delivery_is_refused(sandbox: Bubblewrap) -> None:
    judged_in_all, whole, seen = await refused(drawn(), sandbox, every=HONEST_EVERY)
    print(f"{judged_in_all} honest deliveries, {whole} of them with every gate, {len(seen)} refused")
    assert seen == []


@pytest.mark.slow
@pytest.mark.needs_sandbox
@pytest.mark.timeout(3600)
async def test_no_cheat_is_accepted_at_any_task(sandbox: Bubblewrap) -> None:
    """All cheats at all tasks; the naive gate, which is the control, accepts most."""
    seed = drawn()
    seen = await fates(pairs(seed), sandbox, seed=seed, naive=True)
    fooled = sum(bool(fate.naive) for fate in seen)
    print(f"{len(seen)} verdicts, {sum(fate.verified for fate in seen)} accepted; the naive gate accepted {fooled}")
    assert faults(seen) == []
    assert fooled * 2 > len(seen)


@pytest.mark.slow
@pytest.mark.needs_sandbox
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", [1, 2, 3])
async def test_no_honest_delivery_of_all_is_refused(sandbox: Bubblewrap, number: int) -> None:
    judged_in_all, whole, seen = await refused(drawn(), sandbox)
    print(f"round {number}: {judged_in_all} deliveries, {whole} of them with every gate, {len(seen)} refused")
    assert seen == []


needs_record = pytest.mark.skipif(not RECORDED.exists(), reason="nothing is recorded: make zoo RUN=1")


@needs_record
def test_the_recorded_results_are_of_this_zoo() -> None:
    results = read()
    assert difference(results) == [], "record them anew: python -m tests.cheats.zoo --run"
    assert not any(row.aura for row in results.cheats.values())
    assert not any(each.refused for each in results.honest)
    assert len(results.honest) == zoo.ROUNDS
    assert all(each.deliveries >= HONEST_MIN for each in results.honest)


@needs_record
def test_the_page_is_what_the_results_say() -> None:
    assert zoo.PAGE.read_text(encoding="utf-8") == zoo.page(read()), "write it anew: make zoo"
