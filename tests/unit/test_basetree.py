"""A base commit is read from a local repository, by branch, tag or commit id. Unsupported entries are named."""

from pathlib import Path

import pytest
from dulwich.objects import Blob, Commit, ObjectID, Tree
from dulwich.repo import Repo

from domain.errors import Invalid, LimitReached, NotFound
from verification.requirements import base_tree
from verification.requirements.base_tree import read_base
from verification.requirements.model import Base

FILE, PROGRAM, LINK, MODULE = 0o100644, 0o100755, 0o120000, 0o160000


def commit(path: Path, *entries: tuple[bytes, int, bytes], folder: bytes | None = None) -> str:
    """Make a repository at `path` with one commit on main. It contains the entries, in `folder` if given."""
    repo = Repo.init(str(path), mkdir=not path.exists())
    tree = Tree()
    for name, mode, content in entries:
        blob = Blob.from_string(content)
        repo.object_store.add_object(blob)
        tree.add(name, mode, ObjectID(content) if mode == MODULE else blob.id)
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
        with pytest.raises(NotFound, match="The branches are: main"):
            read_base(Base(repo="site", ref=ref), tmp_path)
    (tmp_path / "new").mkdir()
    Repo.init(str(tmp_path / "new")).close()
    with pytest.raises(NotFound, match="none yet"):
        read_base(Base(repo="new"), tmp_path)


@pytest.mark.parametrize(
    ("name", "mode", "said"),
    [
        (b"..", FILE, "leaves the project"),
        (b".git", FILE, "contains the name .git"),
        (b"a\\b", FILE, "backslash"),
        (b"\xff", FILE, "not UTF-8"),
    ],
)
def test_only_plain_names_are_carried(tmp_path: Path, name: bytes, mode: int, said: str) -> None:
    commit(tmp_path / "bad", (name, mode, b"x"), folder=b"src")
    with pytest.raises(Invalid, match=said):
        read_base(Base(repo="bad"), tmp_path)
    commit(tmp_path / "good", (b"plain", FILE, b"x"), folder=b"src")
    assert dict(read_base(Base(repo="good"), tmp_path).files) == {"src/plain": b"x"}


def test_modes_links_and_submodules_are_read(tmp_path: Path) -> None:
    commit(
        tmp_path / "site",
        (b"a.py", FILE, b"a"),
        (b"later", LINK, b"made/by/a/build"),
        (b"latest", LINK, b"../src/a.py"),
        (b"lib", MODULE, b"1" * 40),
        (b"run", PROGRAM, b"r"),
        folder=b"src",
    )
    files = read_base(Base(repo="site"), tmp_path).files
    assert dict(files) == {"src/a.py": b"a", "src/run": b"r"}
    assert files.executable == {"src/run"}
    assert files.links == {"src/latest": "../src/a.py", "src/later": "made/by/a/build"}
    assert files.submodules == {"src/lib": "1" * 40}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"/etc/passwd", "absolute path"),
        (b"../../a", "leads out of the tree"),
        (b"link", "cycle"),
        (b"\xff", "not UTF-8"),
        (b"a\nb", "unprintable"),
        (b"x" * 401, "too long"),
    ],
)
def test_a_link_that_cannot_be_carried_is_named(tmp_path: Path, text: bytes, said: str) -> None:
    commit(tmp_path / "bad", (b"a", FILE, b""), (b"link", LINK, text), folder=b"src")
    with pytest.raises(Invalid, match=f"src/link in the base is a link .*{said}"):
        read_base(Base(repo="bad"), tmp_path)
    commit(tmp_path / "good", (b"a", FILE, b""), (b"link", LINK, b"a"), folder=b"src")
    assert read_base(Base(repo="good"), tmp_path).files.links == {"src/link": "a"}


def test_limits_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(tmp_path / "site", (b"a", FILE, b"12345"), (b"b", FILE, b"12345"))
    for name, limit, said in (
        ("FILE_BYTES_MAX", 4, "a in the base is larger than 4 bytes"),
        ("TREE_BYTES_MAX", 9, "larger than 9 bytes; the limit is reached at b"),
        ("TREE_FILES_MAX", 1, "more than 1 files; the limit is reached at b"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(base_tree, name, limit)
            with pytest.raises(LimitReached, match=said):
                read_base(Base(repo="site"), tmp_path)
    assert len(read_base(Base(repo="site"), tmp_path).files) == 2
