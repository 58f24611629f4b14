"""A tree of files: a manifest that says what stands at each path, one digest for the whole, and its contents.

A manifest of version 1 maps a path to the hex sha256 of its content. One of version 2 maps it to an entry: a file, an
executable, a link, a submodule, or `deleted`, which only a difference between two trees holds.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import msgspec

from domain.errors import Invalid
from domain.tree_links import resolved

Kind = Literal["file", "executable", "link", "submodule", "deleted"]
ALGORITHM = "auraTree2"
"""Digest of a manifest of version 2, and the beginning of each text that names a tree by it: `auraTree2:HEX`."""
FORMER_ALGORITHM = "auraTree"
"""Digest of a manifest of version 1. A text that names a tree by it is the hex digest alone."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The entry at one path.

    `digest`: hex sha256 of the content of a file or an executable. `target`: of a link its text, of a submodule its
    commit id.
    """

    kind: Kind
    digest: str = ""
    target: str = ""

    @property
    def is_file(self) -> bool:
        """Whether it has content of its own."""
        return self.kind in ("file", "executable")


Manifest = Mapping[str, Entry]
DELETED = Entry(kind="deleted")


def digest_of(content: bytes) -> str:
    """Hex sha256 of one blob."""
    return hashlib.sha256(content).hexdigest()


def manifest_of(files: Mapping[str, bytes]) -> dict[str, Entry]:
    """Path -> entry of a tree, or of plain files, sorted by path."""
    return Tree.of(files).manifest()


def from_version_1(manifest: Mapping[str, str]) -> dict[str, Entry]:
    """A manifest of version 1 (path -> hex sha256) in the form of version 2: it knew plain files alone."""
    return {path: Entry(kind="file", digest=digest) for path, digest in manifest.items()}


def contents_of(manifest: Manifest) -> dict[str, str]:
    """Path -> hex sha256 of all that has content."""
    return {path: entry.digest for path, entry in manifest.items() if entry.is_file}


def overlay(manifest: Manifest, difference: Manifest) -> dict[str, Entry]:
    """A manifest with a difference laid over it; what the difference deletes is not in it."""
    laid = {**manifest, **difference}
    return {path: laid[path] for path in sorted(laid) if laid[path].kind != "deleted"}


def difference_between(before: Manifest, after: Manifest) -> dict[str, Entry]:
    """Return the manifest that, laid over the first one, gives the second; a path that is gone is `deleted`."""
    changed = {path: entry for path, entry in after.items() if before.get(path) != entry}
    changed |= {path: DELETED for path in before if path not in after}
    return {path: changed[path] for path in sorted(changed)}


def tree_digest(manifest: Manifest, algorithm: str = ALGORITHM) -> str:
    """The text that names a whole tree. A digest of one algorithm is never the text of another.

    `auraTree2:` and the hex sha256 of `auraTree2`, a zero byte and the manifest as canonical JSON (sorted keys, no
    spaces, empty fields left out). By the former algorithm: the hex sha256 of path -> content's hex sha256 as canonical
    JSON, with nothing before it. Raises Invalid for a tree that the former one cannot name.
    """
    if any(entry.kind == "deleted" for entry in manifest.values()):
        raise ValueError("a difference is no tree: lay it over the manifest that it belongs to")
    if algorithm == FORMER_ALGORITHM:
        odd = next((path for path, entry in manifest.items() if not entry.is_file), None)
        if odd is not None:
            raise Invalid(f"{odd} is a {manifest[odd].kind}, and {FORMER_ALGORITHM} names files alone.")
        return digest_of(msgspec.json.encode(contents_of(manifest), order="sorted"))
    if algorithm != ALGORITHM:
        raise Invalid(f"There is no algorithm {algorithm!r} for the digest of a tree.")
    body = msgspec.json.encode(dict(manifest), order="sorted")
    return f"{ALGORITHM}:{digest_of(ALGORITHM.encode() + bytes(1) + body)}"


def algorithm_of(tree: str) -> str:
    """The algorithm of a text that names a tree."""
    return tree.rpartition(":")[0] or FORMER_ALGORITHM


def hex_of(tree: str) -> str:
    """The digest alone of a text that names a tree."""
    return tree.rpartition(":")[2]


def tree_text(algorithm: str, hex_digest: str) -> str:
    """The text that names a tree by an algorithm and its digest."""
    return hex_digest if algorithm == FORMER_ALGORITHM else f"{algorithm}:{hex_digest}"


class Tree(Mapping[str, bytes]):
    """The contents of a tree. As a mapping it is path -> content of its files, the executable ones included.

    `executable` names the files that may be run, `links` maps a path to the text of a link, `submodules` a path to a
    commit id. It never changes.
    """

    def __init__(
        self,
        files: Mapping[str, bytes],
        *,
        executable: frozenset[str] = frozenset(),
        links: Mapping[str, str] | None = None,
        submodules: Mapping[str, str] | None = None,
    ) -> None:
        self._files = dict(files)
        self._manifest: dict[str, Entry] | None = None
        self.executable = executable & self._files.keys()
        self.links: Mapping[str, str] = dict(links or {})
        self.submodules: Mapping[str, str] = dict(submodules or {})

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> "Tree":
        """The tree itself, or one of plain files."""
        return files if isinstance(files, cls) else cls(files)

    def __getitem__(self, path: str) -> bytes:
        return self._files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __eq__(self, other: object) -> bool:
        """Whether all is equal; a mapping that is no tree holds plain files alone."""
        if not isinstance(other, Mapping):
            return NotImplemented
        tree = Tree.of(other)
        return self._parts() == tree._parts()

    __hash__ = None  # type: ignore[assignment]  # as of every mapping that is compared by its content

    def _parts(self) -> tuple[object, ...]:
        return self._files, self.executable, self.links, self.submodules

    def paths(self) -> list[str]:
        """Every path, sorted: files, links and submodules."""
        return sorted({*self._files, *self.links, *self.submodules})

    def manifest(self) -> dict[str, Entry]:
        """Path -> entry, sorted by path."""
        if self._manifest is None:
            self._manifest = {path: self._entry(path) for path in self.paths()}
        return dict(self._manifest)

    def _entry(self, path: str) -> Entry:
        if path in self._files:
            kind: Kind = "executable" if path in self.executable else "file"
            return Entry(kind=kind, digest=digest_of(self._files[path]))
        if path in self.links:
            return Entry(kind="link", target=self.links[path])
        return Entry(kind="submodule", target=self.submodules[path])

    def standing(self, path: str) -> tuple[Kind, bytes | str]:
        """Return the kind and content at a path; `deleted` where there is nothing. Two trees are compared by it."""
        if path in self._files:
            return "executable" if path in self.executable else "file", self._files[path]
        if path in self.links:
            return "link", self.links[path]
        return ("submodule", self.submodules[path]) if path in self.submodules else ("deleted", "")

    def changed_from(self, before: Mapping[str, bytes]) -> tuple[str, ...]:
        """Paths that were added, changed or removed since `before`, sorted."""
        former = Tree.of(before)
        paths = sorted({*self.paths(), *former.paths()})
        return tuple(path for path in paths if self.standing(path) != former.standing(path))

    def followed(self, path: str) -> bytes | None:
        """The content of the file that a path leads to when links are followed; None where there is none."""
        reached = resolved(path, self.links)
        return None if reached is None else self._files.get(reached)

    def with_tree(self, other: "Tree") -> "Tree":
        """Both trees in one; where both have something at a path, the other's stands there."""
        taken = frozenset(other.paths())
        left = self.kept(lambda path: path not in taken)
        return Tree(
            {**left._files, **other._files},
            executable=left.executable | other.executable,
            links={**left.links, **other.links},
            submodules={**left.submodules, **other.submodules},
        )

    def below(self, folder: str) -> "Tree":
        """Return this tree in a folder."""
        return Tree(
            {f"{folder}/{path}": content for path, content in self._files.items()},
            executable=frozenset(f"{folder}/{path}" for path in self.executable),
            links={f"{folder}/{path}": target for path, target in self.links.items()},
            submodules={f"{folder}/{path}": commit for path, commit in self.submodules.items()},
        )

    def kept(self, wanted: Callable[[str], bool]) -> "Tree":
        """The tree with those paths alone of which `wanted` is true."""
        return Tree(
            {path: content for path, content in self._files.items() if wanted(path)},
            executable=self.executable,
            links={path: target for path, target in self.links.items() if wanted(path)},
            submodules={path: commit for path, commit in self.submodules.items() if wanted(path)},
        )

    def with_files(self, files: Mapping[str, bytes]) -> "Tree":
        """The tree with these contents. A file keeps its mode; a link or a submodule gives way to a plain file."""
        left = self.kept(lambda path: path in self._files or path not in files)
        return Tree({**left._files, **files}, executable=self.executable, links=left.links, submodules=left.submodules)
