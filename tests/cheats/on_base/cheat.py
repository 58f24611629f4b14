"""The form of a cheat against a base: a change of a repository or an answer, and an honest change of the same form."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.cheats.on_base.shop import LETTERS, Shop, put
from tests.unit.repositories import git


@dataclass(frozen=True)
class Work:
    """A clone of the base in which an author works.

    Each method that changes the clone returns it, so calls can be chained.
    """

    folder: Path
    shop: Shop

    def write(self, path: str, text: str) -> "Work":
        """Write a file. Its path and text may contain MODULE and PROJECT."""
        put(self.folder, {self.shop.named(path): self.shop.named(text)})
        return self

    def read(self, path: str) -> str:
        return (self.folder / self.shop.named(path)).read_text(encoding="utf-8")

    def replace(self, path: str, old: str, new: str) -> "Work":
        """Replace a part of a file. The part must exist."""
        text, old = self.read(path), self.shop.named(old)
        assert old in text, f"{old!r} is not in {path}"
        return self.write(path, text.replace(old, self.shop.named(new)))

    def append(self, path: str, text: str) -> "Work":
        return self.write(path, self.read(path) + self.shop.named(text))

    def delete(self, path: str) -> "Work":
        (self.folder / self.shop.named(path)).unlink()
        return self

    def link(self, path: str, target: str) -> "Work":
        """Make a link, and remove an existing file at its path."""
        place = self.folder / self.shop.named(path)
        place.unlink(missing_ok=True)
        place.symlink_to(self.shop.named(target))
        return self

    def code(self, new: str = LETTERS, **parts: str) -> "Work":
        """Write the module. It is right, unless a part is given."""
        return self.write("MODULE.py", self.shop.code(new, **parts))

    def git(self, *words: str) -> str:
        return git(self.folder, *words)


@dataclass(frozen=True)
class Folder:
    """A change of the author's clone, judged as by `aura judge FILE DIR`. `wide`: the scope is wide."""

    make: Callable[[Work], object]
    wide: bool = False


@dataclass(frozen=True)
class Commit:
    """A commit in the author's clone, judged as by `aura judge FILE --repo PATH`."""

    make: Callable[[Work], object]
    wide: bool = False


@dataclass(frozen=True)
class Answer:
    """The text of an employee's answer. It is read and handed in as by a worker."""

    make: Callable[[Shop], str]
    wide: bool = False


Change = Folder | Commit | Answer


@dataclass(frozen=True)
class BaseCheat:
    """One cheat and its control. `finding` must be the reason of the refusal, and not another finding.

    A strike that `finding` does not name is a defect. If the change cannot be read, `finding` is the code of the
    refusal.
    """

    name: str
    says: str
    cheat: Change
    honest: Change
    finding: str
