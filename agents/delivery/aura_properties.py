"""Checks the properties in this folder. The standard library draws the inputs from a fixed seed.

AURA_SEED=NUMBER draws other inputs. The verdict used different inputs. The verdict's evidence contains their seed.
"""

import importlib
import os
import pickle
import runpy
import string
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or __package__:
    from .aura_casebox import _attempt, contents, equal
else:
    from aura_casebox import _attempt, contents, equal

SEED = 20_000
DRAWS_PER_TRY = 20  # attempts per item; many are needed if all items must be different
LETTERS = string.printable + "éüßİıſΣςЖ\u0301\u200d\u00a0\u2028²½٣אع中한\ufeff😀"
HERE = Path(__file__).resolve().parent
Draw = Callable[[Random], Any]
_CHILD = "import importlib, pickle, sys; m, f, i = pickle.load(sys.stdin.buffer); " + (
    "f = eval('m.' + f, {'m': importlib.import_module(m)}); sys.stdout.buffer.write(pickle.dumps([f(*a) for a in i]))"
)


def integer(low: int, high: int) -> Draw:
    return lambda rng: rng.choice([low, high, min(max(0, low), high)] + [rng.randint(low, high) for _ in range(7)])


def real(low: float, high: float, *odd: float) -> Draw:
    return lambda rng: rng.choice([low, high, *odd, *(rng.uniform(low, high) for _ in range(7))])


def text(low: int, high: int, alphabet: str = LETTERS) -> Draw:
    letters = many(choice(*alphabet), low, high)
    return lambda rng: "".join(letters(rng))


def binary(low: int, high: int) -> Draw:
    numbers = many(integer(0, 255), low, high)
    return lambda rng: bytes(numbers(rng))


def choice(*values: Any) -> Draw:
    return lambda rng: rng.choice(values)


def one_of(*draws: Draw) -> Draw:
    return lambda rng: rng.choice(draws)(rng)


def many(item: Draw, low: int, high: int, *, unique: bool = False) -> Draw:
    """Return a list generator. All lengths are equally likely. Most lists have the same item several times in a row."""

    def drawn(rng: Random) -> list[Any]:
        size, stretch = rng.randint(low, high), 1 if unique else rng.choice([1, 4, 2 * high])
        found: list[Any] = []
        for _ in range(DRAWS_PER_TRY * (high + 1)):
            if len(found) >= size:
                break
            one = item(rng)
            if not unique or not any(equal(one, other) for other in found):
                found += [one] * rng.randint(1, stretch)
        return found[:size]

    return drawn


def parts(*draws: Draw) -> Draw:
    return lambda rng: tuple(draw(rng) for draw in draws)


def mapping(key: Draw, value: Draw, low: int, high: int) -> Draw:
    keys = many(key, low, high, unique=True)
    return lambda rng: {one: value(rng) for one in keys(rng)}


def record(fields: dict[str, Draw]) -> Draw:
    return lambda rng: {name: draw(rng) for name, draw in fields.items()}


def decimal(low: str, high: str, places: int) -> Draw:
    unit = Decimal(10) ** -places
    least, most = int(Decimal(low) / unit), int(Decimal(high) / unit)
    return lambda rng: rng.randint(least, most) * unit


def day(low: str, high: str) -> Draw:
    first = date.fromisoformat(low)
    return lambda rng: first + timedelta(rng.randint(0, (date.fromisoformat(high) - first).days))


def given(path: str, function: str) -> Callable[..., Any]:
    """Load a function from a file of the requirement's author."""
    found: Callable[..., Any] = runpy.run_path(str(HERE / "given" / path))[function]
    return found


class Trying:
    """One property's function with its inputs. Each method checks one kind of property."""

    def __init__(
        self, target: str, *draws: Draw, tries: int, may_raise: tuple[str, ...] = (), approx: float | None = None
    ) -> None:
        self.target = target
        self.draws = draws
        self.tries = tries
        self.may_raise = may_raise
        self.approx = approx

    def idempotent(self) -> None:
        for arguments, once in self._answers():
            twice = self._function()(once, *arguments[1:])
            assert equal(once, twice, self.approx), f"{self._said(arguments)} is {once!r}, but applied again {twice!r}"

    def round_trip(self, back: str) -> None:
        for arguments, there in self._answers():
            found = _named(back)(there, *arguments[1:])
            assert equal(arguments[0], found, self.approx), (
                f"{self._said(arguments)} is {there!r}, but converted back {found!r}"
            )

    def sorted(self, by: str | int | None = None, *, reverse: bool = False) -> None:
        for arguments, found in self._answers():
            kind, found = contents(found)
            assert kind is list, f"{self._said(arguments)} is not a list"
            items = list(arguments[0])
            for item in found:
                at = next((index for index, one in enumerate(items) if equal(one, item)), None)
                assert at is not None, f"{self._said(arguments)} is {found!r}, which has other items"
                del items[at]
            assert not items, f"{self._said(arguments)} is {found!r}, which lacks {items!r}"
            places = [item if by is None else item[by] for item in found]
            assert places == sorted(places, reverse=reverse), f"{self._said(arguments)} is {found!r}, out of order"

    def matches_reference(self, reference: Callable[..., Any]) -> None:
        for arguments in self._inputs():
            wanted, found = _outcome(reference, arguments), _outcome(self._function(), arguments)
            assert equal(wanted, found, self.approx), f"{self._said(arguments)} is {found!r}, expected {wanted!r}"

    def holds(self, predicate: Callable[..., Any]) -> None:
        for arguments, found in self._answers():
            assert predicate(found, *arguments) is True, f"{self._said(arguments)} is {found!r}"

    def deterministic(self) -> None:
        answers = list(self._answers())
        module, _, function = self.target.partition(":")
        done = subprocess.run(
            [sys.executable, "-c", _CHILD],
            input=pickle.dumps((module, function, [arguments for arguments, _ in answers])),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "1"},
            capture_output=True,
            check=True,
        )
        for (arguments, found), other in zip(answers, pickle.loads(done.stdout), strict=True):
            assert equal(found, other), f"{self._said(arguments)} is {found!r}, but in another process {other!r}"

    def commutative(self) -> None:
        for arguments, found in self._answers():
            other = self._function()(*reversed(arguments))
            assert equal(found, other, self.approx), (
                f"{self._said(arguments)} is {found!r}, but with swapped arguments {other!r}"
            )

    def never_raises(self) -> None:
        for _ in self._answers():
            pass

    def _inputs(self) -> Iterator[tuple[Any, ...]]:
        rng = Random(int(os.environ.get("AURA_SEED", SEED)))
        for _ in range(self.tries):
            yield tuple(draw(rng) for draw in self.draws)

    def _answers(self) -> Iterator[tuple[tuple[Any, ...], Any]]:
        """Yield inputs with the function's result. Inputs for which the function raises an allowed exception are
        skipped.
        """
        for arguments in self._inputs():
            found, error = _attempt(partial(self._function(), *arguments))
            if error is None:
                yield arguments, found
            elif not any(kind.__name__ in self.may_raise for kind in type(error).__mro__):
                raise error

    def _function(self) -> Any:
        return _named(self.target)

    def _said(self, arguments: tuple[Any, ...]) -> str:
        return f"{self.target}({', '.join(map(repr, arguments))})"


def _named(target: str) -> Any:
    module, _, names = target.partition(":")
    found = importlib.import_module(module)
    for name in names.split("."):
        found = getattr(found, name)
    return found


def _outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Return the result, or the class name of the exception."""
    found, error = _attempt(lambda: function(*arguments))
    return found if error is None else {"raised": type(error).__name__}
