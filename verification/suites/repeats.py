"""Repeats of a given suite that has passed: whether its outcome depends on the hash seed, on time, or on order."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from verification.suites.given_suite import Failures

Run = Callable[[int, bool], Coroutine[Any, Any, Failures]]
"""One run with a hash seed, in reverse order or not. It returns the failures."""


class Repeated(msgspec.Struct, frozen=True, kw_only=True):
    """Results of the repeats.

    `flaky` failed in the order in which all tests had passed, or failed only sometimes. `turned` fails every time in
    reverse order and never in the suite's own order.
    """

    flaky: Failures = ()
    turned: Failures = ()
    hash_seed: int = 0  # the seed of the failure


async def repeat(run: Run, seeds: tuple[int, int]) -> Repeated:
    """Run the suite in its own order and in reverse, each with its own seed.

    If tests fail only in reverse, at most two more runs decide: in the suite's order with that seed, and in reverse
    again.
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
