"""The zoo: no cheat is accepted, no honest delivery is refused, and a naive gate shows that the cheats are real."""

import random
from typing import Any

import pytest
from msgspec.structs import replace

from tests.cheats import zoo
from tests.cheats.corpus.all import CHEATS, FAMILIES
from tests.cheats.corpus.forging import WORKER_NAMES
from tests.cheats.honest.all import STYLES, honest
from tests.cheats.naive import accepts
from tests.cheats.on_base.all import BASE_CHEATS, FREEDOMS
from tests.cheats.on_base.cheat import BaseCheat
from tests.cheats.on_base.rounds import BaseFate, base_fates
from tests.cheats.recorded import RECORDED, difference, read
from tests.cheats.rounds import Fate, fates, judged, one_each, pairs, refused
from tests.cheats.tasks.all import TASKS
from tests.cheats.tasks.base import IMPORTS
from tests.sandboxes import FromPool
from tests.tiers import CI, every_fourth
from tests.unit.repositories import needs_git
from verification.execution.worker_source import worker_source
from verification.sandbox.bubblewrap import Bubblewrap

HONEST_EVERY = 39  # one of so many honest deliveries is judged in each `make test`
HONEST_EVERY_CI = 13  # and one of so many before a merge
CHEATS_EVERY = 6  # one of so many cheats is judged in each `make test`, and all before a merge
SEEDS = 1 << 32
CHEATS_MIN, TASKS_MIN, HONEST_MIN = 40, 6, 200
BASE_CHEATS_MIN, FREEDOM_MIN = 25, 3  # cheats against a base, and of each freedom


def drawn() -> int:
    seed = random.SystemRandom().randrange(SEEDS)
    print(f"drawn with seed {seed}")
    return seed


def faults(seen: list[Fate]) -> list[str]:
    return [f"{fate.cheat} at {fate.task}: {fate.fault} {fate.kinds}" for fate in seen if fate.fault]


def base_faults(seen: list[tuple[BaseCheat, BaseFate]]) -> list[str]:
    return [f"{cheat.name}: {fault}" for cheat, fate in seen if (fault := fate.fault(cheat))]


def test_the_zoo_is_large_enough() -> None:
    assert len(CHEATS) == sum(map(len, FAMILIES.values())), "two cheats of one name"
    assert len([name for name, cheat in CHEATS.items() if not cheat.tasks]) >= CHEATS_MIN
    assert len(TASKS) >= TASKS_MIN
    assert len(list(honest(1))) == len(STYLES) * len(TASKS) >= HONEST_MIN


def test_each_freedom_of_a_base_has_its_cheats() -> None:
    assert len(BASE_CHEATS) == sum(map(len, FREEDOMS.values())) >= BASE_CHEATS_MIN, "or two cheats have one name"
    assert {freedom: len(cheats) for freedom, cheats in FREEDOMS.items() if len(cheats) < FREEDOM_MIN} == {}
    assert len(FREEDOMS) == 11


def test_what_cheats_would_patch_is_there() -> None:
    """A cheat that looked for another name would do nothing, and its refusal would say nothing."""
    worker: dict[str, Any] = {"__name__": "worker"}
    exec(worker_source(), worker)
    assert set(WORKER_NAMES) <= worker.keys()
    assert callable(worker["CaseSteps"]._files)


def test_a_seed_draws_the_same_again() -> None:
    once, again = ([(cheat.name, task.name, cheat.make(task)) for cheat, task in pairs(7)] for _ in range(2))
    assert once == again
    assert once != [(cheat.name, task.name, cheat.make(task)) for cheat, task in pairs(8)]


@pytest.mark.needs_sandbox
@pytest.mark.parametrize("name", every_fourth(TASKS))
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
async def test_of_a_sixth_of_the_cheats_none_is_accepted(sandbox: Bubblewrap) -> None:
    """Drawn anew for each run, each at one drawn task, with the findings of the table of expected verdicts."""
    seed = drawn()
    sixth = one_each(seed)[seed % CHEATS_EVERY :: CHEATS_EVERY]
    assert faults(await fates(sixth, sandbox, seed=seed, naive=False)) == []


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.needs_sandbox
async def test_in_boxes_of_the_pool_none_is_accepted_either(pooled_sandbox: FromPool) -> None:
    """Another sixth of the cheats, and right and wrong deliveries of one task, all in boxes that waited."""
    seed = drawn()
    sixth = one_each(seed)[(seed + 1) % CHEATS_EVERY :: CHEATS_EVERY]
    assert faults(await fates(sixth, pooled_sandbox, seed=seed, naive=False)) == []
    task = [*TASKS.values()][seed % len(TASKS)](seed)
    wrong = await judged(task, task.delivery("return wrong(*args)"), pooled_sandbox, seed=seed)
    assert not wrong.verified
    right = task.delivery("return right(*args)", top=f"{IMPORTS}\n{task.rights[0]}")
    assert (await judged(task, right, pooled_sandbox, seed=seed)).verified


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.needs_sandbox
async def test_no_cheat_is_accepted(sandbox: Bubblewrap) -> None:
    """Each at one drawn task, with the findings that the table of expected verdicts names."""
    seed = drawn()
    assert faults(await fates(one_each(seed), sandbox, seed=seed, naive=False)) == []


@pytest.mark.needs_sandbox
@pytest.mark.parametrize("every", [HONEST_EVERY, pytest.param(HONEST_EVERY_CI, marks=CI)])
async def test_no_honest_delivery_is_refused(sandbox: Bubblewrap, every: int) -> None:
    judged_in_all, whole, seen = await refused(drawn(), sandbox, every=every)
    print(f"{judged_in_all} honest deliveries, {whole} of them with every gate, {len(seen)} refused")
    assert seen == []


@needs_git
@pytest.mark.needs_sandbox
async def test_a_cheat_against_a_base_is_refused_and_its_control_is_accepted(sandbox: Bubblewrap) -> None:
    """Drawn anew for each run, refused by the finding of the table."""
    seed = drawn()
    cheat = [*BASE_CHEATS.values()][seed % len(BASE_CHEATS)]
    assert base_faults(await base_fates([cheat], sandbox, seed=seed, naive=False)) == []


@needs_git
@pytest.mark.slow
@pytest.mark.needs_sandbox
@pytest.mark.timeout(600)
async def test_of_each_freedom_a_cheat_is_refused_and_its_control_is_accepted(sandbox: Bubblewrap) -> None:
    seed = drawn()
    one_of_each = [cheats[seed % len(cheats)] for cheats in FREEDOMS.values()]
    assert base_faults(await base_fates(one_of_each, sandbox, seed=seed, naive=False)) == []


@needs_git
@pytest.mark.slow
@pytest.mark.needs_sandbox
@pytest.mark.timeout(3600)
async def test_no_cheat_against_a_base_is_accepted_and_every_control_is(sandbox: Bubblewrap) -> None:
    """The naive gate, which is the control of the cheats, accepts many."""
    seed = drawn()
    seen = await base_fates(BASE_CHEATS.values(), sandbox, seed=seed, naive=True)
    fooled = sum(bool(fate.refused.naive) for _, fate in seen)
    print(f"{len(seen)} cheats against a base; the naive gate accepted {fooled}")
    assert base_faults(seen) == []
    assert fooled * 2 > len(seen)


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
    assert not any(row.aura or row.control for row in results.on_base.cheats.values())
    assert not any(each.refused for each in results.honest)
    assert len(results.honest) == zoo.ROUNDS
    assert all(each.deliveries >= HONEST_MIN for each in results.honest)


@needs_record
def test_a_record_of_another_zoo_is_noticed() -> None:
    """Of a cheat that was not run, one that is no more, and one that was told by another finding."""
    recorded = read()
    name, *others = BASE_CHEATS
    rows = {each: recorded.on_base.cheats[each] for each in others} | {"gone": recorded.on_base.cheats[name]}
    rows[others[0]] = replace(rows[others[0]], kinds=["timeout"])
    assert difference(replace(recorded, on_base=replace(recorded.on_base, cheats=rows))) == [
        f"cheat against a base {name} was not run",
        "cheat against a base gone is no more",
        f"cheat against a base {others[0]} was told by another finding",
    ]


@needs_record
def test_the_page_is_what_the_results_say() -> None:
    assert zoo.PAGE.read_text(encoding="utf-8") == zoo.page(read()), "write it anew: make zoo"
