"""Working copies of a worker: laid out from the packs that an order names, and cached."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from agents.working_copies.cache import CopyCache
from agents.working_copies.control_folder import CONTROL, control_folder
from agents.working_copies.history import GitHistory, parse
from agents.working_copies.pack import Pack, decode, tree_with
from agents.working_copies.pack_contents import content_digests
from agents.working_copies.pack_limits import BASE_LIMITS
from agents.working_copies.tree_rules import PackRefused, check_tree, refused
from domain.errors import LimitReached
from domain.tree import Entry, Tree, digest_of, overlay
from verification.sandbox.base import WORK
from verification.sandbox.workfolder import WorkFolder

FORM = 1
"""Version of the stored form. Raise it when a working copy is laid out differently."""


class PackSource(Protocol):
    """A place of packs, such as the bucket of the manager."""

    async def get(self, name: str, bytes_max: int) -> bytes:
        """Return the bytes of a pack. Raises NotFound and Unavailable."""
        ...


class WorkingCopy(msgspec.Struct, frozen=True, kw_only=True):
    """The initial state of a session. `initial`: its files. `control`: the files of its `.git` folder.

    The difference of a session is a difference from `initial`.
    """

    initial: Tree
    control: Mapping[str, bytes]

    def whole(self) -> Tree:
        """Return all files with the `.git` folder, as a box gets them."""
        return self.initial.with_tree(Tree({f"{CONTROL}/{path}": content for path, content in self.control.items()}))

    def write_to(self, folder: Path) -> None:
        """Write a copy into an empty folder. Nothing in it is shared with the cache, not even an inode."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            WorkFolder({WORK: descriptor}).write(self.whole())
        finally:
            os.close(descriptor)


class CachedCopy(msgspec.Struct, frozen=True, kw_only=True):
    """A working copy as it is cached. `digests`: the digests of everything in it, for a purge (32 bytes each)."""

    files: dict[str, bytes]
    executable: tuple[str, ...]
    links: dict[str, str]
    submodules: dict[str, str]
    control: dict[str, bytes]
    digests: bytes

    def opened(self) -> WorkingCopy:
        tree = Tree(self.files, executable=frozenset(self.executable), links=self.links, submodules=self.submodules)
        return WorkingCopy(initial=tree, control=self.control)


cached_copy = msgspec.msgpack.Decoder(CachedCopy)


class WorkingCopies:
    """Lays out working copies. It fetches each pack once, as long as the cache has room."""

    def __init__(self, source: PackSource, cache: CopyCache) -> None:
        self._source = source
        self._cache = cache
        self._making = asyncio.Lock()

    async def open(self, names: Sequence[str]) -> WorkingCopy:
        """Return the working copy made of these packs: perhaps a base, then differences in the order of the plan.

        Without packs it is empty. Raises PackRefused, LimitReached, NotFound and Unavailable.
        """
        key = digest_of("\n".join([str(FORM), *names]).encode())
        if (known := await asyncio.to_thread(self._cached, key)) is not None:
            return known
        async with self._making:  # the others wait for the first, and find its copy in the cache
            if (known := await asyncio.to_thread(self._cached, key)) is not None:
                return known
            packs = [await self._pack(name) for name in names]
            made = await asyncio.to_thread(lay_out, packs)
            await asyncio.to_thread(self._cache.put, "copies", key, msgspec.msgpack.encode(made))
            return made.opened()

    async def base(self, name: str) -> Tree:
        """Return the tree of the base in the pack `name`. Raises the errors of `open`."""
        return (await self._pack(name)).tree()

    def _cached(self, key: str) -> WorkingCopy | None:
        stored = self._cache.get("copies", key)
        return None if stored is None else cached_copy.decode(stored).opened()

    async def _pack(self, name: str) -> Pack:
        stored = await asyncio.to_thread(self._cache.get, "packs", name)
        if stored is not None:
            try:
                return await asyncio.to_thread(decode, stored, name)
            except PackRefused:  # a file of another name
                await asyncio.to_thread(self._cache.remove, "packs", name)
        fetched = await self._source.get(name, BASE_LIMITS.bytes_max)
        pack = await asyncio.to_thread(decode, fetched, name)
        await asyncio.to_thread(self._cache.put, "packs", name, fetched)
        return pack


def lay_out(packs: Sequence[Pack]) -> CachedCopy:
    """Return the working copy of a base and of differences. Raises PackRefused and LimitReached."""
    base, history = Tree({}), None
    manifest: dict[str, Entry] = {}
    contents: dict[str, bytes] = {}
    for number, pack in enumerate(packs):
        if pack.kind == "base":
            if number:
                raise refused("a base can only be the first pack of a working copy")
            base = pack.tree()
            history = parse(pack.history, base) if pack.history else None
        manifest = overlay(manifest, pack.manifest)
        contents |= pack.contents
    check_tree(manifest)
    tree = tree_with(manifest, contents)
    _check_size(tree)
    return _cached_form(tree, control_folder(tree, base, history), packs, history)


def _cached_form(
    tree: Tree, control: dict[str, bytes], packs: Sequence[Pack], history: GitHistory | None
) -> CachedCopy:
    digests = {digest for pack in packs for digest in content_digests(pack, history)}
    return CachedCopy(
        files=dict(tree),
        executable=tuple(sorted(tree.executable)),
        links=dict(tree.links),
        submodules=dict(tree.submodules),
        control=control,
        digests=b"".join(map(bytes.fromhex, sorted(digests))),
    )


def _check_size(tree: Tree) -> None:
    size = sum(map(len, tree.values()))
    if len(tree.paths()) > BASE_LIMITS.entries_max or size > BASE_LIMITS.content_bytes_max:
        raise LimitReached(
            f"The working copy has {len(tree.paths())} entries with {size} bytes.",
            hint=f"The limits are {BASE_LIMITS.entries_max} entries and {BASE_LIMITS.content_bytes_max} bytes.",
        )
