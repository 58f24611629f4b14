"""Mutants of a fix: copies with one small mistake on a changed line or near it. A seed determines them."""

import random
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from verification.adequacy.mutation import changed_lines, mutants

NEAR_LINES = 25
"""Maximum distance, in lines, between a changed line and a mutant near it."""


class TreeMutant(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a tree with one mistake. `before` and `after` are the changed expression without and with it."""

    path: str
    line: int
    before: str
    after: str
    content: bytes


def tree_mutants(
    before: Mapping[str, bytes], after: Mapping[str, bytes], changed: Iterable[str], seed: int
) -> Iterator[TreeMutant]:
    """Yield mutants of the changed Python files. After each mutant on a changed line come two near a changed line."""
    on_change: list[TreeMutant] = []
    near: list[TreeMutant] = []
    for path in sorted(path for path in changed if path in after and path.endswith(".py")):
        lines = changed_lines(before.get(path, b""), after[path])
        around = {line + offset for line in lines for offset in range(-NEAR_LINES, NEAR_LINES + 1)} - lines
        for mutant in mutants(after[path], lines | around, seed=seed):
            made = TreeMutant(
                path=path, line=mutant.line, before=mutant.before, after=mutant.after, content=mutant.source
            )
            (on_change if mutant.line in lines else near).append(made)
    for listed in (on_change, near):
        random.Random(seed).shuffle(listed)
    while on_change or near:
        for listed in (on_change, near, near):
            if listed:
                yield listed.pop()
