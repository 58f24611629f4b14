"""A task of the zoo: a requirement with random names and values, a right and a wrong solution, and its tests.

A delivery is one module with three parts: code that runs at import, a function `core` that answers, and the shape
around it (a function, a class, a command, a service). Cheats and honest styles fill in `core` and may add files, so
each of them fits every task.
"""

import base64
import math
import random
import string
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Literal

from verification.requirements.model import (
    Budget,
    Case,
    Criterion,
    Deliverable,
    Expectation,
    Requirement,
    RequirementTask,
    Step,
)

Where = Literal["inside", "command", "service"]
"""The place where the code under test runs: in the judge's worker, in a separate process, or behind a port."""
Tree = dict[str, bytes]

SCOPE = (
    "*.py",
    "*.pth",
    "*.ini",
    "*.cfg",
    "*.toml",
    "*.md",
    "lib/**",
    "data/**",
    "bin/**",
    "tests/**",
    "*.dist-info/**",
)
IMPORTS = "from decimal import Decimal\nfrom math import inf, nan"
WITHIN_S = 8.0
MEMORY_MB = 192


@dataclass(frozen=True)
class Example:
    """The expected answer of `core` to these arguments: a value, or a ValueError with this message."""

    args: tuple[Any, ...]
    returns: Any = None
    message: str | None = None

    @property
    def literal(self) -> str:
        """Return arguments and answer as Python code."""
        answer = repr(self.returns) if self.message is None else f"ValueError({self.message!r})"
        return f"({self.args!r}, {answer})"


class Task(ABC):
    """One random task.

    It has two visible cases of one example each, and two sealed cases, with one and three examples.
    """

    name: ClassVar[str]
    where: ClassVar[Where] = "inside"
    deliver: ClassVar[Deliverable] = "library"
    wrong: ClassVar[str]
    """A plausible mistake: source of `def wrong(...)`, wrong in every case."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(f"{self.name} {seed}")
        self.module, self.function, self.key = self.word(), self.word(), self.word(4)
        self.number = self.rng.randrange(1000, 9999)
        self.visible = [(self.example(),), (self.example(odd=True),)]
        self.sealed = [(self.example(odd=True),), (self.example(), self.example(), self.example())]

    @abstractmethod
    def example(self, *, odd: bool = False) -> Example:
        """Draw an example. An `odd` example is of a rarer kind, if the task has a rarer kind."""

    @property
    @abstractmethod
    def rights(self) -> tuple[str, ...]:
        """Return right solutions: sources of `def right(...)`."""

    @property
    @abstractmethod
    def shape(self) -> str:
        """Return the source of the called object around `core`."""

    @property
    @abstractmethod
    def ask(self) -> str:
        """Return the source of `def ask(args)` for the visible tests. In it, `it` is the delivered module."""

    @abstractmethod
    def steps(self, examples: tuple[Example, ...]) -> tuple[Step, ...]:
        """Return the steps of one case."""

    def word(self, length: int = 8) -> str:
        return "".join(self.rng.choices(string.ascii_lowercase, k=length))

    @property
    def path(self) -> str:
        return f"{self.module}.py"

    @property
    def examples(self) -> list[Example]:
        """Return the examples that the author sees."""
        return [example for case in self.visible for example in case]

    @property
    def known(self) -> str:
        """Return the visible cases as Python code: a list of pairs."""
        return f"[{', '.join(example.literal for example in self.examples)}]"

    def requirement(self, within_s: float = WITHIN_S) -> Requirement:
        visible, sealed = (
            tuple(
                Case(steps=self.steps(examples), line=line, within_s=within_s, memory_mb=MEMORY_MB)
                for line, examples in enumerate(cases, start)
            )
            for cases, start in ((self.visible, 20), (self.sealed, 40))
        )
        return Requirement(
            title=f"a task of the zoo: {self.name}",
            deliver=self.deliver,
            language="python",
            scope=SCOPE,
            budget=Budget(usd=Decimal(1), tokens=1000, minutes=5),
            criteria=(Criterion(id="A1", says="it answers", cases=visible, sealed=sealed),),
            tasks=(RequirementTask(id="T1", criteria=("A1",), scope=SCOPE),),
            prose="",
            source=b"",
            **self.extras(),
        )

    def extras(self) -> dict[str, Any]:
        """Return further fields of the requirement."""
        return {}

    def tests(self) -> str:
        """Return the visible cases as the pytest file that an author gets."""
        good = ", ".join(f"({each.args!r}, {each.returns!r})" for each in self.examples if each.message is None)
        bad = ", ".join(f"({each.args!r}, {each.message!r})" for each in self.examples if each.message is not None)
        lines = [IMPORTS, "import pytest", f"import {self.module} as it", "", self.ask, ""]
        lines += [f'@pytest.mark.parametrize(("args", "expected"), [{good}])', "def test_answer(args, expected):"]
        lines += ["    assert ask(args) == expected", ""]
        if bad:
            lines += [f'@pytest.mark.parametrize(("args", "expected"), [{bad}])', "def test_refusal(args, expected):"]
            lines += ["    with pytest.raises(ValueError, match=expected):", "        ask(args)", ""]
        return "\n".join(lines)

    def module_of(self, core: str, *, top: str = "") -> str:
        """Return the module with this `core`. It also contains `wrong`."""
        return "\n\n".join([top, IMPORTS, self.wrong, core, self.shape, ""])

    def delivery(self, body: str, *, top: str = "", **files: str) -> Tree:
        """Return a whole tree with the visible tests. `body` is the body of `core(*args)`, and `top` runs first."""
        core = "def core(*args):\n" + "\n".join(f"    {line}" for line in body.splitlines())
        tree = {self.path: self.module_of(core, top=top), **self.given_tests(), **files}
        return {path: text.encode() for path, text in tree.items()}

    def given_tests(self) -> dict[str, str]:
        return {"tests/test_visible.py": self.tests()}


def written(value: Any) -> Any:
    """Return a Python value in the form of a requirement."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": str(value)}
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    if isinstance(value, tuple | set | frozenset):
        return {f"${type(value).__name__}": [written(item) for item in value]}
    if isinstance(value, list):
        return [written(item) for item in value]
    if isinstance(value, dict):
        return {key: written(item) for key, item in value.items()}
    return value


def expected(example: Example, *, approx: float | None = None) -> Expectation:
    if example.message is not None:
        return Expectation(raises="ValueError", message_matches=example.message)
    return Expectation(returns=written(example.returns), approx=approx)
