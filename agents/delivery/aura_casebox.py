"""Runs the acceptance cases in this folder. Each case gets an empty folder and imports the project again.

Values are compared with their types: 1 is not equal to True or 1.0, and a list is not equal to a tuple. For an instance
of a subclass of a built-in type, only the contents are compared. The methods of the built-in type read these contents.
"""

import importlib
import math
import os
import re
import subprocess
import sys
import unittest
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any


class Matching:
    """A value that equals every text in which the pattern is found."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern

    def __repr__(self) -> str:
        return f"text matching {self.pattern!r}"

    def found(self, text: object) -> bool:
        """Return whether the value is a text that contains the pattern. If the pattern is not valid in Python, the test
        is skipped.
        """
        try:
            return isinstance(text, str) and re.search(self.pattern, text) is not None
        except re.error as error:
            raise unittest.SkipTest(f"{self.pattern!r} is not a valid Python pattern: {error}") from error


class Anything:
    """A value that equals every value."""

    def __repr__(self) -> str:
        return "anything"


ANY = Anything()
NOTHING = Anything()  # a value that a case does not name is not compared


READERS: dict[type, Callable[[Any], Any]] = {
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    list: lambda value: [*list.__iter__(value)],
    dict: lambda value: [*dict.items(value)],
    tuple: lambda value: [*tuple.__iter__(value)],
    set: lambda value: [*set.__iter__(value)],
    frozenset: lambda value: [*frozenset.__iter__(value)],
    bytes: lambda value: bytes.__getitem__(value, slice(None)),
    Decimal: Decimal.__str__,
    datetime: lambda value: datetime.fromisoformat(datetime.isoformat(value)),
    date: date.isoformat,
}
"""Type -> function that returns the contents, even if a subclass overrides methods. datetime comes before date, because
a datetime is also a date.
"""


def contents(value: Any, exact_type: bool = False) -> tuple[type | None, Any]:
    """Return the built-in type of a value and its contents. The type is None if the value cannot be compared."""
    kind = type(value)
    if value is None or kind is bool:
        return kind, value
    base = next((known for known in READERS if issubclass(kind, known)), None)
    if base is None or (exact_type and kind is not base):
        return None, None
    if base is datetime and not isinstance(datetime.tzinfo.__get__(value), timezone | None):
        return None, None
    return base, READERS[base](value)


def same(expected: Any, actual: Any, approx: float | None = None, *, exact_type: bool = False) -> bool:
    """Return whether the value equals the expected value. `approx`: the greatest allowed difference of two floats."""
    if isinstance(expected, Anything):
        return True
    if isinstance(expected, Matching):
        kind, text = contents(actual, exact_type)
        return kind is str and expected.found(text)
    return alike(expected, actual, partial(same, approx=approx, exact_type=exact_type), approx, exact_type=exact_type)


def equal(one: Any, other: Any, approx: float | None = None) -> bool:
    """Return whether two values from the project are the same."""
    return alike(one, other, partial(equal, approx=approx), approx)


def alike(
    expected: Any, actual: Any, within: Callable[[Any, Any], bool], approx: float | None, *, exact_type: bool = False
) -> bool:
    """Return whether two values have the same built-in type, and contents that `within` accepts."""
    (kind, wanted), (other, held) = contents(expected), contents(actual, exact_type)
    if kind is None or kind is not other:
        return False
    if kind is float:
        if math.isnan(wanted) or math.isnan(held):
            return math.isnan(wanted) and math.isnan(held)
        near = approx is not None and math.isfinite(wanted) and math.isfinite(held)
        return abs(wanted - held) <= (approx or 0) if near else bool(wanted == held)
    if kind is Decimal:
        (wanted, held) = (Decimal(wanted), Decimal(held))
        return str(wanted) == str(held) if wanted.is_nan() or held.is_nan() else bool(wanted == held)
    if not isinstance(wanted, list):
        return bool(wanted == held)
    if len(wanted) != len(held):
        return False
    if kind is list or kind is tuple:
        return all(within(one, found) for one, found in zip(wanted, held, strict=True))
    if kind is dict:
        return _all_found(wanted, held, lambda one, found: equal(one[0], found[0]) and within(one[1], found[1]))
    return _all_found(wanted, held, within)


def _all_found(expected: list[Any], actual: list[Any], fits: Callable[[Any, Any], bool]) -> bool:
    """Return whether each expected member has its own matching actual member. Wildcards are tried last."""
    left = list(actual)
    for member in sorted(expected, key=lambda one: isinstance(one, Anything | Matching)):
        at = next((index for index, one in enumerate(left) if fits(member, one)), None)
        if at is None:
            return False
        del left[at]
    return True


def _attempt(act: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """Return the result of a call of the project's code, or the exception that it raised."""
    try:
        return act(), None
    except Exception as error:
        return None, error


def _check_error(error: Exception, raises: str, or_subclass: bool, message_matches: str | None) -> None:
    kinds = type(error).__mro__ if or_subclass else (type(error),)
    names = {name for kind in kinds for name in (kind.__name__, f"{kind.__module__}.{kind.__qualname__}")}
    assert raises in names, f"raised {error!r}, expected {raises}"
    if message_matches is not None:
        assert Matching(message_matches).found(str(error)), f"{message_matches!r} not in {str(error)!r}"


class Box:
    """One case. Its steps share bound names and one folder. The folder is empty at first and is the working
    directory.
    """

    def __init__(self, root: Path, folder: Path, command: str) -> None:
        self.root = root
        self.folder = folder
        self.command = command
        self.bound: dict[str, Any] = {}
        for name, module in list(sys.modules.items()):
            if self._is_project(getattr(module, "__file__", None)):
                del sys.modules[name]

    def call(self, target: str, *args: Any, bind: str = "", kwargs: Mapping[str, Any] = {}, **expected: Any) -> None:
        """Call "module:function" or "$name.method" and compare the result or the exception."""
        value = self._outcome(lambda: self._target(target)(*args, **kwargs), **expected)
        if bind:
            self.bound[bind] = value

    new = call

    def run(
        self,
        *argv: str,
        stdin: str = "",
        env: Mapping[str, str] = {},
        exit: int = 0,
        stdout: str | Matching | None = None,
        stdout_matches: str | None = None,
        stderr: str | None = None,
        within_s: float = 60.0,
        **files: Any,
    ) -> None:
        """Run the project's command and compare exit status and output."""
        module, _, function = self.command.partition(":")
        program = f"import sys; sys.argv[0] = {argv[0]!r}; from {module} import {function} as main; sys.exit(main())"
        found: dict[str, Any] = {}

        def start() -> None:
            path = os.pathsep.join([str(self.root), str(self.root / "src")])
            done = subprocess.run(
                [sys.executable, "-P", "-c", program, *argv[1:]],
                cwd=self.folder,
                env={"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", "PYTHONPATH": path, **env},
                input=stdin.encode(),
                capture_output=True,
                timeout=within_s,
                check=False,
            )
            found.update(exit=done.returncode, stdout=done.stdout.decode(), stderr=done.stderr.decode())

        self._outcome(start, **files)
        assert found["exit"] == exit, f"exit code {found['exit']}, expected {exit}: {found['stderr']}"
        assert stdout is None or found["stdout"] == stdout, f"stdout {found['stdout']!r}, expected {stdout!r}"
        assert stderr is None or found["stderr"] == stderr, f"stderr {found['stderr']!r}, expected {stderr!r}"
        if stdout_matches is not None:
            assert Matching(stdout_matches).found(found["stdout"]), f"{stdout_matches!r} not in {found['stdout']!r}"

    def _outcome(
        self,
        act: Callable[[], Any],
        *,
        returns: Any = NOTHING,
        raises: str | None = None,
        or_subclass: bool = False,
        message_matches: str | None = None,
        approx: float | None = None,
        exact_type: bool = False,
        before: Mapping[str, str] = {},
        after: Mapping[str, str | None] = {},
        unchanged: Sequence[str] = (),
        absent: Sequence[str] = (),
    ) -> Any:
        for path, text in before.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_bytes(text.encode())
        contents = {path: (self.folder / path).read_bytes() for path in unchanged}
        value, error = _attempt(act)
        if raises is not None:
            assert error is not None, f"returned {value!r}, expected {raises}"
            _check_error(error, raises, or_subclass, message_matches)
        elif error is not None:
            raise error
        else:
            assert same(returns, value, approx, exact_type=exact_type), f"returned {value!r}, expected {returns!r}"
        for path, expected in after.items():
            assert (self.folder / path).exists(), f"{path} does not exist"
            assert expected is None or (self.folder / path).read_bytes() == expected.encode(), f"{path} differs"
        for path, content in contents.items():
            assert (self.folder / path).read_bytes() == content, f"{path} has changed"
        for path in absent:
            assert not (self.folder / path).exists(), f"{path} exists"
        return value

    def _target(self, target: str) -> Any:
        if target.startswith("$"):
            name, _, attributes = target[1:].partition(".")
            found = self.bound[name]
        else:
            module, _, attributes = target.partition(":")
            found = importlib.import_module(module)
        for attribute in attributes.split("."):
            found = getattr(found, attribute)
        return found

    def _is_project(self, file: str | None) -> bool:
        if file is None or not Path(file).is_relative_to(self.root):
            return False
        parts = Path(file).relative_to(self.root).parts
        return "site-packages" not in parts and not Path(file).is_relative_to(Path(__file__).parent)
