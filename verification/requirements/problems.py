"""Problems of a requirement file. Each has a place and a remedy, and all are raised together."""

import difflib
from collections.abc import Iterable
from typing import Protocol

import msgspec

from domain.errors import Invalid
from domain.wording import counted

PROBLEMS_MAX = 50  # maximum number of problems shown for one file; more problems usually repeat the same mistake
SIMILAR_CHARS_MAX = 80  # longer words are not compared for "did you mean"


class Problem(msgspec.Struct, frozen=True):
    """One thing to repair. `line` and `column` count from 1; `remedy` is the text to write instead."""

    file: str
    line: int
    column: int
    message: str
    remedy: str

    def __str__(self) -> str:
        end = "" if self.message.endswith("?") else "."
        return f"{self.file}:{self.line}:{self.column}: {self.message}{end} Write: {self.remedy}"


class RequirementInvalid(Invalid):
    """Raised when a requirement has problems. `problems` is never empty and is sorted by place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(str(problem) for problem in self.problems)
        files = " and ".join(dict.fromkeys(problem.file for problem in self.problems))
        count = counted(len(self.problems), "problem")
        super().__init__(f"{count} in {files}", hint=lines, code="requirement_invalid")

    def __str__(self) -> str:
        return self.hint

    @property
    def data(self) -> object:
        return {"problems": self.problems}


class Place(Protocol):
    """An object with a place in a file."""

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...


class Spot(msgspec.Struct, frozen=True):
    """A place in a file. Lines and columns are counted from 1."""

    line: int
    column: int


class ProblemList:
    """List of the problems of one file, so that a person sees all of them together."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def add(self, at: Place, message: str, remedy: str) -> None:
        problem = Problem(self.file, at.line, at.column, message, remedy)
        if problem not in self.problems and len(self.problems) < PROBLEMS_MAX:
            self.problems.append(problem)

    def in_order(self) -> list[Problem]:
        return sorted(self.problems, key=lambda problem: (problem.line, problem.column))


def similar(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most similar to a word, or None if no known word is similar."""
    near = difflib.get_close_matches(word[:SIMILAR_CHARS_MAX], list(known), n=1, cutoff=0.6)
    return near[0] if near else None


def listed(words: Iterable[str]) -> str:
    """Return the words as a list in a sentence, each word in backquotes: `a`, `b` and `c`."""
    quoted = [f"`{word}`" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
