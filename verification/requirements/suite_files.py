"""Given pytest suites from YAML nodes: `pytest: acceptance/test_it.py`, a file or a folder beside the requirement."""

import ast
from collections.abc import Mapping

from domain.errors import Invalid
from verification.requirements.fields import Fields
from verification.requirements.fixtures import Fixtures
from verification.requirements.model import Suite

TEST_FILE = "a file test_*.py or *_test.py, or a folder that holds some"


def read_suite(fields: Fields, fixtures: Fixtures) -> Suite | None:
    """The suite that the field `pytest` names; None without one, or with a problem in the report."""
    path = fields.text("pytest")
    at = fields.get("pytest")
    if path is None or at is None:
        return None
    path = path.rstrip("/") or path
    try:
        files = fixtures.load_all(path)
    except Invalid as error:
        fields.report.add(at, error.message.replace("fixture", "suite"), f"pytest: {_remedy(error)}")
        return None
    if not any(is_test_file(name) for name in files):
        fields.report.add(at, f"{path} holds no tests", f"pytest: {TEST_FILE}")
        return None
    if (fault := _syntax_fault(files)) is not None:
        fields.report.add(at, f"the suite does not parse: {fault}", "a suite that pytest can collect")
        return None
    return Suite(path=path, files=files)


def is_test_file(path: str) -> bool:
    """Whether pytest takes the file for one with tests, by its defaults."""
    name = path.rpartition("/")[2]
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))


def _remedy(error: Invalid) -> str:
    return (
        "acceptance/test_it.py, a plain file or folder beside the requirement" if "path" in error.hint else error.hint
    )


def _syntax_fault(files: Mapping[str, bytes]) -> str | None:
    for path, content in files.items():
        if path.endswith(".py"):
            try:
                ast.parse(content, path)
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                line = getattr(error, "lineno", None)
                return f"{path}, line {line}" if line else path
    return None
