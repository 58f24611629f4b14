"""A small repository with random names and values, and a requirement to change it. It is the base of these cheats."""

import json
import random
from collections import Counter
from pathlib import Path

from tests.cheats.judged import word
from tests.unit.repositories import git

VERSION = "1.4.0"
NARROW = ("MODULE.py", "lib/**")
WIDE = (*NARROW, "tests/**", "*.py", "*.toml", "*.ini", "docs/**", ".gitattributes", ".gitmodules")
"""With a wide scope no path is a strike, so the verdict depends only on the tests."""
TOTAL = "def total(prices):\n    return sum(prices)\n"
LABEL = "def label(text):\n    return text.upper()\n"
OLD_JOIN = 'def join(words):\n    return "-".join(words)\n'
JOIN = 'def join(words):\n    if not words:\n        raise ValueError("no words")\n    return "-".join(words)\n'
LETTERS = """def letters(text):
    return {letter: text.count(letter) for letter in text}


def order(text):
    return sorted(text)


def first(text):
    return text[0]


def count(text):
    return len(text)


def pair(text):
    return (first(text), count(text))
"""
WRONG_LETTERS = LETTERS.replace("text[0]", "text[1]").replace("len(text)", "1")
_MODULE = '"""Words and prices of a small shop."""\n\n{top}VERSION = "{version}"\nUNITS = {units}\n\n\n{functions}'
_UNITS = "\n\n".join(f"def unit_{n:02}(amount):\n    grams = amount * {n}\n    return grams\n" for n in range(20))
_TESTS = """import sys

import pytest

import MODULE

@pytest.mark.parametrize(("prices", "expected"), [([1, 2], 3), ([], 0)], ids=["two", "none"])
def test_total(prices, expected):
    assert MODULE.total(prices) == expected

def test_label(answer):
    assert MODULE.label("a") == answer

JOINED = [(["a", "b"], "a-b"), (["a"], "a"), ([], "")]

@pytest.mark.parametrize(("words", "expected"), JOINED, ids=["two", "one", "empty"])
def test_join(words, expected):
    assert MODULE.join(words) == expected

@pytest.mark.parametrize("unit", MODULE.UNITS)
def test_unit(unit):
    assert MODULE.label(unit).isupper()

@pytest.mark.skipif(sys.platform == "linux", reason="elsewhere")
def test_elsewhere():
    assert False

@pytest.mark.xfail
def test_some_day():
    assert MODULE.label(1) == "1"
"""
_VERSION_TESTS = """from importlib.metadata import version

import MODULE

def test_version():
    assert MODULE.VERSION == version("PROJECT")
"""
_CONFTEST = """import pytest

@pytest.fixture
def answer():
    return "A"
"""
_PYPROJECT = """[project]
name = "PROJECT"
version = "1.4.0"

[tool.pytest.ini_options]
testpaths = ["tests"]
addopts = "--strict-markers"
"""
_REQUIREMENT = """---
aura: 1
title: Letters
deliver: library
base: {repo: ../base}
scope: SCOPE
may_change:
  - {test: "tests/test_MODULE.py::test_join[empty]", replaced_by: "tests/test_letters.py::test_join_of_nothing"}
budget: {usd: "1", tokens: 1000, minutes: 5}
---
# Letters
`MODULE` tells the letters of a text. `join` refuses an empty list. Delete lib/old.py, which nobody uses.

```yaml acceptance
- id: A1
  says: the letters of a text are told
  cases:
CASES
  pytest:
    over_base: changed
    must_pass: ["tests/test_letters.py::test_letters", "tests/test_letters.py::test_join_of_nothing"]
```
"""
GIVEN = "tests/test_letters.py"
"""The path of the given tests in the project."""
_CALL = '    - {call: "MODULE:%s", args: [%s], returns: %s}'
_REFUSES = '    - {call: "MODULE:join", args: [[]], raises: ValueError}'


class Shop:
    """One random repository, and the task for its author."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(f"shop {seed}")
        self.module, self.project = word(rng), word(rng)
        self.units = tuple(word(rng, 3) for _ in range(3))
        self.seen, self.sealed = word(rng, 9), word(rng, 11)

    @property
    def path(self) -> str:
        return f"{self.module}.py"

    def named(self, text: str) -> str:
        """Return a text with the random names in it."""
        return text.replace("MODULE", self.module).replace("PROJECT", self.project)

    def code(
        self,
        new: str = LETTERS,
        *,
        total: str = TOTAL,
        label: str = LABEL,
        join: str = JOIN,
        top: str = "",
        units: object = None,
    ) -> str:
        """Return the module. It is right, unless a part is given."""
        functions = "\n\n".join(part for part in (total, label, join, new) if part)
        return _MODULE.format(
            top=f"{top}\n\n" if top else "",
            version=VERSION,
            units=self.units if units is None else units,
            functions=functions,
        )

    def base(self) -> dict[str, str]:
        """Return the files of the base, without its links."""
        files = {
            "MODULE.py": self.code("", join=OLD_JOIN),
            "lib/__init__.py": "",
            "lib/old.py": _UNITS,
            "lib/units.py": _UNITS,
            "data/words.txt": "word\n",
            "tests/conftest.py": _CONFTEST,
            "tests/test_MODULE.py": _TESTS,
            "tests/test_version.py": _VERSION_TESTS,
            "pyproject.toml": _PYPROJECT,
            ".gitattributes": "*.txt text\n",
            "README.md": "# PROJECT\n",
        }
        return {self.named(path): self.named(text) for path, text in files.items()}

    def changed_tests(self) -> str:
        """Return the tests with which the requirement replaces tests of the base."""
        text = self.seen
        answers = (
            f"    assert MODULE.letters({text!r}) == {dict(Counter(text))!r}\n"
            f"    assert MODULE.order({text!r}) == {sorted(text)!r}\n"
            f"    assert MODULE.first({text!r}) == {text[0]!r}\n"
            f"    assert MODULE.count({text!r}) == {len(text)}\n"
            f"    assert MODULE.pair({text!r}) == {(text[0], len(text))!r}\n"
        )
        refusal = "    with pytest.raises(ValueError):\n        MODULE.join([])\n"
        more = f"\ndef test_letters():\n{answers}\ndef test_join_of_nothing():\n{refusal}"
        return self.named(f"import pytest\n\nimport MODULE\n{more}")

    def requirement(self, scope: tuple[str, ...]) -> str:
        cases = "\n".join([*self._cases(self.seen), _REFUSES])
        return self.named(_REQUIREMENT.replace("SCOPE", json.dumps(scope)).replace("CASES", cases))

    def sealed_cases(self) -> str:
        return self.named("\n".join(["- id: A1", "  cases:", *self._cases(self.sealed), ""]))

    def _cases(self, text: str) -> list[str]:
        pair = json.dumps({"$tuple": [text[0], len(text)]})
        answers = {
            "letters": json.dumps(Counter(text)),
            "order": json.dumps(sorted(text)),
            "first": json.dumps(text[0]),
        }
        answers |= {"count": str(len(text)), "pair": pair}
        return [_CALL % (name, json.dumps(text), answer) for name, answer in answers.items()]


def laid_out(shop: Shop, folder: Path) -> dict[bool, Path]:
    """Make the repository and the requirement's files.

    Return wide -> requirement file: one wide scope and one narrow.
    """
    base, asked = folder / "base", folder / "asked"
    put(base, shop.base())
    (base / "lib" / "data").symlink_to("../data")
    (base / "lib" / "checks").symlink_to("../tests")
    git(base, "init", "-q", "-b", "main")
    git(base, "add", ".")
    git(base, "commit", "-q", "-m", "base")
    names = {False: "narrow", True: "wide"}
    scopes = {False: NARROW, True: WIDE}
    for wide, name in names.items():
        put(asked, {f"{name}.md": shop.requirement(scopes[wide]), f"{name}.sealed.yaml": shop.sealed_cases()})
    put(asked / "changed", {GIVEN: shop.changed_tests()})
    return {wide: asked / f"{name}.md" for wide, name in names.items()}


def put(folder: Path, files: dict[str, str]) -> None:
    """Write files and their parent folders."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
