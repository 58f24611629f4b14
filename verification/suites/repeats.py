"""Repeats of a given suite that has passed. They show whether its outcome depends on the hash seed, time or order."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from verification.suites.given_suite import Failures

Run = Callable[[int, bool], Coroutine[Any, Any, Failures]]
"""A function that runs the suite with a hash seed, in reverse order if the flag is true. It returns the failures."""


class Repeated(msgspec.Struct, frozen=True, kw_only=True):
    """Results of the repeats.

    `flaky`: tests that failed in the suite's own order, or that failed only sometimes. `turned`: tests that always fail
    in reverse order, and never in the suite's own order.
    """

    flaky: Failures = ()
    turned: Failures = ()
    hash_seed: int = 0  # the hash seed of the run that failed


async def repeat(run: Run, seeds: tuple[int, int]) -> Repeated:
    """Run the suite in its own order and in reverse order, with two different seeds.

    If tests fail only in reverse order, up to two more runs with the same seed decide: one run in the suite's own
    order, and then one run in reverse order.
    """
    own, other = seeds
    try:
        async with asyncio.TaskGroup() as runs:
            forth, back = runs.create_task(run(own, False)), runs.create_task(run(other, True))
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed  # callers handle single errors, not groups
    if forth.result():
        return Repeated(flaky=forth.result(), hash_seed=own)
    if not back.result():
        return Repeated()
    if again := await run(other, False):
        return Repeated(flaky=again, hash_seed=other)
    if not await run(other, True):
        return Repeated(flaky=back.result(), hash_seed=other)
    return Repeated(turned=back.result(), hash_seed=other)
