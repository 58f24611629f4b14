"""Working copies: git works in them, they are clean, and they show the base's ancestors and nothing else."""

import os
import subprocess
import zlib
from pathlib import Path

import pytest
from msgspec.structs import replace

from agents.working_copies import history as module
from agents.working_copies import working_copy
from agents.working_copies.history import GitHistory, collect, parse
from agents.working_copies.object_bytes import GitObject
from agents.working_copies.pack import Pack, decode, encode
from agents.working_copies.pack_limits import BASE_LIMITS
from agents.working_copies.source_history import history_of
from agents.working_copies.tree_rules import PackRefused
from agents.working_copies.working_copy import WorkingCopy, lay_out
from domain.errors import LimitReached
from domain.tree import DELETED, Entry, Manifest, Tree, contents_of, digest_of
from tests.unit.repositories import GIT_ENV, git, needs_git
from tests.unit.source_repositories import CANARIES, commit, plant, read, texts_of, with_history
from verification.requirements.base_tree import BaseTree

pytestmark = needs_git


def base_pack(base: BaseTree, history: bytes | None) -> Pack:
    manifest = base.files.manifest()
    contents = {digest: base.files[path] for path, digest in contents_of(manifest).items()}
    data = encode("base", manifest, contents, history or b"")
    return decode(data, digest_of(data))


def difference_pack(difference: Manifest, *contents: bytes) -> Pack:
    data = encode("difference", difference, {digest_of(each): each for each in contents})
    return decode(data, digest_of(data))


def written(copy: WorkingCopy, folder: Path) -> Path:
    folder.mkdir()
    copy.write_to(folder)
    return folder


@pytest.fixture
def site(tmp_path: Path) -> tuple[Path, str]:
    return tmp_path / "site", with_history(tmp_path / "site")


def test_git_works_in_a_working_copy_which_is_clean(site: tuple[Path, str], tmp_path: Path) -> None:
    source, base = site
    tree = read(source, base)
    copy = lay_out([base_pack(tree, history_of(tree))]).opened()
    work = written(copy, tmp_path / "work")
    assert git(work, "status", "--porcelain") == ""
    assert git(work, "diff", "HEAD") == ""
    assert git(work, "log", "--format=%H %s") == git(source, "log", "--format=%H %s", base)
    assert git(work, "blame", "src/app.py") == git(source, "blame", base, "--", "src/app.py")
    assert git(work, "log", "--format=%s", "--", "gone.py") == "second: add two\nfirst\n"
    git(work, "fsck", "--full", "--strict")
    (work / "src" / "app.py").write_text("changed\n")
    (work / "run.sh").chmod(0o644)
    assert git(work, "status", "--porcelain") == " M run.sh\n M src/app.py\n"
    git(work, "commit", "-q", "-a", "-m", "the employee's own commit")
    assert git(work, "status", "--porcelain") == ""


def test_the_copy_has_the_same_files_modes_and_links_as_a_checkout(site: tuple[Path, str], tmp_path: Path) -> None:
    source, base = site
    git(tmp_path, "clone", "-q", str(source), "clone")
    git(tmp_path / "clone", "checkout", "-q", base)
    tree = read(source, base)
    work = written(lay_out([base_pack(tree, history_of(tree))]).opened(), tmp_path / "work")
    expected = facts(tmp_path / "clone")
    assert expected.pop("a.id")[1] != b"$Id$\n"  # git expands it; a working copy has the bytes of the commit
    assert facts(work) == {**expected, "a.id": (False, b"$Id$\n")}


def facts(folder: Path) -> dict[str, tuple[bool, bytes]]:
    """Map each path outside .git to its executable bit and its content."""
    found: dict[str, tuple[bool, bytes]] = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if not name.startswith(".git/") and (path.is_symlink() or path.is_file()):
            content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
            found[name] = bool(path.lstat().st_mode & 0o100), content
    return found


def test_no_canary_of_the_source_is_in_a_pack_or_a_working_copy(site: tuple[Path, str], tmp_path: Path) -> None:
    source, base = site
    plant(source)
    tree = read(source, base)
    history = history_of(tree)
    assert history is not None
    pack = base_pack(tree, history)
    parsed = parse(pack.history, pack.tree())
    everything = texts_of(pack.tree()) + b"".join(each.raw for each in parsed.objects.values())
    work = written(lay_out([pack]).opened(), tmp_path / "work")
    shown = everything + everything_below(work) + all_objects(work)
    of_the_source = everything_below(source.parent, apart_from=work) + all_objects(source)
    for place, canary in CANARIES.items():
        assert canary.encode() in of_the_source, f"the control has no canary in {place}"
        assert canary.encode() not in shown, place
    assert b"return 2" in shown  # the control: the base's own content is found in this way
    assert b"on the side" in shown  # and that of its ancestors


def everything_below(folder: Path, apart_from: Path | None = None) -> bytes:
    """Return all names and contents below a folder, and what the compressed ones contain."""
    parts: list[bytes] = []
    for path in folder.rglob("*"):
        if apart_from is not None and path.is_relative_to(apart_from):
            continue
        parts.append(str(path.relative_to(folder)).encode())
        if path.is_symlink():
            parts.append(os.readlink(path).encode())
        elif path.is_file():
            content = path.read_bytes()
            parts.append(content)
            try:
                parts.append(zlib.decompress(content))
            except zlib.error:
                continue
    return b"\n".join(parts)


def all_objects(folder: Path) -> bytes:
    """Return every object of a repository, also those that no ref reaches."""
    done = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch"], cwd=folder, env=GIT_ENV, capture_output=True, check=True
    )
    return done.stdout


def test_the_repository_has_one_branch_and_nothing_of_the_source(site: tuple[Path, str], tmp_path: Path) -> None:
    source, base = site
    plant(source)
    tree = read(source, base)
    work = written(lay_out([base_pack(tree, history_of(tree))]).opened(), tmp_path / "work")
    assert git(work, "for-each-ref", "--format=%(refname) %(objectname)") == f"refs/heads/work {base}\n"
    assert git(work, "remote") == git(work, "stash", "list") == git(work, "reflog") == git(work, "tag") == ""
    control = {str(path.relative_to(work / ".git")) for path in (work / ".git").rglob("*") if path.is_file()}
    (checksum,) = {name[18:58] for name in control if name.startswith("objects/pack/")}
    plain = {"HEAD", "config", "index", "info/attributes", "refs/heads/work"}
    assert control == plain | {f"objects/pack/pack-{checksum}.{end}" for end in ("pack", "idx")}
    in_source = git(source, "for-each-ref", "--format=%(refname)")  # the control: the source has more
    assert all(ref in in_source for ref in ("refs/stash", "refs/notes/commits", "refs/heads/other", "refs/tags/v1"))
    counted = git(work, "count-objects", "-v")
    reachable = git(work, "rev-list", "--objects", "HEAD").splitlines()
    assert f"in-pack: {len(reachable)}\n" in counted


def test_a_long_history_ends_at_one_distance_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "site"
    source.mkdir()
    git(source, "init", "-q", "-b", "main")
    head = ""
    for number in range(12):
        head = commit(source, f"commit {number}", a__py=f"number = {number}\n")
    tree = read(source, head)
    monkeypatch.setattr(module, "HISTORY_COMMITS_MAX", 12)
    for most, shallow in ((12, False), (5, True), (1, True)):
        stored = module.collect(reader(source), head, tree.files, commits_max=most)
        work = written(lay_out([base_pack(tree, stored)]).opened(), tmp_path / f"work{most}")
        assert git(work, "rev-list", "--count", "HEAD") == f"{most}\n"
        assert git(work, "rev-parse", "--is-shallow-repository") == f"{str(shallow).lower()}\n"
        assert git(work, "status", "--porcelain") == ""
        assert git(work, "blame", "-s", "a.py")
        git(work, "fsck", "--full", "--strict")


def reader(folder: Path) -> module.Read:
    """Return a function that reads objects with git itself."""

    def read(id: str) -> GitObject:
        kind = git(folder, "cat-file", "-t", id).strip()
        raw = subprocess.run(
            ["git", "cat-file", kind, id], cwd=folder, env=GIT_ENV, capture_output=True, check=True
        ).stdout
        assert kind in ("commit", "tree", "blob")
        return GitObject(kind, raw)  # type: ignore[arg-type]  # checked in the line above

    return read


def test_a_history_that_is_too_large_is_shorter(site: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    source, base = site
    tree = read(source, base)
    whole = history_of(tree)
    assert whole is not None
    monkeypatch.setattr(module, "HISTORY_BYTES_MAX", len(whole) - 1)
    shorter = history_of(tree)
    assert shorter is not None
    assert len(shorter) < len(whole)
    assert 0 < commits(parse(shorter, tree.files)) < commits(parse(whole, tree.files))
    monkeypatch.setattr(module, "HISTORY_BYTES_MAX", 10)
    assert history_of(tree) is None


def commits(history: GitHistory) -> int:
    return sum(each.kind == "commit" for each in history.objects.values())


def test_a_shallow_clone_gives_what_it_has(site: tuple[Path, str], tmp_path: Path) -> None:
    source, base = site
    git(tmp_path, "clone", "-q", "--depth", "2", f"file://{source}", "clone")
    tree = read(tmp_path / "clone", base)
    work = written(lay_out([base_pack(tree, history_of(tree))]).opened(), tmp_path / "work")
    assert git(work, "log", "--format=%H") == git(tmp_path / "clone", "log", "--format=%H")
    assert git(work, "status", "--porcelain") == ""
    git(work, "fsck", "--full")


@pytest.mark.parametrize("damage", ["cut", "noise", "other content", "empty"])
def test_a_damaged_ancestor_ends_the_history_and_not_the_submission(
    site: tuple[Path, str], tmp_path: Path, damage: str
) -> None:
    source, base = site
    tree = read(source, base)
    whole = history_of(tree)
    first = git(source, "rev-list", "--max-parents=0", base).strip()
    path = source / ".git" / "objects" / first[:2] / first[2:]
    stored = path.read_bytes()
    other = zlib.compress(b"commit 0\0")
    path.chmod(0o644)
    path.write_bytes({"cut": stored[:20], "noise": b"noise", "other content": other, "empty": b""}[damage])
    work = written(lay_out([base_pack(tree, history_of(tree))]).opened(), tmp_path / "work")
    assert git(work, "status", "--porcelain") == ""
    assert first not in git(work, "log", "--format=%H")
    assert git(work, "log", "--format=%H").startswith(base)
    path.write_bytes(stored)
    assert history_of(tree) == whole  # the control


def test_the_verified_work_of_earlier_tasks_is_a_commit_on_the_base(site: tuple[Path, str], tmp_path: Path) -> None:
    source, base = site
    tree = read(source, base)
    new, changed = b"new = 1\n", b"#!/bin/sh\necho 2\n"
    first = {"pkg/new.py": Entry(kind="file", digest=digest_of(new)), "main.py": DELETED, "src/app.py": DELETED}
    second = {
        "run.sh": Entry(kind="executable", digest=digest_of(changed)),
        "latest": Entry(kind="link", target="run.sh"),
    }
    packs = [base_pack(tree, history_of(tree)), difference_pack(first, new), difference_pack(second, changed)]
    copy = lay_out(packs).opened()
    work = written(copy, tmp_path / "work")
    assert git(work, "status", "--porcelain") == ""
    assert git(work, "rev-parse", "HEAD~1").strip() == base
    listed = git(work, "diff", "--name-status", "--no-renames", "HEAD~1", "HEAD")
    assert listed == "M\tlatest\nD\tmain.py\nA\tpkg/new.py\nM\trun.sh\nD\tsrc/app.py\n"
    assert (work / "pkg" / "new.py").read_bytes() == new
    assert not (work / "main.py").exists()
    git(work, "fsck", "--full", "--strict")
    assert lay_out(packs).control == lay_out(packs).control


@pytest.mark.parametrize("with_work", [False, True])
def test_without_a_base_the_copy_is_a_new_repository(tmp_path: Path, *, with_work: bool) -> None:
    packs = [difference_pack({"a.py": Entry(kind="file", digest=digest_of(b"a"))}, b"a")] if with_work else []
    work = written(lay_out(packs).opened(), tmp_path / "work")
    assert git(work, "status", "--porcelain") == ""
    assert git(work, "rev-list", "--count", "HEAD") == ("2\n" if with_work else "1\n")
    (work / "b.py").write_text("b")
    assert git(work, "status", "--porcelain") == "?? b.py\n"


def test_a_base_without_a_history_is_one_commit(site: tuple[Path, str], tmp_path: Path) -> None:
    source, base = site
    work = written(lay_out([base_pack(read(source, base), None)]).opened(), tmp_path / "work")
    assert git(work, "status", "--porcelain") == ""
    assert git(work, "rev-list", "--count", "HEAD") == "1\n"
    git(work, "fsck", "--full", "--strict")


def test_packs_that_do_not_fit_together_are_refused(site: tuple[Path, str]) -> None:
    source, base = site
    pack = base_pack(read(source, base), None)
    with pytest.raises(PackRefused, match="only be the first"):
        lay_out([pack, pack])
    out = difference_pack({"src/x": Entry(kind="link", target="../up"), "up": Entry(kind="link", target="src")})
    assert lay_out([pack, out]).links["up"] == "src"
    far = difference_pack({"deep/x": Entry(kind="link", target="../latest/..")})  # alone it stays in the tree
    near = lay_out([pack, difference_pack({"latest": Entry(kind="link", target="src")}), far])
    assert near.links["deep/x"] == "../latest/.."
    with pytest.raises(PackRefused, match="leads out of the tree"):
        lay_out([pack, difference_pack({"latest": Entry(kind="link", target=".")}), far])
    folder = difference_pack({"run.sh/a": Entry(kind="file", digest=digest_of(b""))}, b"")
    with pytest.raises(PackRefused, match="also the folder"):
        lay_out([pack, folder])
    with pytest.raises(PackRefused, match="differ only in case"):
        lay_out([pack, difference_pack({"RUN.sh": Entry(kind="file", digest=digest_of(b""))}, b"")])


def rebuilt(history: GitHistory, objects: dict[str, GitObject], boundary: tuple[str, ...] = ()) -> bytes:
    """Return a stored history with these objects."""
    level = module._Level(dict.fromkeys([history.base, *boundary], ()), objects)
    parents = dict.fromkeys(boundary, ("0" * 40,))
    return module._stored(history.base, [level, module._Level(parents, {})], dict.fromkeys(objects, ""))


def test_a_history_with_more_or_less_than_the_ancestors_is_refused(site: tuple[Path, str]) -> None:
    source, base = site
    tree = read(source, base)
    stored = history_of(tree)
    assert stored is not None
    history = parse(stored, tree.files)
    objects = dict(history.objects)
    assert parse(rebuilt(history, objects), tree.files).objects.keys() == objects.keys()  # the control
    later = GitObject("blob", b"the answer")
    with pytest.raises(PackRefused, match="does not reach"):
        parse(rebuilt(history, {**objects, later.id: later}), tree.files)
    for id in list(objects)[:8]:
        with pytest.raises(PackRefused):
            parse(rebuilt(history, {other: objects[other] for other in objects if other != id}), tree.files)
    with pytest.raises(PackRefused, match="another tree"):
        parse(stored, Tree(dict(tree.files), links=tree.files.links, submodules=tree.files.submodules))
    for damaged in (stored[:-9], stored + b"x", b"AURAHIST1", b"", b"AURAHIST2" + stored[9:]):
        with pytest.raises(PackRefused):
            parse(damaged, tree.files)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"100644 .git\0", r"the name \.git"),
        (b"100644 ..\0", "leaves the project"),
        (b"100644 a/b\0", "has the entry"),
        (b"100600 a\0", "with the mode 100600"),
        (b"100644 \xff\0", "not UTF-8"),
        (b"100644 a", "cannot be read"),
    ],
)
def test_a_hostile_tree_in_a_history_is_refused(line: bytes, said: str) -> None:
    def of(raw: bytes) -> bytes | None:
        tree = GitObject("tree", raw)
        head = GitObject("commit", f"tree {tree.id}\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\nm".encode())
        objects = {each.id: each for each in (tree, head, GitObject("blob", b""))}
        history = GitHistory(head.id, (), objects)
        return rebuilt(history, objects)

    blob = bytes.fromhex(GitObject("blob", b"").id)
    honest = of(b"100644 a.py\0" + blob)
    assert honest is not None
    with pytest.raises(PackRefused, match="another tree"):  # the control: it was read to its end
        parse(honest, Tree({}))
    hostile = of(line + blob)
    assert hostile is not None
    with pytest.raises(PackRefused, match=said):
        parse(hostile, Tree({}))


def test_a_bomb_as_history_is_refused_without_being_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HISTORY_CONTENT_BYTES_MAX", 1024)
    monkeypatch.setattr(module, "HISTORY_OBJECTS_MAX", 1)
    blob = GitObject("blob", bytes(10 * 1024**2))
    bomb = module._stored("1" * 40, [module._Level({}, {blob.id: blob})], {blob.id: ""})
    assert len(bomb) < 10_000
    with pytest.raises(PackRefused, match="too large"):
        parse(bomb, Tree({}))


def test_a_working_copy_above_the_limits_of_a_tree_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:

    packs = [difference_pack(Tree({f"{n}.py": b"x"}).manifest(), b"x") for n in range(3)]
    monkeypatch.setattr(working_copy, "BASE_LIMITS", replace(BASE_LIMITS, entries_max=3))
    assert len(lay_out(packs).files) == 3
    monkeypatch.setattr(working_copy, "BASE_LIMITS", replace(BASE_LIMITS, entries_max=2))
    with pytest.raises(LimitReached, match="3 entries"):
        lay_out(packs)


def test_the_history_is_the_same_bytes_each_time(site: tuple[Path, str]) -> None:
    source, base = site
    tree = read(source, base)
    assert history_of(tree) == history_of(tree) == collect(reader(source), base, tree.files)
