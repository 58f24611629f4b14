"""A cheat against a base: a change of a repository, or an answer, and the same form of change done honestly."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.cheats.on_base.shop import LETTERS, Shop, put
from tests.unit.repositories import git


@dataclass(frozen=True)
class Work:
    """A clone of the base, in which an author works. What changes it returns it, so that changes can be chained."""

    folder: Path
    shop: Shop

    def write(self, path: str, text: str) -> "Work":
        """Write a file. Its path and text may name MODULE and PROJECT."""
        put(self.folder, {self.shop.named(path): self.shop.named(text)})
        return self

    def read(self, path: str) -> str:
        return (self.folder / self.shop.named(path)).read_text(encoding="utf-8")

    def replace(self, path: str, old: str, new: str) -> "Work":
        """Replace a part of a file, which must be there."""
        text, old = self.read(path), self.shop.named(old)
        assert old in text, f"{old!r} is not in {path}"
        return self.write(path, text.replace(old, self.shop.named(new)))

    def append(self, path: str, text: str) -> "Work":
        return self.write(path, self.read(path) + self.shop.named(text))

    def delete(self, path: str) -> "Work":
        (self.folder / self.shop.named(path)).unlink()
        return self

    def link(self, path: str, target: str) -> "Work":
        """Make a link, in place of what stands there."""
        place = self.folder / self.shop.named(path)
        place.unlink(missing_ok=True)
        place.symlink_to(self.shop.named(target))
        return self

    def code(self, new: str = LETTERS, **parts: str) -> "Work":
        """Write the module: right, unless a part is given."""
        return self.write("MODULE.py", self.shop.code(new, **parts))

    def git(self, *words: str) -> str:
        return git(self.folder, *words)


@dataclass(frozen=True)
class Folder:
    """A change of the author's clone, which is judged as `aura judge FILE DIR` does. `wide`: so is the scope."""

    make: Callable[[Work], object]
    wide: bool = False


@dataclass(frozen=True)
class Commit:
    """A commit in the author's clone, which is judged as `aura judge FILE --repo PATH` does."""

    make: Callable[[Work], object]
    wide: bool = False


@dataclass(frozen=True)
class Answer:
    """The text that an employee answers, which is read and handed in as a worker does."""

    make: Callable[[Shop], str]
    wide: bool = False


Change = Folder | Commit | Answer


@dataclass(frozen=True)
class BaseCheat:
    """One cheat and its control. `finding`: what must be found, so that it is refused for its own sake.

    A strike that `finding` does not name is a defect. What cannot be read at all has the code of its refusal.
    """

    name: str
    says: str
    cheat: Change
    honest: Change
    finding: str
