"""Planted defects: small mistakes in accepted work. They measure which share of mistakes a reviewer notices."""

from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from verification.adequacy.mutation import changed_lines, mutants

MUTANTS_OF_FILE_MAX = 50
"""The most mutants of one file from which defects are drawn."""


class PlantedDefect(NamedTuple):
    """Accepted work with one mistake. `files`: the changed files, with the mistake. `before` and `after`: the code."""

    path: str
    line: int
    before: str
    after: str
    files: Mapping[str, bytes]


class CatchRate(NamedTuple):
    """The number of reviews of work with a planted defect, and how many of them blocked the work at its place."""

    planted: int
    caught: int

    @property
    def percent(self) -> int:
        return 100 * self.caught // self.planted if self.planted else 0


def planted(base: Mapping[str, bytes], files: Mapping[str, bytes], count: int, *, seed: int) -> list[PlantedDefect]:
    """Return up to `count` copies of the work, each with another mistake. The same seed gives the same mistakes.

    `base`: the files before the work. Only lines that the work added or changed get a mistake, so that a reviewer sees
    the place in the difference. The files take turns, so that a long file does not get all mistakes.
    """
    found = [_defects(path, base.get(path, b""), files, seed) for path in sorted(files) if path.endswith(".py")]
    in_turns = [defects[turn] for turn in range(MUTANTS_OF_FILE_MAX) for defects in found if turn < len(defects)]
    return in_turns[:count]


def _defects(path: str, before: bytes, files: Mapping[str, bytes], seed: int) -> Sequence[PlantedDefect]:
    lines = changed_lines(before, files[path])
    drawn = islice(mutants(files[path], lines, seed=seed), MUTANTS_OF_FILE_MAX)
    return [
        PlantedDefect(path, mutant.line, mutant.before, mutant.after, {**files, path: mutant.source})
        for mutant in drawn
    ]


def catch_rate(reviews: Collection[tuple[PlantedDefect, bool, Collection[str]]]) -> CatchRate:
    """Return the catch rate of a reviewer. Each item: the defect, whether the review blocked, and the paths it named.

    A review that blocks without the path of the defect has not caught it: it blocks for another reason.
    """
    caught = sum(blocked and defect.path in paths for defect, blocked, paths in reviews)
    return CatchRate(len(reviews), caught)
