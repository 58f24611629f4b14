"""A repository that starts with its delivery equals the repository that dulwich would write, and git finds no fault."""

import os
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha1
from io import BytesIO
from pathlib import Path

import pytest
from dulwich.index import IndexEntry, build_index_from_tree
from dulwich.objects import Blob
from dulwich.pack import write_pack_index_v2
from dulwich.refs import Ref
from dulwich.repo import Repo

from agents.delivery import new_repository
from agents.delivery.git_objects import Composed, compose
from agents.delivery.repository import build_repository
from domain.errors import Invalid
from tests.unit.repositories import git, needs_git, plan

BRANCH = Ref(b"refs/heads/aura/of/it")
FILES: dict[str, bytes | None] = {
    "a.b": b"",
    "a/b/c.txt": os.urandom(70_000),
    "a/\N{LATIN SMALL LETTER E WITH ACUTE}": b"y",
    "run.sh": b"#!/bin/sh\n",
    ".gitignore": b"run.sh\n",
}


@contextmanager
def umask(bits: int) -> Iterator[None]:
    before = os.umask(bits)
    try:
        yield
    finally:
        os.umask(before)


def oracle(folder: Path, composed: Composed) -> None:
    """Write the repository with dulwich, step by step."""
    with closing(Repo.init(str(folder), mkdir=True, default_branch=BRANCH.removeprefix(b"refs/heads/"))) as repo:
        repo.object_store.add_objects([(item, None) for item in composed.objects.values()])
        repo.refs[BRANCH] = composed.head
        repo.refs.set_symbolic_ref(Ref(b"HEAD"), BRANCH)
        build_index_from_tree(repo.path, repo.index_path(), repo.object_store, composed.tree)


def seen(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return path -> mode and content of all files except the index, which contains inodes and times."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, b"" if path.is_dir() else path.read_bytes())
        for path in folder.rglob("*")
        if path != folder / ".git" / "index"
    }


@pytest.mark.parametrize("bits", [0o022, 0o077, 0o002])
def test_every_file_and_mode_is_what_dulwich_writes(tmp_path: Path, bits: int) -> None:
    composed = compose([plan({"a.b": b"first"}), plan(FILES, 2), plan({**FILES, "late": b"1"}, 3)], None)
    with umask(bits):
        new_repository.write(tmp_path / "ours", composed, BRANCH)
        oracle(tmp_path / "theirs", composed)
    assert seen(tmp_path / "ours") == seen(tmp_path / "theirs")
    with closing(Repo(str(tmp_path / "ours"))) as ours, closing(Repo(str(tmp_path / "theirs"))) as theirs:
        index = ours.open_index()
        assert list(index.iterobjects()) == list(theirs.open_index().iterobjects())
        assert not list(index.changes_from_tree(ours.object_store, composed.tree))
        for path, entry in index.items():
            assert isinstance(entry, IndexEntry)
            found = os.stat(os.fsencode(tmp_path / "ours") + b"/" + path)
            assert (entry.ino & 0xFFFFFFFF, entry.size) == (found.st_ino & 0xFFFFFFFF, found.st_size)


@needs_git
def test_git_finds_no_fault_in_it(tmp_path: Path) -> None:
    commit = build_repository(tmp_path / "r", [plan(FILES), plan({**FILES, "late": b"1"}, 2)], branch="a/b")
    assert git(tmp_path / "r", "fsck", "--strict", "--full") == ""
    assert git(tmp_path / "r", "status", "--porcelain") == ""
    assert git(tmp_path / "r", "rev-parse", "HEAD", "a/b").split() == [commit, commit]
    git(tmp_path / "r", "verify-pack", *map(str, (tmp_path / "r" / ".git" / "objects" / "pack").glob("*.idx")))


def test_the_index_of_a_pack_is_dulwich_s() -> None:
    blobs = [Blob.from_string(b"%d" % number) for number in range(700)]
    packed = new_repository.packed_of(blobs)
    places, at = [], 12
    for blob in blobs:
        body = packed.data[at + 1 :]  # so small an object has a head of one byte
        used = zlib.decompressobj()
        assert used.decompress(body) == blob.data
        end = at + 1 + len(body) - len(used.unused_data)
        places.append((blob.sha().digest(), at, zlib.crc32(packed.data[at:end])))
        at = end
    assert packed.data[at:] == sha1(packed.data[:at]).digest()
    expected = BytesIO()
    write_pack_index_v2(expected, sorted(places), packed.data[at:])
    assert packed.table == expected.getvalue()


def test_a_pack_is_no_greater_than_its_index_can_say(monkeypatch: pytest.MonkeyPatch) -> None:
    blob = Blob.from_string(b"some")
    size = len(new_repository.packed_of([blob]).data)
    monkeypatch.setattr(new_repository, "PACK_BYTES_MAX", size - 1)
    with pytest.raises(Invalid, match="2 GiB"):
        new_repository.packed_of([blob])
    monkeypatch.setattr(new_repository, "PACK_BYTES_MAX", size)
    assert len(new_repository.packed_of([blob]).data) == size


def test_what_a_failed_writer_left_is_built_anew(tmp_path: Path) -> None:
    left = tmp_path / ".r.building" / "repository"
    (left / ".git" / "objects").mkdir(parents=True)
    (left / "a.b").write_bytes(b"half")
    commit = build_repository(tmp_path / "r", [plan(FILES)])
    assert commit == build_repository(tmp_path / "other", [plan(FILES)])
    assert {name for name in seen(tmp_path / "r") if not name.startswith(".git/")} == {*FILES, ".git", "a", "a/b"}
    assert {path.name for path in tmp_path.iterdir()} == {"r", "other"}
