"""A tree of files: its manifest, its digest and its contents.

A manifest of version 1 maps a path to the hex sha256 of its content. A manifest of version 2 maps a path to an entry:
a file, an executable, a link, a submodule, or `deleted`. Only a difference between two trees has `deleted` entries.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import msgspec

from domain.errors import Invalid
from domain.tree_links import resolved

Kind = Literal["file", "executable", "link", "submodule", "deleted"]
ALGORITHM = "auraTree2"
"""Digest algorithm for a manifest of version 2. It is also the prefix of a tree's name: `auraTree2:HEX`."""
FORMER_ALGORITHM = "auraTree"
"""Digest algorithm for a manifest of version 1. The tree's name is then only the hex digest."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The entry at one path.

    `digest`: hex sha256 of the content of a file or an executable. `target`: the text of a link, or the commit id of a
    submodule.
    """

    kind: Kind
    digest: str = ""
    target: str = ""

    @property
    def is_file(self) -> bool:
        """Whether the entry has content: it is a file or an executable."""
        return self.kind in ("file", "executable")


Manifest = Mapping[str, Entry]
DELETED = Entry(kind="deleted")


def digest_of(content: bytes) -> str:
    """Return the hex sha256 of one blob."""
    return hashlib.sha256(content).hexdigest()


def manifest_of(files: Mapping[str, bytes]) -> dict[str, Entry]:
    """Map each path of a tree, or of plain files, to its entry, sorted by path."""
    return Tree.of(files).manifest()


def from_version_1(manifest: Mapping[str, str]) -> dict[str, Entry]:
    """Convert a manifest of version 1 (path -> hex sha256) to version 2. Version 1 had only plain files."""
    return {path: Entry(kind="file", digest=digest) for path, digest in manifest.items()}


def contents_of(manifest: Manifest) -> dict[str, str]:
    """Map each path with content to its hex sha256."""
    return {path: entry.digest for path, entry in manifest.items() if entry.is_file}


def overlay(manifest: Manifest, difference: Manifest) -> dict[str, Entry]:
    """Apply a difference to a manifest and return the result. The result has no `deleted` entries."""
    combined = {**manifest, **difference}
    return {path: combined[path] for path in sorted(combined) if combined[path].kind != "deleted"}


def difference_between(before: Manifest, after: Manifest) -> dict[str, Entry]:
    """Return the difference that turns the first manifest into the second. A removed path is `deleted`."""
    changed = {path: entry for path, entry in after.items() if before.get(path) != entry}
    changed |= {path: DELETED for path in before if path not in after}
    return {path: changed[path] for path in sorted(changed)}


def tree_digest(manifest: Manifest, algorithm: str = ALGORITHM) -> str:
    """Return the name of a whole tree. Names of different algorithms are never equal.

    auraTree2: `auraTree2:` and the hex sha256 of `auraTree2`, a zero byte and the manifest as canonical JSON (sorted
    keys, no spaces, no empty fields). auraTree: the hex sha256 of the map of paths to content digests as canonical
    JSON, without a prefix. Raises Invalid if auraTree cannot name the tree, or if the algorithm is unknown.
    """
    if any(entry.kind == "deleted" for entry in manifest.values()):
        raise ValueError("a difference is not a tree: apply it to a manifest first")
    if algorithm == FORMER_ALGORITHM:
        odd = next((path for path, entry in manifest.items() if not entry.is_file), None)
        if odd is not None:
            raise Invalid(f"{odd} is a {manifest[odd].kind}, but {FORMER_ALGORITHM} can name only files.")
        return digest_of(msgspec.json.encode(contents_of(manifest), order="sorted"))
    if algorithm != ALGORITHM:
        raise Invalid(f"There is no algorithm {algorithm!r} for the digest of a tree.")
    body = msgspec.json.encode(dict(manifest), order="sorted")
    return f"{ALGORITHM}:{digest_of(ALGORITHM.encode() + bytes(1) + body)}"


def algorithm_of(tree: str) -> str:
    """Return the digest algorithm of a tree's name."""
    return tree.rpartition(":")[0] or FORMER_ALGORITHM


def hex_of(tree: str) -> str:
    """Return only the hex digest of a tree's name."""
    return tree.rpartition(":")[2]


def tree_text(algorithm: str, hex_digest: str) -> str:
    """Return the tree's name from an algorithm and a hex digest."""
    return hex_digest if algorithm == FORMER_ALGORITHM else f"{algorithm}:{hex_digest}"


class Tree(Mapping[str, bytes]):
    """The contents of a tree. As a mapping it gives path -> content of its files, including executables.

    `executable` names the executable files. `links` maps a path to the text of a link. `submodules` maps a path to a
    commit id. A tree is immutable.
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
        """Return the argument if it is a tree, otherwise a tree of plain files."""
        return files if isinstance(files, cls) else cls(files)

    def __getitem__(self, path: str) -> bytes:
        return self._files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __eq__(self, other: object) -> bool:
        """Compare all contents. A mapping that is not a tree counts as a tree of plain files."""
        if not isinstance(other, Mapping):
            return NotImplemented
        tree = Tree.of(other)
        return self._parts() == tree._parts()

    __hash__ = None  # type: ignore[assignment]  # like every mapping that is compared by content

    def _parts(self) -> tuple[object, ...]:
        return self._files, self.executable, self.links, self.submodules

    def paths(self) -> list[str]:
        """Return every path, sorted: files, links and submodules."""
        return sorted({*self._files, *self.links, *self.submodules})

    def manifest(self) -> dict[str, Entry]:
        """Map each path to its entry, sorted by path."""
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
        """Return kind and content at a path, to compare two trees. The kind is `deleted` if the path has no entry."""
        if path in self._files:
            return "executable" if path in self.executable else "file", self._files[path]
        if path in self.links:
            return "link", self.links[path]
        return ("submodule", self.submodules[path]) if path in self.submodules else ("deleted", "")

    def changed_from(self, before: Mapping[str, bytes]) -> tuple[str, ...]:
        """Return the paths that were added, changed or removed since `before`, sorted."""
        former = Tree.of(before)
        paths = sorted({*self.paths(), *former.paths()})
        return tuple(path for path in paths if self.standing(path) != former.standing(path))

    def followed(self, path: str) -> bytes | None:
        """Return the content of the file at a path, with links followed; None if there is no file."""
        reached = resolved(path, self.links)
        return None if reached is None else self._files.get(reached)

    def with_tree(self, other: "Tree") -> "Tree":
        """Return the union of both trees. If both have an entry at a path, the other tree's entry is used."""
        taken = frozenset(other.paths())
        left = self.kept(lambda path: path not in taken)
        return Tree(
            {**left._files, **other._files},
            executable=left.executable | other.executable,
            links={**left.links, **other.links},
            submodules={**left.submodules, **other.submodules},
        )

    def below(self, folder: str) -> "Tree":
        """Return this tree, moved into a folder."""
        return Tree(
            {f"{folder}/{path}": content for path, content in self._files.items()},
            executable=frozenset(f"{folder}/{path}" for path in self.executable),
            links={f"{folder}/{path}": target for path, target in self.links.items()},
            submodules={f"{folder}/{path}": commit for path, commit in self.submodules.items()},
        )

    def kept(self, wanted: Callable[[str], bool]) -> "Tree":
        """Return the tree with only those paths for which `wanted` returns True."""
        return Tree(
            {path: content for path, content in self._files.items() if wanted(path)},
            executable=self.executable,
            links={path: target for path, target in self.links.items() if wanted(path)},
            submodules={path: commit for path, commit in self.submodules.items() if wanted(path)},
        )

    def with_files(self, files: Mapping[str, bytes]) -> "Tree":
        """Return the tree with these contents. A file keeps its mode. A plain file replaces a link or a submodule."""
        left = self.kept(lambda path: path in self._files or path not in files)
        return Tree({**left._files, **files}, executable=self.executable, links=left.links, submodules=left.submodules)
