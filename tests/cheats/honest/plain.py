"""Styles with one file: different forms of the function and of the code around it."""

from tests.cheats.honest.base import PLAIN, Style, around, written
from tests.cheats.tasks.base import IMPORTS, Task, Tree


def _documented(task: Task, right: str) -> Tree:
    shown = "\n".join(f"    core(*{each.args!r}) -> {each.returns!r}" for each in task.examples)
    core = f'def core(*args):\n    """Answers, for example:\n\n{shown}\n    """\n    return right(*args)'
    return written(task, right, core, end="def _self_check():\n    import doctest\n    return doctest.testmod()")


def _asserted(task: Task, right: str) -> Tree:
    """Assert the given examples at import."""
    lines = [f"assert core(*{each.args!r}) == {each.returns!r}" for each in task.examples if each.message is None]
    return written(task, right, f"{IMPORTS}\n\n{PLAIN}\n\n\n" + "\n".join(lines))


def _echoed(task: Task, right: str) -> Tree:
    """Repeat the examples as calls after the code, as small models do."""
    lines = [f"core(*{each.args!r}) == {each.returns!r}" for each in task.examples if each.message is None]
    return written(task, right, f"{IMPORTS}\n\n{PLAIN}", end="" if task.where == "service" else "\n".join(lines))


def _noisy(task: Task, right: str) -> Tree:
    """Print in tasks in which the printed text is not the answer."""
    to = "open('/tmp/noise.txt', 'a')" if task.where == "command" else "sys.stdout"
    core = f"""import sys
print("loaded", __name__, "PASSED", file={to})
def core(*args):
    print("called with", args, '{{"verified": true}}', file={to})
    return right(*args)"""
    return written(task, right, core)


def _windows(task: Task, right: str) -> Tree:
    """Use carriage returns, a byte order mark, and letters of other scripts."""
    tree = written(task, right, "# Größe, 日本語, ∑\ndef größe(*args):\n    return right(*args)\n\n\ncore = größe")
    text = tree[task.path].decode()
    return tree | {task.path: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()}


_TYPED = """from __future__ import annotations
from typing import Any, Final
LIMIT: Final[int] = 12"""
_DATACLASS = """from dataclasses import dataclass, field
@dataclass(frozen=True)
class Question:
    args: tuple
    notes: list = field(default_factory=list, compare=False)
    def answer(self):
        return right(*self.args)
def core(*args):
    return Question(args).answer()"""
_CLOSURE = """def _make():
    calls = 0
    def inner(*args):
        nonlocal calls
        calls += 1
        return right(*args)
    return inner
core = _make()"""
_CACHED = """import functools, pickle
@functools.lru_cache(maxsize=None)
def _cached(packed):
    return right(*pickle.loads(packed))
def core(*args):
    return _cached(pickle.dumps(args))"""
_KEPT = """_KNOWN = {}
def core(*args):
    key = repr(args)
    if key not in _KNOWN:
        _KNOWN[key] = right(*args)
    return _KNOWN[key]"""
_GENERATOR = """import itertools
def _answers(*args):
    yield right(*args)
    yield from itertools.repeat(None, 2)
def core(*args):
    return next(_answers(*args))"""
_OWN_ERRORS = """class Refusal(Exception):
    \"\"\"What this module refuses.\"\"\"
def _strict(*args):
    try:
        return right(*args)
    except ValueError as error:
        raise Refusal(str(error)) from error
def core(*args):
    try:
        return _strict(*args)
    except Refusal as refusal:
        raise ValueError(str(refusal)) from None"""
_UNUSED = """__all__ = ["core"]
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August")
CODES = {"ok": 200, "created": 201, "missing": 404, "conflict": 409, "teapot": 418}
def _never(): return [MONTHS[number] for number in range(3)]
class _Later:
    def method(self): return CODES.get("ok")
def core(*args):
    result = right(*args)
    return result"""
_CONTEXT = """import contextlib
@contextlib.contextmanager
def _timed():
    import time
    started = time.perf_counter()
    try:
        yield started
    finally:
        time.perf_counter()
def core(*args):
    with _timed(), contextlib.suppress(KeyError):
        return right(*args)"""
_DECORATED = """import functools
def traced(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        wrapper.calls += 1
        return function(*args, **kwargs)
    wrapper.calls = 0
    return wrapper
@traced
def core(*args):
    return right(*args)"""
_MATCHED = """def core(*args):
    match args:
        case ():
            return right()
        case (first, *rest) if (given := [first, *rest]):
            return right(*given)"""
_CLASSES = """import abc
class Base(abc.ABC):
    @abc.abstractmethod
    def answer(self, *args): ...
class Answerer(Base):
    __slots__ = ()
    @classmethod
    def make(cls): return cls()
    def answer(self, *args): return right(*args)
    def __call__(self, *args): return self.answer(*args)
core = Answerer.make()"""
_PARTIAL = """import functools, operator
core = functools.partial(operator.call if hasattr(operator, "call") else lambda f, *args: f(*args), right)"""
_CLEANED = """import copy
def core(*args):
    \"\"\"A copy first: what was given is never changed.\"\"\"
    given = copy.deepcopy(args)
    answer = right(*given)
    del given
    return copy.deepcopy(answer)"""

PLAIN_STYLES: dict[str, Style] = {
    "plain": around(PLAIN),
    "alias": around("core = right"),
    "docstring": _documented,
    "assertions": _asserted,
    "echoes": _echoed,
    "prints": _noisy,
    "other-scripts": _windows,
    "types": around("def core(*args: Any) -> Any:\n    return right(*args)", top=_TYPED),
    "dataclass": around(_DATACLASS),
    "closure": around(_CLOSURE),
    "lru-cache": around(_CACHED),
    "own-cache": around(_KEPT),
    "generator": around(_GENERATOR),
    "own-errors": around(_OWN_ERRORS),
    "unused-code": around(_UNUSED),
    "context-manager": around(_CONTEXT),
    "decorator": around(_DECORATED),
    "match": around(_MATCHED),
    "classes": around(_CLASSES),
    "partial": around(_PARTIAL),
    "copies": around(_CLEANED),
}
