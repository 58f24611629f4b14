"""The visible tests of a requirement. A session has them in a folder beside its working copy."""

from collections.abc import Collection, Mapping

from verification.requirements.model import Requirement

TESTS = "/aura/tests"
"""Folder in the box with the visible tests, at their paths in the project. It is read-only."""


def given_tests(requirement: Requirement, criteria: Collection[str], named: Mapping[str, str] = {}) -> dict[str, bytes]:
    """Return the visible test files of these criteria, with their helpers and data: path in the project -> content.

    `named`: the text of each test file that the prompt names. Some of them are tests of the base.
    """
    files = {path: text.encode() for path, text in named.items()}
    for criterion in requirement.criteria:
        if criterion.id in criteria:
            files |= criterion.suite.files if criterion.suite else {}
            files |= criterion.over_base.files if criterion.over_base else {}
    return files
