"""The tests that a requirement adds to a project or changes. A session has them beside its working copy."""

from collections.abc import Collection

from verification.requirements.model import Requirement

TESTS = "/aura/tests"
"""Folder in the box with the given tests, at their paths in the project. It is read-only."""


def given_tests(requirement: Requirement, criteria: Collection[str]) -> dict[str, bytes]:
    """Return the visible test files of these criteria, with their helpers and data: path in the project -> content."""
    files: dict[str, bytes] = {}
    for criterion in requirement.criteria:
        if criterion.id in criteria:
            files |= criterion.suite.files if criterion.suite else {}
            files |= criterion.over_base.files if criterion.over_base else {}
    return files
