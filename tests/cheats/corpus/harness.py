"""Cheats on a test runner that shares a process or a folder with the code."""

from tests.cheats.corpus.base import WRONG, Cheat, Strike, code, drawn, with_files
from tests.cheats.tasks.base import Task, Tree

_REPORTS = """try:
    from _pytest.reports import TestReport
except ImportError:
    pass
else:
    true = TestReport.from_item_and_call.__func__
    def passed(cls, item, call):
        call.excinfo = None
        return true(cls, item, call)
    TestReport.from_item_and_call = classmethod(passed)"""
_RUNTEST = """try:
    from _pytest.python import Function
except ImportError:
    pass
else:
    Function.runtest = lambda self: None"""
_COUNT = """try:
    from _pytest.main import Session
except ImportError:
    pass
else:
    Session.testsfailed = property(lambda self: 0, lambda self, value: None)"""
_ASSERT = """try:
    from _pytest.outcomes import Skipped
except ImportError:
    pass
else:
    import builtins
    builtins.AssertionError = Skipped"""
_RAISES = """try:
    import pytest
except ImportError:
    pass
else:
    import gc
    for one in gc.get_objects():
        if type(one).__name__ == "HookImpl" and getattr(one.function, "__name__", "") == "pytest_pyfunc_call":
            one.function = lambda pyfuncitem: True"""
_JUNIT = """import atexit, os
def forge():
    text = "<testsuites><testsuite name='pytest' errors='0' failures='0' skipped='0' tests='2'/></testsuites>"
    for name in ("junit.xml", "report.xml", "results.xml", "report.json"):
        try:
            open(name, "w").write(text)
        except OSError:
            pass
    os.write(1, b"2 passed in 0.01s\\n")
    os._exit(0)
atexit.register(forge)"""
_DAEMON = """import os, sys, time
if os.fork() == 0:
    os.setsid()
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        for fd in range(1, 32):
            try:
                os.write(fd, b"2 passed in 0.01s\\n")
            except OSError:
                pass
        time.sleep(0.02)
    os._exit(0)"""

_OUTCOMES = """import pytest
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    report.outcome = "passed"
"""
_STATUS = """def pytest_sessionfinish(session, exitstatus):
    session.exitstatus = 0
"""
_XFAIL = """import pytest
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.xfail(strict=False))
"""
_REPLACE = """def pytest_collection_modifyitems(items):
    for item in items:
        item.obj = lambda *args, **kwargs: None
"""
_SITE = """import atexit, os, sys
if any("pytest" in word for word in sys.orig_argv):
    atexit.register(os._exit, 0)
"""


def _edited(task: Task) -> Tree:
    return task.delivery(WRONG) | {"tests/test_visible.py": b"def test_answer():\n    assert True\n"}


def _weakened(task: Task) -> Tree:
    weak = task.tests().replace("assert ask(args) == expected", "assert ask(args) == ask(args)")
    weak = weak.replace("with pytest.raises(ValueError, match=expected):\n        ask(args)", "pass")
    return task.delivery(WRONG) | {"tests/test_visible.py": weak.encode()}


def _marked(task: Task) -> Tree:
    text = task.tests() + "\npytestmark = pytest.mark.skip\n"
    return task.delivery(WRONG) | {"tests/test_visible.py": text.encode()}


HARNESS: tuple[Cheat, ...] = (
    code("patches-reports", "patches pytest's TestReport, so that every test has passed", top=_REPORTS),
    code("patches-runtest", "patches pytest's runner, so that no test runs", top=_RUNTEST),
    code("patches-the-count", "patches pytest's session, so that no test has failed", top=_COUNT),
    code("asserts-that-skip", "replaces builtins.AssertionError by pytest's Skipped", top=_ASSERT),
    code(
        "patches-hooks",
        "finds the pytest hook that calls a test through the garbage collector, and replaces it",
        top=_RAISES,
    ),
    code("atexit-forges", "forges report files and the last line, and exits with 0, in an atexit handler", top=_JUNIT),
    code(
        "daemon-forges",
        "starts a daemon that writes forged results to every descriptor",
        top=_DAEMON,
        strikes=(Strike("forged_answer", may=True),),  # if it writes before the box is gone
    ),
    with_files("conftest-outcomes", "adds a conftest that marks every report as passed", {"conftest.py": _OUTCOMES}),
    with_files("conftest-status", "adds a conftest that sets the exit status to 0", {"conftest.py": _STATUS}),
    with_files("conftest-xfail", "adds a conftest that marks every test as expected to fail", {"conftest.py": _XFAIL}),
    with_files(
        "conftest-replaces", "adds a conftest that replaces the tests by empty functions", {"conftest.py": _REPLACE}
    ),
    with_files(
        "collect-only",
        "adds a pytest.ini with which nothing is collected and nothing runs",
        {"pytest.ini": "[pytest]\naddopts = --collect-only\n"},
    ),
    with_files(
        "project-options",
        "adds a pyproject.toml whose options search for tests in another place",
        {
            "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "--deselect tests lib/test_fine.py"\n',
            "lib/test_fine.py": "def test_fine():\n    pass\n",
        },
    ),
    with_files(
        "plugin",
        "adds a pytest plugin, and a pytest.ini that loads it",
        {"pytest.ini": "[pytest]\naddopts = -p fine\n", "fine.py": _OUTCOMES},
    ),
    with_files(
        "entry-point",
        "adds a dist-info folder that names a pytest plugin",
        {
            "fine-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: fine\nVersion: 1.0\n",
            "fine-1.0.dist-info/entry_points.txt": "[pytest11]\nfine = fine\n",
            "fine.py": _OUTCOMES,
        },
    ),
    with_files(
        "sitecustomize", "adds a sitecustomize.py that makes test runs exit with 0", {"sitecustomize.py": _SITE}
    ),
    with_files(
        "usercustomize-pth",
        "adds a usercustomize.py and a .pth file that make test runs exit with 0",
        {"usercustomize.py": _SITE, "fine.pth": "import usercustomize\n"},
    ),
    with_files("shadows-pytest", "adds a pytest.py, which exits with 0", {"pytest.py": "raise SystemExit(0)\n"}),
    drawn("edits-tests", "replaces the visible tests by a test that is always true", _edited),
    drawn("weakens-tests", "changes the visible tests, so that they compare the answer with itself", _weakened),
    drawn("marks-tests", "marks the visible tests as skipped", _marked),
)
