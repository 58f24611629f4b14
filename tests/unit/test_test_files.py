"""Test files by their text: whether they define tests, and which files of the project they import."""

import pytest

from verification.suites.test_files import defines_tests, importing, imports_of, module_names, reached_by, taking_from

FILES = {
    "src/a/__init__.py": b"from .one import f\n",
    "src/a/one.py": b"from a import two as other\n",
    "src/a/two.py": b"",
    "src/b.py": b"",
    "tests/conftest.py": b"import b\n",
    "tests/test_a.py": b"import a.two\n",
    "tests/test_all.py": b"def test_it():\n    import a\n",
    "tests/test_none.py": b"import os\n",
}
FOLDERS = ("", "src")


@pytest.mark.parametrize(
    ("content", "defines"),
    [
        (b"def test_it(): pass", True),
        (b"class TestIt: pass", True),
        (b"class Other(unittest.TestCase): pass", True),
        (b"async def test_it(): pass", True),
        (b"def (", True),
        (b"from .test_a import TestA", True),
        (b"try:\n    from ..more.test_a import *\nexcept ImportError:\n    pass", True),
        (b"from .helpers import TestClient as Client, data", False),
        (b"from .helpers import *", False),
        (b"from framework.test import TestCase", False),
        (b"def helper(): pass\nTEST = 1", False),
        (b"", False),
    ],
)
def test_a_file_that_defines_a_test_is_told_from_a_helper(content: bytes, defines: bool) -> None:
    assert defines_tests(content) is defines


def test_imports_are_read_with_the_packages_above_them() -> None:
    assert imports_of(b"import a.b.c\nfrom d import e", "") == {"a", "a.b", "a.b.c", "d", "d.e"}
    assert imports_of(b"from . import x\nfrom ..y import z", "p.q") == {"p", "p.q", "p.q.x", "p.y", "p.y.z"}
    assert imports_of(b"import (", "") == frozenset()


def test_a_file_has_a_name_for_each_folder_on_the_path() -> None:
    assert module_names("src/a/one.py", FOLDERS) == {"src.a.one", "a.one"}
    assert module_names("src/a/__init__.py", ("src",)) == {"a"}
    assert module_names("src/a-b/one.py", ("src",)) == frozenset()


def test_a_test_file_reaches_what_it_imports_directly_and_through_others() -> None:
    tests = ("tests/test_a.py", "tests/test_all.py", "tests/test_none.py")
    reached = reached_by(tests, FILES, FOLDERS)
    assert {"src/a/two.py", "src/a/__init__.py", "src/a/one.py", "src/b.py"} <= reached["tests/test_a.py"]
    assert "src/a/two.py" in reached["tests/test_all.py"]
    assert taking_from({"tests/conftest.py", "src/a/two.py"}, tests[1:], FILES, FOLDERS) == tests[1:]
    assert taking_from({"src/a/two.py"}, tests, FILES, FOLDERS) == tests[:2]
    assert reached["tests/test_none.py"] == {"tests/test_none.py", "tests/conftest.py", "src/b.py"}


def test_those_that_import_a_module_in_scope_or_a_package_that_holds_one() -> None:
    tests = ("tests/test_a.py", "tests/test_all.py", "tests/test_none.py")
    assert importing(tests, FILES, ("src/a/two.py",), FOLDERS) == ("tests/test_a.py", "tests/test_all.py")
    assert importing(tests, FILES, ("src/b.py",), FOLDERS) == ()
    assert importing(tests, FILES, ("docs/**",), FOLDERS) == ()
