"""The tree of a base commit: every file by path, read from a local repository without checking it out."""

import contextlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from domain.errors import Invalid, LimitReached, NotFound
from verification.requirements.model import Base
from verification.requirements.scope import path_fault

if TYPE_CHECKING:
    from dulwich.objects import Commit
    from dulwich.repo import Repo

BASE_FILES_MAX = 10_000
BASE_FILE_BYTES_MAX = 4 << 20
BASE_BYTES_MAX = 64 << 20
BASE_DEPTH_MAX = 32  # nested folders
TAGS_MAX = 8  # tags that point to tags


class BaseTree(NamedTuple):
    """`repo` is an absolute path, `commit` the hex id that the files were read from."""

    repo: str
    commit: str
    files: Mapping[str, bytes]


def read_base(base: Base, folder: Path) -> BaseTree:
    """The files of `base`, whose `repo` is relative to `folder`.

    NotFound for a missing repository, ref or object; Invalid for links, submodules and odd names; LimitReached by size.
    """
    from dulwich.errors import NotGitRepository
    from dulwich.repo import Repo

    path = folder / os.path.expanduser(base.repo)
    try:
        repo = Repo(str(path))
    except (NotGitRepository, OSError, ValueError) as error:
        raise NotFound(
            f"there is no git repository at {path}", hint="Write the path of a clone as base.repo."
        ) from error
    with repo:
        commit = _commit(repo, base, path)
        return BaseTree(str(path.resolve()), commit.id.decode("ascii"), _Walk(repo).files_of(commit))


def _commit(repo: "Repo", base: Base, path: Path) -> "Commit":
    """The commit that a branch, tag, remote branch or commit id names, in that order."""
    from dulwich.objects import Commit, ObjectID, Tag
    from dulwich.refs import Ref

    ref = base.ref.encode()
    found: bytes | None = None
    for name in (b"refs/heads/" + ref, b"refs/tags/" + ref, b"refs/remotes/" + ref, ref):
        if name.startswith((b"refs/", b"HEAD")):
            with contextlib.suppress(KeyError):
                found = repo.refs[Ref(name)]
                break
    if found is None and len(ref) == 40 and not set(ref) - set(b"0123456789abcdef"):
        found = ref
    known = ", ".join(
        sorted(name.decode("utf-8", "replace")[11:] for name in repo.get_refs() if name.startswith(b"refs/heads/"))[:10]
    )
    hint = f"Write a branch, tag or full commit id as base.ref; the branches are: {known or 'none yet'}."
    try:
        thing = repo[ObjectID(found)] if found is not None else None
        for _ in range(TAGS_MAX):
            if isinstance(thing, Tag):
                thing = repo[thing.object[1]]
    except (KeyError, ValueError) as error:
        raise NotFound(f"{path} has no commit {base.ref}", hint=hint) from error
    if not isinstance(thing, Commit):
        raise NotFound(f"{path} has no branch, tag or commit {base.ref}", hint=hint)
    return thing


class _Walk:
    """Reads one tree within the limits."""

    def __init__(self, repo: "Repo") -> None:
        self.repo = repo
        self.files: dict[str, bytes] = {}
        self.bytes = 0

    def files_of(self, commit: "Commit") -> dict[str, bytes]:
        self.tree(commit.tree, "", 0)
        return self.files

    def tree(self, digest: bytes, prefix: str, depth: int) -> None:
        from dulwich.objects import Tree

        tree = self.object(digest, prefix or "the root folder")
        if not isinstance(tree, Tree):
            raise Invalid(
                f"{prefix or 'the root folder'} is not a folder in the base", hint="Repair the repository: git fsck."
            )
        if depth > BASE_DEPTH_MAX:
            raise LimitReached(
                f"the base nests folders deeper than {BASE_DEPTH_MAX}", hint="Start from a smaller base."
            )
        for entry in tree.items():
            path = self.path(prefix, entry.path)
            if stat.S_ISDIR(entry.mode):
                self.tree(entry.sha, f"{path}/", depth + 1)
            elif stat.S_ISREG(entry.mode):
                self.file(entry.sha, path)
            else:
                what = "a link" if stat.S_ISLNK(entry.mode) else "a submodule or special file"
                hint = "Start from a commit with plain files and folders alone."
                raise Invalid(f"the base holds {what}: {path}", hint=hint)

    def path(self, prefix: str, name: bytes | None) -> str:
        hint = "Rename it in the base repository, or start from another commit."
        try:
            path = prefix + (name or b"").decode("utf-8")
        except UnicodeDecodeError as error:
            raise Invalid(f"the base holds a name that is not UTF-8: {name!r}", hint=hint) from error
        if b"/" in (name or b"") or (fault := path_fault(path)) is not None:
            raise Invalid(
                f"the base holds a path that {'is not one name' if b'/' in (name or b'') else fault}: {path!r}",
                hint=hint,
            )
        return path

    def file(self, digest: bytes, path: str) -> None:
        from dulwich.objects import Blob

        blob = self.object(digest, path)
        if not isinstance(blob, Blob):
            raise Invalid(f"{path} is not a file in the base", hint="Repair the repository: git fsck.")
        content = blob.as_raw_string()
        self.bytes += len(content)
        if len(content) > BASE_FILE_BYTES_MAX:
            raise LimitReached(
                f"{path} in the base is larger than {BASE_FILE_BYTES_MAX} bytes", hint="Leave it out of the base."
            )
        if self.bytes > BASE_BYTES_MAX or len(self.files) >= BASE_FILES_MAX:
            limits = f"{BASE_FILES_MAX} files and {BASE_BYTES_MAX} bytes"
            raise LimitReached(f"the base is larger than {limits}", hint="Start from a smaller base.")
        self.files[path] = content

    def object(self, digest: bytes, path: str) -> object:
        from dulwich.objects import ObjectID

        try:
            return self.repo[ObjectID(digest)]
        except KeyError as error:
            hint = "The clone is not complete: git fetch --unshallow, or git fsck."
            raise NotFound(f"the base lacks the content of {path}", hint=hint) from error
