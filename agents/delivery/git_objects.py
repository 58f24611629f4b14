"""Git objects and files for `repository.py`. Only modules in this folder import dulwich. They import it only when they
need it, because the import is slow.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from stat import S_ISREG

import msgspec
from dulwich.errors import NotGitRepository
from dulwich.index import (
    build_index_from_tree,
    commit_tree,
    validate_path_element_hfs,
    validate_path_element_ntfs,
)
from dulwich.object_store import MemoryObjectStore, iter_tree_contents
from dulwich.objects import Blob, Commit, ObjectID, ShaFile
from dulwich.objectspec import parse_commit
from dulwich.refs import Ref, check_ref_format
from dulwich.repo import Repo

from agents.delivery.base_history import copy_history
from agents.delivery.commit_plan import CommitPlan
from domain.errors import Invalid, NotFound
from domain.tree import Tree

IDENTITY = b"Aura Orchestra <aura@localhost>"
MODE_FILE = 0o100644
MODE_EXECUTABLE = 0o100755
MODE_LINK = 0o120000
MODE_SUBMODULE = 0o160000
PATH_BYTES_MAX = 1024
NAME_BYTES_MAX = 255
_TRAILER = re.compile(r"[A-Za-z][A-Za-z0-9-]*", re.ASCII)

Entries = dict[bytes, tuple[int, ObjectID]]  # path -> mode, id of blob, link or submodule


class Start(msgspec.Struct, frozen=True):
    """An opened base: its repository, the commit to start from and the ref that the caller named."""

    repo: Repo
    commit_id: ObjectID
    ref: str
    entries: Entries


class Composed(msgspec.Struct, frozen=True):
    """All new objects of a delivery, in memory, and the last commit: its id, its tree and the tree's entries."""

    objects: Mapping[ObjectID, ShaFile]
    head: ObjectID
    tree: ObjectID
    entries: Entries


class _Made(MemoryObjectStore):
    """An object store that does not copy objects, because no object changes after it was added."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[ObjectID, ShaFile] = {}

    def add_object(self, obj: ShaFile) -> None:
        self.objects.setdefault(obj.id, obj)


@contextmanager
def opened_base(path: Path | None, ref: str) -> Iterator[Start | None]:
    """Open a base for reading. Yield None if `path` is None. Raises Invalid if the path is not a repository or if the
    repository does not have the ref.
    """
    if path is None:
        yield None
        return
    try:
        repo = Repo(str(path))
    except NotGitRepository as error:
        raise Invalid(
            f"{path} is not a git repository.", hint="Write the top folder of a repository in `base: {repo: …}`."
        ) from error
    with closing(repo):
        try:
            commit = parse_commit(repo, ref)
        except (KeyError, ValueError) as error:
            heads = sorted(name.decode(errors="replace") for name in repo.refs.subkeys(Ref(b"refs/heads")))
            hint = f"Its branches are: {', '.join(heads[:10])}." if heads else "It has no branch yet: commit first."
            raise Invalid(f"{path} has no branch, tag or commit {ref!r}.", hint=hint) from error
        yield Start(repo, commit.id, ref, _entries_of(repo, commit))


def _entries_of(repo: Repo, commit: Commit) -> Entries:
    found: Entries = {}
    for entry in iter_tree_contents(repo.object_store, commit.tree):
        found[entry.path] = (entry.mode, entry.sha)
    return found


def files_of(start: Start) -> dict[str, bytes]:
    """Return path -> content of the regular files. Path bytes that are not UTF-8 become surrogate escapes."""
    files: dict[str, bytes] = {}
    for path, (mode, sha) in start.entries.items():
        blob = start.repo.object_store[sha] if S_ISREG(mode) else None
        if isinstance(blob, Blob):
            files[path.decode("utf-8", "surrogateescape")] = blob.data
    return files


def compose(commits: Sequence[CommitPlan], start: Start | None) -> Composed:
    """Return the blobs, trees and commits of the plan, on top of the base if there is a base."""
    store = _Made()
    parents = [start.commit_id] if start else []
    tree = head = ObjectID(b"")
    entries: Entries = {}
    for plan in commits:
        entries = _overlay(start.entries if start else {}, plan, store)
        tree = commit_tree(store, [(path, sha, mode) for path, (mode, sha) in sorted(entries.items())])
        commit = _commit(plan, tree, parents)
        store.add_object(commit)
        head = commit.id
        parents = [head]
    return Composed(store.objects, head, tree, entries)


def _overlay(base: Entries, plan: CommitPlan, store: _Made) -> Entries:
    """Return the base's entries after the changes of the plan. Paths that are not in the plan keep their bytes and
    mode.
    """
    entries = dict(base)
    for path in plan.deleted:
        entries.pop(checked_path(path), None)
    for path in sorted(plan.files):
        key = checked_path(path)
        entries[key] = (_mode(path, plan.files, base.get(key)), _stored(plan.files[path], store))
    if isinstance(plan.files, Tree):
        for path, text in plan.files.links.items():
            entries[checked_path(path)] = (MODE_LINK, _stored(text.encode(), store))
        for path, commit in plan.files.submodules.items():
            entries[checked_path(path)] = (MODE_SUBMODULE, ObjectID(commit.encode()))
    for key in entries:
        parts = key.split(b"/")
        for depth in range(1, len(parts)):
            if (above := b"/".join(parts[:depth])) in entries:
                raise Invalid(
                    f"{above.decode(errors='replace')} is a file or a link and also the folder of"
                    f" {key.decode(errors='replace')}.",
                    hint="Give one of them another name.",
                )
    return entries


def _mode(path: str, files: Mapping[str, bytes], former: tuple[int, ObjectID] | None) -> int:
    """Return the mode of a file: from `files` if this is a Tree, otherwise from the base."""
    if isinstance(files, Tree):
        return MODE_EXECUTABLE if path in files.executable else MODE_FILE
    if former is None:
        return MODE_FILE
    if not S_ISREG(former[0]):
        raise Invalid(f"{path} is a link or a submodule of the base.", hint="Write a file with another name.")
    return former[0]


def _stored(content: bytes, store: _Made) -> ObjectID:
    blob = Blob.from_string(content)
    store.add_object(blob)
    return blob.id


def checked_path(path: str) -> bytes:
    """Return a path in the form that git stores.

    Raises Invalid if the path is absolute, outside the tree, inside git's own folder, or not portable text.
    """
    hint = "Write relative paths with forward slashes, such as src/slugify.py."
    try:
        raw = path.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Invalid(f"The path {path!r} is not UTF-8 text.", hint=hint) from error
    control = not path.isprintable() and any(unicodedata.category(sign) == "Cc" for sign in path)
    if len(raw) > PATH_BYTES_MAX or "\\" in path or control:
        raise Invalid(f"{path[:80]!r} cannot be a path in a delivery.", hint=hint)
    for part in raw.split(b"/"):
        if part in (b"", b".", b"..") or len(part) > NAME_BYTES_MAX:
            raise Invalid(f"{path[:80]!r} is not a path inside the delivery.", hint=hint)
        if not validate_path_element_ntfs(part) or not validate_path_element_hfs(part):
            raise Invalid(f"{path[:80]!r} is a path in git's own folder.", hint="Use another name than .git.")
    return raw


def _commit(plan: CommitPlan, tree: ObjectID, parents: list[ObjectID]) -> Commit:
    lines = []
    for key, value in plan.trailers:
        if not _TRAILER.fullmatch(key) or not value.strip() or "\n" in value or "\0" in value:
            raise Invalid(
                f"{key!r}: {value!r} cannot be a trailer.", hint="Write a key like Word-Word and a value of one line."
            )
        lines.append(f"{key}: {value.strip()}\n")
    message = plan.message.replace("\0", "").strip()
    commit = Commit()
    commit.tree = tree
    commit.parents = parents
    commit.author = commit.committer = IDENTITY
    commit.author_time = commit.commit_time = plan.at_us // 1_000_000
    commit.author_timezone = commit.commit_timezone = 0
    commit.message = f"{message}\n{chr(10) if lines else ''}{''.join(lines)}".encode()
    return commit


def write(
    folder: Path,
    composed: Composed,
    branch: Ref,
    start: Start,
    beside: Iterable[ShaFile] = (),
    refs: Mapping[Ref, ObjectID] | None = None,
) -> None:
    """Create the repository on a base, in a folder that does not exist yet, and check out its work tree.

    `beside`: additional objects. `refs`: additional refs.
    """
    with closing(Repo.init(str(folder), mkdir=True, default_branch=branch.removeprefix(b"refs/heads/"))) as repo:
        copy_history(start.repo, start.commit_id, start.ref, repo)
        new = [item for item in (*composed.objects.values(), *beside) if item.id not in repo.object_store]
        repo.object_store.add_objects([(item, None) for item in new])
        for name, commit in {**(refs or {}), branch: composed.head}.items():
            repo.refs[name] = commit
        repo.refs.set_symbolic_ref(Ref(b"HEAD"), branch)
        build_index_from_tree(repo.path, repo.index_path(), repo.object_store, composed.tree)


def branch_ref(branch: str) -> Ref:
    """Return refs/heads/BRANCH. Raises Invalid if git does not accept the branch name."""
    ref = Ref(f"refs/heads/{branch}".encode())
    if branch.startswith("-") or not check_ref_format(ref):
        raise Invalid(f"{branch!r} cannot be the name of a branch.", hint="Write letters, digits, hyphens and slashes.")
    return ref


def tag_name(name: str) -> str:
    """Return the name unchanged. Raises Invalid if git does not accept the name."""
    if name.startswith("-") or not check_ref_format(Ref(f"refs/tags/{name}".encode())):
        raise Invalid(f"{name!r} cannot be the name of a tag.", hint="Write letters, digits and hyphens.")
    return name


def read_tag(folder: Path, name: str) -> str | None:
    """Return the hex id in refs/tags/NAME, or None if there is no such tag."""
    with closing(_opened(folder)) as repo:
        ref = Ref(f"refs/tags/{tag_name(name)}".encode())
        return repo.refs[ref].decode() if ref in repo.refs else None


def require_commit(folder: Path, commit: str) -> None:
    """Raise NotFound if the repository has no commit with this id."""
    if not has_commit(folder, commit.encode()):
        raise NotFound(f"{folder} has no commit {commit!r}.", hint="Use the commit id in the delivery's event.")


def has_commit(folder: Path, commit: bytes) -> bool:
    """Return whether the folder is a repository that contains the commit."""
    try:
        repo = Repo(str(folder))
    except NotGitRepository:
        return False
    with closing(repo):
        known = re.fullmatch(rb"[0-9a-f]{40}", commit) and ObjectID(commit) in repo.object_store
        return bool(known) and isinstance(repo.object_store[ObjectID(commit)], Commit)


def control_folder(folder: Path) -> Path:
    """Return git's own folder of a repository. Raises NotFound if the folder is not a repository."""
    with closing(_opened(folder)) as repo:
        return Path(repo.controldir())


def _opened(folder: Path) -> Repo:
    try:
        return Repo(str(folder))
    except NotGitRepository as error:
        raise NotFound(f"{folder} is not a git repository.", hint="Name the folder of a delivery.") from error
