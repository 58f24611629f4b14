"""Reader of a base commit's tree from a local repository: files, modes, links and submodules. It makes no checkout."""

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from domain.errors import Invalid, LimitReached, NotFound
from domain.tree import Tree
from verification.requirements.link_rules import behind_link, text_fault
from verification.requirements.model import Base, Requirement
from verification.requirements.scope import path_fault
from verification.tree_limits import FILE_BYTES_MAX, FOLDERS_DEPTH_MAX, TREE_BYTES_MAX, TREE_FILES_MAX

if TYPE_CHECKING:
    from dulwich.objects import Commit
    from dulwich.repo import Repo

TAGS_MAX = 8  # maximum length of a chain of tags that name other tags


class BaseTree(NamedTuple):
    """A base commit with its files. `repo` is an absolute path, `commit` the hex id of the commit."""

    repo: str
    commit: str
    files: Tree


def read_base(base: Base, folder: Path) -> BaseTree:
    """Return the tree of `base`. The path `base.repo` is relative to `folder`.

    Raises NotFound for a missing repository, ref or object. Raises Invalid for invalid names, and for links that lead
    out of the tree. Raises LimitReached if the tree is too large. Each message names the path.
    """
    from dulwich.errors import NotGitRepository
    from dulwich.repo import Repo

    path = folder / os.path.expanduser(base.repo)
    try:
        repo = Repo(str(path))
    except (NotGitRepository, OSError, ValueError) as error:
        raise NotFound(
            f"there is no git repository at {path}", hint="Write the path of a clone in base.repo."
        ) from error
    with repo:
        commit = _commit(repo, base, path)
        return BaseTree(str(path.resolve()), commit.id.decode("ascii"), _Walk(repo).tree_of(commit))


def base_of(requirement: Requirement, folder: Path) -> BaseTree | None:
    """Return the base of a requirement; None if it has no base. Check that no scope leads through a link of the base.

    The base's path is relative to `folder`. Raises the errors of `read_base`, and Invalid for a scope through a link.
    """
    if requirement.base is None:
        return None
    base = read_base(requirement.base, folder)
    for pattern in dict.fromkeys([*requirement.scope, *(one for task in requirement.tasks for one in task.scope)]):
        if (other := behind_link(pattern, base.files)) is not None:
            raise Invalid(
                f"The scope {pattern!r} begins with a link of the base.",
                hint=f'Write "{other}" instead: the link leads there.',
                code="scope_behind_link",
            )
    return base


def _commit(repo: "Repo", base: Base, path: Path) -> "Commit":
    """Return the commit that `base.ref` names: a branch, a tag, a remote branch or a commit id, tried in this order."""
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
    hint = f"Write a branch, tag or full commit id in base.ref. The branches are: {known or 'none yet'}."
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
    """Reader of one tree. It checks the limits of trees."""

    def __init__(self, repo: "Repo") -> None:
        self.repo = repo
        self.files: dict[str, bytes] = {}
        self.executable: set[str] = set()
        self.links: dict[str, str] = {}
        self.submodules: dict[str, str] = {}
        self.bytes = 0

    def tree_of(self, commit: "Commit") -> Tree:
        self.folder(commit.tree, "", 0)
        tree = Tree(self.files, executable=frozenset(self.executable), links=self.links, submodules=self.submodules)
        for path in sorted(tree.links):
            if (fault := text_fault(path, tree)) is not None:
                raise Invalid(
                    f"{path} in the base {fault}",
                    hint="Start from a commit where this path is a file or does not exist.",
                )
        return tree

    def folder(self, digest: bytes, prefix: str, depth: int) -> None:
        from dulwich.objects import S_ISGITLINK
        from dulwich.objects import Tree as Folder

        folder = self.object(digest, prefix or "the root folder")
        if not isinstance(folder, Folder):
            raise Invalid(
                f"{prefix or 'the root folder'} is not a folder in the base", hint="Repair the repository: git fsck."
            )
        if depth > FOLDERS_DEPTH_MAX:
            raise LimitReached(
                f"{prefix} in the base is nested deeper than {FOLDERS_DEPTH_MAX} folders",
                hint="Start from a smaller base.",
            )
        for entry in folder.items():
            path = self.path(prefix, entry.path)
            if stat.S_ISDIR(entry.mode):
                self.folder(entry.sha, f"{path}/", depth + 1)
                continue
            self.count(path)
            if S_ISGITLINK(entry.mode):
                self.submodules[path] = entry.sha.decode("ascii")
            elif stat.S_ISLNK(entry.mode):
                self.links[path] = self.text(entry.sha, path)
            elif stat.S_ISREG(entry.mode):
                self.files[path] = self.content(entry.sha, path)
                self.executable |= {path} if entry.mode & 0o111 else set()
            else:
                raise Invalid(
                    f"{path} in the base has the unknown mode {entry.mode:o}", hint="Repair the repository: git fsck."
                )

    def count(self, path: str) -> None:
        if len(self.files) + len(self.links) + len(self.submodules) >= TREE_FILES_MAX:
            raise LimitReached(
                f"the base has more than {TREE_FILES_MAX} files; the limit is reached at {path}",
                hint="Start from a smaller base.",
            )

    def text(self, digest: bytes, path: str) -> str:
        try:
            return self.content(digest, path).decode("utf-8")
        except UnicodeDecodeError as error:
            text = f"{path} in the base is a link with a target that is not UTF-8"
            raise Invalid(text, hint="Create the link again.") from error

    def path(self, prefix: str, name: bytes | None) -> str:
        hint = "Rename it in the base repository, or start from another commit."
        try:
            path = prefix + (name or b"").decode("utf-8")
        except UnicodeDecodeError as error:
            raise Invalid(f"the base contains a name that is not UTF-8: {name!r}", hint=hint) from error
        if b"/" in (name or b"") or (fault := path_fault(path)) is not None:
            raise Invalid(
                f"the base contains a path that {'has / in a name' if b'/' in (name or b'') else fault}: {path!r}",
                hint=hint,
            )
        return path

    def content(self, digest: bytes, path: str) -> bytes:
        from dulwich.objects import Blob

        blob = self.object(digest, path)
        if not isinstance(blob, Blob):
            raise Invalid(f"{path} is not a file in the base", hint="Repair the repository: git fsck.")
        content = blob.as_raw_string()
        self.bytes += len(content)
        if len(content) > FILE_BYTES_MAX:
            raise LimitReached(
                f"{path} in the base is larger than {FILE_BYTES_MAX} bytes", hint="Remove the file from the base."
            )
        if self.bytes > TREE_BYTES_MAX:
            raise LimitReached(
                f"the base is larger than {TREE_BYTES_MAX} bytes; the limit is reached at {path}",
                hint="Start from a smaller base.",
            )
        return content

    def object(self, digest: bytes, path: str) -> object:
        from dulwich.objects import ObjectID

        try:
            return self.repo[ObjectID(digest)]
        except KeyError as error:
            hint = "Complete the clone (git fetch --unshallow), or repair it (git fsck)."
            raise NotFound(f"the repository does not have the content of {path}", hint=hint) from error
