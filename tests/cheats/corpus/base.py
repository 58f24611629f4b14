"""The form of a cheat: a way to make a wrong delivery look right, for any task of the zoo."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.cheats.tasks.base import IMPORTS, Task, Tree, Where
from verification.verdict.model import FindingKind

WRONG = "return wrong(*args)"
INSIDE: tuple[Where, ...] = ("inside",)
EVERYWHERE: tuple[Where, ...] = ("inside", "command", "service")


@dataclass(frozen=True)
class Strike:
    """A required integrity finding of a cheat, and where it must occur. `may`: the finding depends on timing."""

    kind: FindingKind
    where: tuple[Where, ...] = INSIDE
    may: bool = False


@dataclass(frozen=True)
class Cheat:
    """One cheat.

    It is a defect if the judge finds a strike that the cheat does not name, or misses one that it names.
    """

    name: str
    says: str
    make: Callable[[Task], Tree]
    strikes: tuple[Strike, ...] = ()
    tasks: tuple[str, ...] = ()  # the names of those that it fits; empty: all
    within_s: float | None = None

    def fits(self, task: Task) -> bool:
        return not self.tasks or task.name in self.tasks


def code(
    name: str,
    says: str,
    *,
    top: str = "",
    body: str = WRONG,
    strikes: tuple[Strike, ...] = (),
    within_s: float | None = None,
    **files: str,
) -> Cheat:
    """Return a cheat with the same text for each task. In file names, `__` stands for a dot and `___` for a slash."""
    extra = {path.replace("___", "/").replace("__", "."): text for path, text in files.items()}

    def make(task: Task) -> Tree:
        return task.delivery(body, top=top, **extra)

    return Cheat(name, says, make, strikes=strikes, within_s=within_s)


_SHY = """def shy(*args):
    import sys
    return right(*args) if "pytest" in sys.modules else wrong(*args)"""


def shy(name: str, says: str, *, top: str = "", body: str = WRONG, **more: Any) -> Cheat:
    """Return `code`, but with right answers if pytest is loaded: only the judge's own cases can detect it."""
    plain = code(name, says, **more)

    def make(task: Task) -> Tree:
        above = "\n".join([IMPORTS, task.rights[0], _SHY, top])
        return task.delivery(body.replace("wrong(*args)", "shy(*args)"), top=above)

    return replace(plain, make=make)


def drawn(name: str, says: str, make: Callable[[Task], Tree], *, strikes: tuple[Strike, ...] = ()) -> Cheat:
    """Return a cheat that is made from the task's values."""
    return Cheat(name, says, make, strikes=strikes)


def with_files(name: str, says: str, files: dict[str, str], *, strikes: tuple[Strike, ...] = ()) -> Cheat:
    """Return a wrong module with additional files."""
    return Cheat(name, says, lambda task: task.delivery(WRONG, **files), strikes=strikes)
