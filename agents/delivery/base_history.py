"""The copy of a base's commit and its history into the repository of a delivery."""

from pathlib import Path

from dulwich.objects import ObjectID
from dulwich.refs import Ref
from dulwich.repo import Repo

from domain.errors import NotFound

BASE_ALONE = 1
"""The depth of a copy without the ancestors of the base."""


def copy_history(source: Repo, commit: ObjectID, ref: str, repo: Repo) -> None:
    """Fetch a commit with all its objects, and record the base as the remote `origin`, like git clone.

    A partial clone lacks objects of older commits. Then the repository becomes shallow: it has the commit alone. Raises
    NotFound if an object of the commit itself is missing.
    """
    if shallow := source.get_shallow():
        repo.update_shallow(shallow, None)
    try:
        _fetch(source, commit, repo, depth=None)
    except KeyError:
        _fetch_alone(source, commit, repo)
    config = repo.get_config()
    config.set((b"remote", b"origin"), b"url", str(Path(source.path).resolve()).encode())
    config.set((b"remote", b"origin"), b"fetch", b"+refs/heads/*:refs/remotes/origin/*")
    config.write_to_path()
    name = ref.encode()
    if Ref(b"refs/heads/" + name) in source.refs:
        repo.refs[Ref(b"refs/remotes/origin/" + name)] = commit


def _fetch_alone(source: Repo, commit: ObjectID, repo: Repo) -> None:
    try:
        _fetch(source, commit, repo, depth=BASE_ALONE)
    except KeyError as error:
        missing = error.args[0] if error.args else b""
        id = missing.decode("ascii", "replace") if isinstance(missing, bytes) else str(missing)
        raise NotFound(
            f"{source.path} lacks the object {id} of commit {commit.decode()}.",
            hint="It is a partial clone. Fetch the missing objects: git fetch --refetch --no-filter origin",
        ) from error


def _fetch(source: Repo, commit: ObjectID, repo: Repo, *, depth: int | None) -> None:
    source.fetch(repo, determine_wants=lambda *_: [commit], depth=depth)
