"""A given suite that has passed, run again: does what it says depend on the seed of hashes, on time, or on order?"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from verification.suites.given_suite import Failures

Run = Callable[[int, bool], Coroutine[Any, Any, Failures]]
"""One run with a seed of Python's hashes, backwards or not: what failed of it."""


class Repeated(msgspec.Struct, frozen=True, kw_only=True):
    """Results of the repeats. `flaky` failed with the tests in the order in which all of them had passed, or came
    and went; `turned` fails each time in reverse order and never in the suite's own.
    """

    flaky: Failures = ()
    turned: Failures = ()
    hash_seed: int = 0  # with which it failed


async def repeat(run: Run, seeds: tuple[int, int]) -> Repeated:
    """Two runs: one in the suite's own order and one in reverse, each with a seed of its own.

    What fails only in reverse is settled by at most two more: in the suite's order with that seed, and in reverse.
    """
    own, other = seeds
    try:
        async with asyncio.TaskGroup() as runs:
            forth, back = runs.create_task(run(own, False)), runs.create_task(run(other, True))
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed  # callers know kinds of errors, not groups of them
    if forth.result():
        return Repeated(flaky=forth.result(), hash_seed=own)
    if not back.result():
        return Repeated()
    if again := await run(other, False):
        return Repeated(flaky=again, hash_seed=other)
    if not await run(other, True):
        return Repeated(flaky=back.result(), hash_seed=other)
    return Repeated(turned=back.result(), hash_seed=other)
