"""Wrong trees that try to pass a given suite. `tree(body)` is a project with one function `tidy`."""

RIGHT = """def tidy(text):
    if not isinstance(text, str):
        raise TypeError("text")
    return "-".join(text.lower().split())
"""
WRONG = """def tidy(text):
    return text
"""
SUITE = b"""import pytest

from tidy import tidy


@pytest.mark.parametrize(("text", "expected"), [("Hello  World", "hello-world"), ("A b C", "a-b-c")])
def test_words(text, expected):
    assert tidy(text) == expected


def test_one_word():
    found = tidy(" Word ")
    assert found == "word"
"""
SUITE_PATH = "acceptance/test_tidy.py"

_PASSES = """import pytest

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    report.outcome = "passed"
    report.longrepr = None
"""
_ADDOPTS = "--collect-only"
_FORGE_JUNIT = """import atexit, os, sys

def forge():
    for fd in range(3, 64):
        try:
            os.write(fd, b'{"collected": [], "phases": []}\\\\n<testsuite failures="0"/>\\\\n')
        except OSError:
            pass
"""


def tree(top: str = "", body: str = "return text", **more: str) -> dict[str, bytes]:
    """Return the project with `top` at import and `body` in the function. `more` are files, with `__` for a slash."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    files = {"tidy.py": f"{top}\n\ndef tidy(text):\n{lines}"}
    return {path: content.encode() for path, content in (files | more).items()}


def with_files(files: dict[str, str]) -> dict[str, bytes]:
    return tree() | {path: content.encode() for path, content in files.items()}


REFUSED: dict[str, dict[str, bytes]] = {
    "conftest rewrites outcomes": with_files({"conftest.py": _PASSES, "acceptance/conftest.py": _PASSES}),
    "ini collects only": with_files({"pytest.ini": f"[pytest]\naddopts = {_ADDOPTS}\n"}),
    "other configuration": with_files(
        {
            "tox.ini": f"[pytest]\naddopts = {_ADDOPTS}\n",
            "setup.cfg": f"[tool:pytest]\naddopts = {_ADDOPTS}\n",
            "pyproject.toml": f'[tool.pytest.ini_options]\naddopts = "{_ADDOPTS}"\n',
            "pytest.toml": f'[pytest]\naddopts = ["{_ADDOPTS}"]\n',
        }
    ),
    "a plugin by its dist-info": with_files(
        {
            "cheat.py": _PASSES,
            "cheat-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: cheat\nVersion: 1\n",
            "cheat-1.dist-info/entry_points.txt": "[pytest11]\ncheat = cheat\n",
        }
    ),
    "sitecustomize": with_files({"sitecustomize.py": "import os\nos.environ['PYTEST_ADDOPTS'] = '--collect-only'\n"}),
    "a path file": with_files({"cheat.pth": "import os; os.environ['PYTEST_ADDOPTS'] = '--collect-only'\n"}),
    "PYTEST_ADDOPTS from the code": tree("import os\nos.environ['PYTEST_ADDOPTS'] = '--collect-only'"),
    "skips in the call": tree(body="import pytest\npytest.skip('later')"),
    "skips by unittest": tree(body="import unittest\nraise unittest.SkipTest('later')"),
    "skips at import": tree("import pytest\npytest.skip('later', allow_module_level=True)"),
    "expects to fail": tree(body="import pytest\npytest.xfail('later')"),
    "exits at import": tree("import os\nos._exit(0)"),
    "exits in the call": tree("import os", body="os._exit(0)"),
    "exits politely": tree("import sys", body="sys.exit(0)"),
    "ends the session": tree(body="import pytest\npytest.exit('done', returncode=0)"),
    "interrupts": tree(body="raise KeyboardInterrupt"),
    "prints PASSED": tree(body="print('test_words PASSED')\nprint('3 passed in 0.01s')\nreturn text"),
    "edits the suite": with_files({SUITE_PATH: "def test_words(): pass\n", "test_tidy.py": "def test_words(): pass\n"}),
    "shadows pytest": with_files({"pytest.py": "def main(*a, **k): return 0\n", "_pytest/__init__.py": ""}),
    "forges at exit": tree(f"{_FORGE_JUNIT}\natexit.register(forge)"),
    "forges blindly from a daemon": tree(f"{_FORGE_JUNIT}\nif os.fork() == 0:\n    forge()\n    os._exit(0)"),
    "deletes its own test": tree(
        "import sys\nframe = sys._getframe()\nwhile frame and 'test_words' not in str(frame.f_globals.get('__name__')):"
        "\n    frame = frame.f_back\nfor name in list(sys.modules):\n    if name.startswith('test_'):\n"
        "        sys.modules[name].__dict__['test_one_word'] = None"
    ),
    "a table of the suite's cases, all but one": tree(body="return {'Hello  World': 'hello-world'}.get(text)"),
}
"""Cheats that are refused because of the clean copy, the separate configuration or the exact set of outcomes."""

FORGED: dict[str, dict[str, bytes]] = {
    "patches the report": tree(
        "from _pytest.reports import TestReport\nmade = TestReport.from_item_and_call.__func__\n"
        "def passed(cls, item, call):\n    report = made(cls, item, call)\n    report.outcome = 'passed'\n"
        "    report.longrepr = None\n    return report\nTestReport.from_item_and_call = classmethod(passed)"
    ),
    "patches the run": tree("import pytest\npytest.Function.runtest = lambda self: None"),
    "always equal": tree(
        "class Same(str):\n    def __eq__(self, other): return True\n    def __hash__(self): return 0",
        body="return Same('x')",
    ),
    "reads the caller's frame": tree(
        "import sys",
        body="frame = sys._getframe(1)\nif 'expected' in frame.f_locals:\n    return frame.f_locals['expected']\n"
        "return 'word'",
    ),
    "reads the suite": tree(
        "import ast, pathlib",
        body="source = next(pathlib.Path('/verify').rglob('test_*.py')).read_text()\nfor node in ast.walk(ast.parse("
        "source)):\n    if isinstance(node, ast.Tuple) and getattr(node.elts[0], 'value', 0) == text:\n"
        "        return node.elts[1].value\nreturn 'word'",
    ),
    "forges the reporter's own notes": tree(
        "import sys\nframe = sys._getframe()\nwhile frame and 'reporter' not in frame.f_locals:\n"
        "    frame = frame.f_back\nreporter = frame.f_locals['reporter'] if frame else None",
        body="class Deaf(list):\n    def append(self, phase): pass\nif reporter:\n"
        "    reporter.phases = Deaf((test, when, 'passed', False, '') for test in reporter.collected\n"
        "        for when in ('setup', 'call', 'teardown'))\nreturn text",
    ),
    "knows the suite by heart": tree(
        body="return {'Hello  World': 'hello-world', 'A b C': 'a-b-c', ' Word ': 'word'}.get(text)"
    ),
}
"""Cheats that grade B accepts, because they share a process with the tests or have seen them. Grade C refuses each."""
