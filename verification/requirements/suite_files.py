"""Parser of given pytest suites.

`pytest: acceptance/test_it.py` names a file or a folder in the requirement's folder. Such a suite is not put into the
project. `pytest: {over_base: changed-tests, must_pass: [...]}` names a folder with test files that replace or extend
the test files of the base.
"""

import ast
from collections.abc import Mapping

from domain.errors import Invalid
from verification.requirements.fields import Fields
from verification.requirements.fixtures import Fixtures
from verification.requirements.model import BaseTestChange, Suite
from verification.requirements.scope import path_fault
from verification.requirements.yaml_tree import Mapping as MappingNode

TESTS_MAX = 20_000  # test ids in one list
CHANGE = {
    "over_base": "changed-tests",
    "must_pass": '["tests/test_it.py::test_new"]',
    "keep_passing": '["tests/test_it.py::test_old"]',
}
TEST_FILE = "a file test_*.py or *_test.py, or a folder with such files"


def read_suite(fields: Fields, fixtures: Fixtures) -> Suite | None:
    """Return the suite that the field `pytest` names; None if it names no suite, or after a report."""
    at = fields.get("pytest")
    path = None if isinstance(at, MappingNode) else fields.text("pytest")
    if path is None or at is None:
        return None
    path = path.rstrip("/") or path
    try:
        files = fixtures.load_all(path)
    except Invalid as error:
        fields.report.add(at, error.message.replace("fixture", "suite"), f"pytest: {_remedy(error)}")
        return None
    if not any(is_test_file(name) for name in files):
        fields.report.add(at, f"{path} contains no tests", f"pytest: {TEST_FILE}")
        return None
    if (fault := _syntax_fault(files)) is not None:
        fields.report.add(at, f"the suite cannot be parsed: {fault}", "a suite that pytest can collect")
        return None
    return Suite(path=path, files=files)


def read_change(fields: Fields, fixtures: Fixtures) -> BaseTestChange | None:
    """Return the changed test files that the field `pytest` names; None if there are none, or after a report."""
    node = fields.get("pytest")
    if not isinstance(node, MappingNode):
        return None
    inner = Fields(node, fields.report, CHANGE, "`pytest`")
    path = inner.text("over_base", required=True)
    must_pass, keep_passing = _ids(inner, "must_pass"), _ids(inner, "keep_passing")
    if not (must_pass or keep_passing or inner.meant or inner.has("must_pass") or inner.has("keep_passing")):
        message = "`over_base` without tests checks nothing: name the tests that must change from failing to passing"
        fields.report.add(node, message, inner.line("must_pass"))
    if both := sorted(set(must_pass) & set(keep_passing)):
        at = inner.get("keep_passing") or node
        fields.report.add(at, f"`{both[0][:60]}` is also in `must_pass`", "the test in only one of the two lists")
    if path is None:
        return None
    at = inner.get("over_base") or node
    folder = path.rstrip("/")
    try:
        loaded = fixtures.load_all(folder)
    except Invalid as error:
        fields.report.add(at, error.message.replace("fixture", "folder of tests"), inner.line("over_base"))
        return None
    files = {name.removeprefix(f"{folder}/"): content for name, content in loaded.items()}
    if faulty := [name for name in files if path_fault(name)]:
        fields.report.add(at, f"{faulty[0]} is not an allowed path in a project", inner.line("over_base"))
    return BaseTestChange(files=files, must_pass=must_pass, keep_passing=keep_passing, folder=folder)


def _ids(fields: Fields, name: str) -> tuple[str, ...]:
    """Return the ids of a list. Each id names a file and a test."""
    items = fields.texts(name) or ()
    if len(items) > TESTS_MAX:
        fields.report.add(items[TESTS_MAX][1], f"more than {TESTS_MAX} tests in one list", "fewer tests")
    for text, at in items[:TESTS_MAX]:
        if "::" not in text or path_fault(text.partition("::")[0]):
            fields.report.add(at, f"`{text[:60]}` is not the id of a test", fields.line(name))
    return tuple(text for text, _ in items[:TESTS_MAX])


def is_test_file(path: str) -> bool:
    """Return whether pytest, with its default settings, treats the file as a test file."""
    name = path.rpartition("/")[2]
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))


def _remedy(error: Invalid) -> str:
    return (
        "acceptance/test_it.py, a plain file or folder in the requirement's folder"
        if "path" in error.hint
        else error.hint
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
