"""A proof as git objects: notes on the delivered commit, or a separate branch. The same proof gives the same
objects.
"""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from dulwich.errors import NotGitRepository
from dulwich.index import commit_tree
from dulwich.object_store import MemoryObjectStore, iter_tree_contents
from dulwich.objects import Blob, Commit, ObjectID, ShaFile
from dulwich.refs import Ref
from dulwich.repo import Repo

from agents.delivery.commit_plan import ProofPlan
from agents.delivery.git_objects import IDENTITY, MODE_FILE, branch_ref, checked_path

NOTES = b"refs/notes/"


def proof_objects(plan: ProofPlan, head: ObjectID) -> tuple[list[ShaFile], dict[Ref, ObjectID]]:
    """Return the objects and the refs of a proof. `head`: the delivered commit."""
    store = MemoryObjectStore()
    refs: dict[Ref, ObjectID] = {}
    for name, note in sorted(plan.notes.items()):
        refs[Ref(NOTES + name.encode())] = _commit(store, {head: note}, "Notes on a delivery", plan.at_us)
    if plan.files:
        files = {checked_path(path): content for path, content in plan.files.items()}
        refs[branch_ref(plan.branch)] = _commit(store, files, "Proof of a delivery", plan.at_us)
    return [store[sha] for sha in store], refs


def _commit(store: MemoryObjectStore, files: Mapping[bytes, bytes], message: str, at_us: int) -> ObjectID:
    entries = []
    for path, content in sorted(files.items()):
        blob = Blob.from_string(content)
        store.add_object(blob)
        entries.append((path, blob.id, MODE_FILE))
    commit = Commit()
    commit.tree = commit_tree(store, entries)
    commit.parents = []
    commit.author = commit.committer = IDENTITY
    commit.author_time = commit.commit_time = at_us // 1_000_000
    commit.author_timezone = commit.commit_timezone = 0
    commit.message = f"{message}\n".encode()
    store.add_object(commit)
    return commit.id


def notes_on_head(folder: Path) -> dict[str, bytes]:
    """Return last part of each notes ref -> its note on the checked-out commit. Return {} if there is no repository.

    A fetch may have stored the refs below a prefix, so that the refs of several deliveries do not collide.
    """
    try:
        repo = Repo(str(folder))
    except NotGitRepository:
        return {}
    with closing(repo):
        try:
            head = repo.head()
        except KeyError:
            return {}
        paths = {head, head[:2] + b"/" + head[2:]}
        notes: dict[str, bytes] = {}
        for ref, sha in repo.get_refs().items():
            if ref.startswith(NOTES):
                for path, content in _files(repo, sha).items():
                    if path in paths:
                        notes[ref.rpartition(b"/")[2].decode("utf-8", "replace")] = content
        return notes


def proof_branch(folder: Path, ending: str) -> dict[str, bytes]:
    """Return the files of the branch whose name is the checked-out branch's name and this suffix, or {}."""
    try:
        repo = Repo(str(folder))
    except NotGitRepository:
        return {}
    with closing(repo):
        chain, _ = repo.refs.follow(Ref(b"HEAD"))
        sha = repo.get_refs().get(Ref(chain[-1] + ending.encode()))
        if sha is None:
            return {}
        return {path.decode("utf-8", "replace"): content for path, content in _files(repo, sha).items()}


def _files(repo: Repo, sha: ObjectID) -> dict[bytes, bytes]:
    commit = repo[sha]
    if not isinstance(commit, Commit):
        return {}
    found = {}
    for entry in iter_tree_contents(repo.object_store, commit.tree):
        blob = repo.object_store[entry.sha] if entry.mode == MODE_FILE else None
        if isinstance(blob, Blob):
            found[entry.path] = blob.data
    return found
