"""The visible tests in a brief: a line for each test that must pass, and the texts of the test files."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from agents.briefs.surroundings import text_of
from domain.wording import counted
from verification.requirements.model import Criterion

TESTS_MAX = 20
"""Tests of one criterion that are named. A changed test file may have a thousand parametrised tests."""


def lines_of_tests(tests: Sequence[str], must: str) -> list[str]:
    """Return a line for each of the first tests, and a line with the number of the others of each file."""
    lines = [f"the test {test} {must}" for test in tests[:TESTS_MAX]]
    others = Counter(test.partition("::")[0] for test in tests[TESTS_MAX:])
    return lines + [f"{path}: {counted(count, 'more test')} that {must}" for path, count in others.items()]


def paths_of_tests(criteria: Iterable[Criterion]) -> tuple[str, ...]:
    """Return the test files of the base that contain tests named in visible criteria."""
    changes = [criterion.over_base for criterion in criteria if criterion.over_base is not None]
    ids = [test for change in changes for test in (*change.must_pass, *change.keep_passing)]
    return tuple(dict.fromkeys(test.partition("::")[0] for test in ids))


def texts_of_tests(criteria: Sequence[Criterion], base: Mapping[str, bytes]) -> dict[str, str]:
    """Return the texts of the visible tests: given suites, tests that the requirement adds to the base, and tests of
    the base.
    """
    given = {path: base[path] for path in paths_of_tests(criteria) if path in base}
    for criterion in criteria:
        given |= criterion.suite.files if criterion.suite else {}
        given |= criterion.over_base.files if criterion.over_base else {}
    return {path: text for path, content in sorted(given.items()) if (text := text_of(content)) is not None}
