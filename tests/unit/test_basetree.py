"""A base commit is read from a local repository: plain files alone, by branch, tag or commit id."""

from pathlib import Path

import pytest
from dulwich.objects import Blob, Commit, Tree
from dulwich.repo import Repo

from domain.errors import Invalid, LimitReached, NotFound
from verification.requirements import base_tree
from verification.requirements.base_tree import read_base
from verification.requirements.model import Base

FILE, PROGRAM, LINK, MODULE = 0o100644, 0o100755, 0o120000, 0o160000


def commit(path: Path, *entries: tuple[bytes, int, bytes], folder: bytes | None = None) -> str:
    """A repository at `path` with one commit on main that holds the entries, below `folder` if given."""
    repo = Repo.init(str(path), mkdir=not path.exists())
    tree = Tree()
    for name, mode, content in entries:
        blob = Blob.from_string(content)
        repo.object_store.add_object(blob)
        tree.add(name, mode, blob.id)
    repo.object_store.add_object(tree)
    if folder is not None:
        outer = Tree()
        outer.add(folder, 0o040000, tree.id)
        repo.object_store.add_object(outer)
        tree = outer
    made = Commit()
    made.tree = tree.id
    made.author = made.committer = b"A <a@example.org>"
    made.author_time = made.commit_time = 0
    made.author_timezone = made.commit_timezone = 0
    made.message = b"base"
    repo.object_store.add_object(made)
    repo.refs[b"refs/heads/main"] = made.id  # type: ignore[index]  # a literal name
    repo.refs[b"refs/tags/v1"] = made.id  # type: ignore[index]  # a literal name
    repo.refs.set_symbolic_ref(b"HEAD", b"refs/heads/main")  # type: ignore[arg-type]  # literal names
    repo.close()
    return made.id.decode()


def test_files_by_branch_tag_and_commit(tmp_path: Path) -> None:
    made = commit(tmp_path / "site", (b"a.py", FILE, b"a"), (b"run", PROGRAM, b"r"), folder=b"src")
    for ref in ("main", "v1", made, "refs/heads/main", "HEAD"):
        base = read_base(Base(repo="site", ref=ref), tmp_path)
        assert base.commit == made
        assert dict(base.files) == {"src/a.py": b"a", "src/run": b"r"}
    assert read_base(Base(repo=str(tmp_path / "site")), Path("/")).commit == made


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    commit(tmp_path / "site", (b"a.py", FILE, b"a"))
    with pytest.raises(NotFound, match="no git repository"):
        read_base(Base(repo="elsewhere"), tmp_path)
    for ref in ("maim", "0" * 40, "a" * 39):
        with pytest.raises(NotFound, match="the branches are: main"):
            read_base(Base(repo="site", ref=ref), tmp_path)
    (tmp_path / "new").mkdir()
    Repo.init(str(tmp_path / "new")).close()
    with pytest.raises(NotFound, match="none yet"):
        read_base(Base(repo="new"), tmp_path)


@pytest.mark.parametrize(
    ("name", "mode", "said"),
    [
        (b"link", LINK, "a link"),
        (b"module", MODULE, "a submodule"),
        (b"..", FILE, "leaves the project"),
        (b".git", FILE, "reaches into .git"),
        (b"a\\b", FILE, "backslash"),
        (b"\xff", FILE, "not UTF-8"),
    ],
)
def test_only_plain_files_with_plain_names(tmp_path: Path, name: bytes, mode: int, said: str) -> None:
    commit(tmp_path / "bad", (name, mode, b"x"), folder=b"src")
    with pytest.raises(Invalid, match=said):
        read_base(Base(repo="bad"), tmp_path)
    commit(tmp_path / "good", (b"plain", FILE, b"x"), folder=b"src")
    assert dict(read_base(Base(repo="good"), tmp_path).files) == {"src/plain": b"x"}


def test_limits_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(tmp_path / "site", (b"a", FILE, b"12345"), (b"b", FILE, b"12345"))
    for name, limit in (("BASE_FILE_BYTES_MAX", 4), ("BASE_BYTES_MAX", 9), ("BASE_FILES_MAX", 1)):
        with monkeypatch.context() as patched:
            patched.setattr(base_tree, name, limit)
            with pytest.raises(LimitReached, match="larger than"):
                read_base(Base(repo="site"), tmp_path)
    assert len(read_base(Base(repo="site"), tmp_path).files) == 2
