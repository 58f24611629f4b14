"""A requirement with random names and numbers, and solutions of every kind."""

import random
import string
from dataclasses import dataclass, field
from decimal import Decimal

from verification.requirements.model import Budget, Case, Criterion, Expectation, Requirement, RequirementTask, Step


def word(rng: random.Random, length: int = 8) -> str:
    return "".join(rng.choices(string.ascii_lowercase, k=length))


@dataclass
class Puzzle:
    """A function of two arguments: it repeats a text, joined by a random separator, with a random number at the end."""

    rng: random.Random
    within_s: float = 8.0
    memory_mb: int = 256
    module: str = ""
    function: str = ""
    separator: str = ""
    number: int = 0
    visible: list[tuple[str, int]] = field(default_factory=list)
    sealed: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.module, self.function, self.separator = (word(self.rng) for _ in range(3))
        self.number = self.rng.randrange(1000, 9999)
        self.visible = [(word(self.rng), self.rng.randrange(101, 999)) for _ in range(2)]
        self.sealed = [(word(self.rng), self.rng.randrange(101, 999)) for _ in range(2)]

    @property
    def path(self) -> str:
        return f"{self.module}.py"

    def answer(self, text: str, number: int) -> str:
        return f"{text}{self.separator}{number + self.number}"

    def requirement(self) -> Requirement:
        visible, sealed = (
            tuple(self._case(*values, line=index) for index, values in enumerate(given, start=10))
            for given in (self.visible, self.sealed)
        )
        return Requirement(
            title="a puzzle",
            deliver="library",
            language="python",
            scope=(self.path, "notes/**"),
            budget=Budget(usd=Decimal(1), tokens=1000, minutes=5),
            criteria=(Criterion(id="A1", says="it answers", cases=visible, sealed=sealed),),
            tasks=(RequirementTask(id="T1", criteria=("A1",), scope=(self.path,)),),
            prose="",
            source=b"",
        )

    def _case(self, text: str, number: int, *, line: int) -> Case:
        expect = Expectation(returns=self.answer(text, number))
        step = Step(action="call", target=f"{self.module}:{self.function}", args=(text, number), expect=expect)
        return Case(steps=(step,), line=line, within_s=self.within_s, memory_mb=self.memory_mb)

    def solution(self, body: str, *, top: str = "") -> dict[str, bytes]:
        """Return a tree of one file. `top` runs at import. `body` is the body of the function `(text, number)`."""
        lines = [top, f"def {self.function}(text, number):", *(f"    {line}" for line in body.splitlines())]
        return {self.path: "\n".join(lines).encode()}

    def right(self) -> dict[str, bytes]:
        return self.solution(f"return f'{{text}}{self.separator}{{number + {self.number}}}'")

    def table(self) -> dict[str, bytes]:
        """Return the visible cases as a table."""
        known = {values: self.answer(*values) for values in self.visible}
        return self.solution(f"return {known!r}.get((text, number))")
