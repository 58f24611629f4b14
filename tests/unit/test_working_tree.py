"""A folder is compared with its base as git compares a work tree.

Git is the oracle, and no program of the folder runs.
"""

import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.errors import Invalid, LimitReached, NotFound
from domain.tree import Tree
from tests.unit.repositories import GIT_ENV, git, needs_git
from verification.requirements.base_tree import read_base
from verification.requirements.model import Base
from verification.tree_limits import FILE_BYTES_MAX
from verification.working_tree.comparison import compared_with

pytestmark = needs_git
SCOPE = ("src/**",)
FILES = {"src/a.py": b"x = 1\n", "README.md": b"# A\n", "run.sh": b"#!/bin/sh\n"}


def put(folder: Path, files: dict[str, bytes]) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def repository(folder: Path, files: dict[str, bytes], *, raw: bool = False) -> Tree:
    """Make a repository with one commit of these files. `run.sh` is executable. raw: contents are not converted."""
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    put(folder, files)
    for path in files:
        if path.endswith(".sh"):
            (folder / path).chmod(0o755)
    if raw:
        put(folder, {".git/info/attributes": b"* -text -working-tree-encoding -ident -filter\n"})
    git(folder, "add", "-f", ".")
    (folder / ".git/info/attributes").unlink(missing_ok=True)
    git(folder, "commit", "-q", "-m", "base", "--allow-empty")
    return read_base(Base(repo=str(folder)), folder).files


def clone(tmp_path: Path, name: str = "work") -> Path:
    git(tmp_path, "clone", "-q", "base", name)
    return tmp_path / name


def kept_by_git(folder: Path) -> Tree:
    """Return the content that git stores for a completely added work tree."""
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "--allow-empty", "-m", "all")
    return read_base(Base(repo=str(folder), ref="HEAD"), folder).files


CONVERSIONS: list[tuple[str, bytes]] = [
    ("*.txt text=auto", b"a\nb\n"),
    ("*.txt text eol=crlf", b"a\nb\n"),
    ("*.txt eol=crlf", b"a\nb\n"),
    ("*.txt text=auto eol=crlf", b"a\nb\n"),
    ("*.txt text=auto eol=crlf", b"a\r\nb\r\n"),
    ("*.txt text=auto eol=crlf", b"a\r\nb\n"),
    ("*.txt text=auto eol=crlf", b"a\0\nb\n"),
    ("*.txt text eol=crlf", b"a\r\nb\n"),
    ("*.txt text eol=lf", b"a\r\nb\n"),
    ("*.txt text=auto", b"a\r\nb\n"),
    ("*.txt text=auto", b"a\rb\r\nc\n"),
    ("*.txt -text", b"a\r\nb\r\n"),
    ("*.txt text=input eol=crlf", b"a\nb\n"),
    ("*.txt crlf", b"a\nb\n"),
    ("*.txt -crlf", b"a\r\nb\n"),
    ("*.txt text eol=crlf\n*.txt binary", b"a\nb\n"),
    ("*.txt lines", b"a\nb\n"),
    ("*.txt text eol=crlf\n*.txt !eol", b"a\nb\n"),
    ("*.txt text working-tree-encoding=UTF-16LE-BOM eol=crlf", "ä\nb\n".encode()),
    ("*.txt text working-tree-encoding=UTF-16", "ä\nb\n".encode()),
    ("*.txt working-tree-encoding=latin1", "ä\nb\n".encode()),
    ("*.txt ident", b"# $Id$\nx\n"),
    ("*.txt ident text eol=crlf", b"# $Id$ and $Identity$\nx\n"),
    ("", b"a\r\nb\n"),
    ("docs/*.txt text eol=crlf", b"a\nb\n"),
    ("/docs/x.txt text eol=crlf", b"a\nb\n"),
    ("*.txt text eol=crlf\n[z-a text\n!x text", b"a\nb\n"),
]


def converted() -> dict[str, bytes]:
    """Make a folder for each row of the table, with its own attributes file.

    Macros are in the root's attributes file.
    """
    files: dict[str, bytes] = {".gitattributes": b"[attr]lines text eol=crlf\n"}
    for number, (attributes, content) in enumerate(CONVERSIONS):
        files[f"c{number}/.gitattributes"] = f"{attributes}\n".encode()
        files[f"c{number}/docs/x.txt"] = files[f"c{number}/docs/y.txt"] = content
    return files


def test_a_fresh_work_tree_is_unchanged_and_a_changed_file_is_what_git_would_keep(tmp_path: Path) -> None:
    base = repository(tmp_path / "base", converted(), raw=True)
    assert [base[f"c{number}/docs/x.txt"] for number in range(len(CONVERSIONS))] == [each for _, each in CONVERSIONS]
    work = clone(tmp_path)
    converted_by_git = [path for path in base if (work / path).read_bytes() != base[path]]
    assert len(converted_by_git) > len(CONVERSIONS) // 2, "else the test would say nothing"
    assert compared_with(work, base, ("**",)).tree == base
    for number, (attributes, _) in enumerate(CONVERSIONS):
        file = work / f"c{number}/docs/x.txt"
        more = b"c\x00\n\x00" if "UTF-16" in attributes else b"c\n"
        file.write_bytes(file.read_bytes() + more)
        (file.parent / "new.txt").write_bytes(file.read_bytes())
    handed = compared_with(work, base, ("**",)).tree
    kept = kept_by_git(work)
    for path in kept:
        wanted = base if path.endswith(("y.txt", ".gitattributes")) else kept
        assert handed[path] == wanted[path], (path, CONVERSIONS[int(path.split("/")[0].lstrip("c") or "0")])
    assert len(handed.changed_from(base)) == 2 * len(CONVERSIONS)


def test_line_ends_of_another_system_are_no_change(tmp_path: Path) -> None:
    """Git on such a system is configured so; the configuration of a folder is not read."""
    base = repository(tmp_path / "base", {**FILES, "src/mixed.txt": b"a\r\nb\n"})
    git(tmp_path, "clone", "-q", "-c", "core.autocrlf=true", "base", "work")
    work = tmp_path / "work"
    assert (work / "src/a.py").read_bytes() == b"x = 1\r\n"
    assert compared_with(work, base, SCOPE).tree == base
    (work / "src/a.py").write_bytes(b"x = 1\r\ny = 2\r\n")
    assert compared_with(work, base, SCOPE).tree["src/a.py"] == b"x = 1\ny = 2\n"
    (work / "src/a.py").write_bytes(b"x = 1\r\ny = 2\n")
    assert compared_with(work, base, SCOPE).tree["src/a.py"] == b"x = 1\r\ny = 2\n"


PATTERNS = [
    "*.log", "!keep.log", "/build", "build/", "**/gen", "gen/**", "src/*.tmp", "a/**/z", "\\#x", "\\!x", "x[ab]",
    "x[!a]", "*", "!*/", "!*.py", "/src/a", "?.o", "doc/", "!doc/keep", " lead", "trail\\ ", "trail ", "# note", "",
    "/", "!", "[",
    "src/", "!src/a/", "a?b", "**", "/**/o.o",
]  # fmt: skip
PLACES = [
    "k.log", "keep.log", "src/keep.log", "build/x", "src/build/x", "build", "gen/x", "a/gen/y", "src/a.tmp",
    "src/a/b.tmp", "a/z", "a/b/z", "a/b/c/z", "#x", "!x", "xa", "xb", "xc", "src/a/m.py", "o.o", "doc/keep",
    "doc/other", " lead", "trail ", "src/doc", "a/o.o", "a1b",
]  # fmt: skip


def test_ignore_files_say_what_git_says_they_do(tmp_path: Path) -> None:
    """Drawn rules in drawn folders, for files in drawn places; each row is a folder of its own."""
    rng = random.Random(7)
    rules: dict[str, bytes] = {}
    places: list[str] = []
    for row in (f"r{number}/" for number in range(30)):
        for folder in rng.sample(["", "src/", "a/", "a/b/"], 2):
            drawn = rng.sample(PATTERNS, rng.randint(1, 6))
            rules[f"{row}{folder}.gitignore"] = ("\n".join(drawn) + "\n").encode()
        rules |= {f"{row}{path}": b"t" for path in rng.sample(["src/a/t.py", "build/t", "gen/t.log", "a/b/t"], 2)}
        places += [f"{row}{path}" for path in rng.sample(PLACES, 14)]
    base = repository(tmp_path / "base", rules)
    work = clone(tmp_path)
    for path in places:
        if not any((work / above).is_file() for above in Path(path).parents) and not (work / path).exists():
            put(work, {path: b"new\n"})
    listed = git(work, "ls-files", "-z", "-o", "--exclude-per-directory=.gitignore").split("\0")
    handed = compared_with(work, base, ("**",))
    assert set(handed.tree) - set(base) == {path for path in listed if path}
    everything = {path.relative_to(work).as_posix() for path in work.rglob("*") if path.is_file()}
    hidden = {path for path in everything if not path.startswith(".git/")} - set(handed.tree)
    assert len(hidden) > len(places) // 8
    assert all(any(path == left or path.startswith(left) for left in handed.left_out) for path in hidden)


def test_what_the_base_ignores_is_left_out_and_named(tmp_path: Path) -> None:
    base = repository(tmp_path / "base", FILES | {".gitignore": b"*.egg-info/\nbuild/\n*.log\n", "build/kept.py": b"k"})
    work = clone(tmp_path)
    put(work, {"a.egg-info/PKG-INFO": b"", "build/new.py": b"", "x.log": b"", "src/new.py": b"", "other.py": b""})
    put(work, {"src/__pycache__/a.pyc": b"", ".venv/bin/python": b"", "dist/a.whl": b""})
    os.mkfifo(work / ".venv/pipe")
    handed = compared_with(work, base, SCOPE)
    assert handed.tree.changed_from(base) == ("other.py", "src/new.py"), "what nobody ignores is judged"
    assert handed.left_out == (".venv/", "a.egg-info/", "build/new.py", "dist/", "src/__pycache__/", "x.log")
    (work / "build/kept.py").write_bytes(b"changed")
    assert "build/kept.py" in compared_with(work, base, SCOPE).tree.changed_from(base), "a file of the base counts"


def test_by_products_are_judged_where_the_scope_allows_them(tmp_path: Path) -> None:
    base = repository(tmp_path / "base", FILES)
    work = clone(tmp_path)
    put(work, {"dist/a.js": b"1", "build/b.py": b"2"})
    assert compared_with(work, base, ("dist/**",)).left_out == ("build/",)
    assert compared_with(work, base, ("dist/**",)).tree["dist/a.js"] == b"1"


HIDING: dict[str, Callable[[Path], object]] = {
    "its own ignore file": lambda work: put(work, {"src/.gitignore": b"evil.py\n"}),
    "a changed ignore file": lambda work: put(work, {".gitignore": b"evil.py\n"}),
    "info/exclude": lambda work: put(work, {".git/info/exclude": b"evil.py\n"}),
    "a configured exclude file": lambda work: put(
        work, {".git/config": (work / ".git/config").read_bytes() + b"[core]\n\texcludesFile = /dev/stdin\n"}
    ),
    "skip-worktree": lambda work: git(work, "update-index", "--skip-worktree", "README.md"),
    "assume-unchanged": lambda work: git(work, "update-index", "--assume-unchanged", "README.md"),
}


@pytest.mark.parametrize("name", HIDING)
def test_nothing_of_the_folder_hides_a_change(tmp_path: Path, name: str) -> None:
    base = repository(tmp_path / "base", FILES | {".gitignore": b"*.log\n"})
    work = clone(tmp_path)
    HIDING[name](work)
    put(work, {"evil.py": b"x", "src/evil.py": b"x", "README.md": b"changed"})
    changed = compared_with(work, base, SCOPE).tree.changed_from(base)
    assert {"evil.py", "src/evil.py", "README.md"} <= set(changed)


def test_modes_and_links(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    shutil.rmtree(tmp_path / "base")
    repository(tmp_path / "base", FILES | {"two.sh": b"2"})
    (tmp_path / "base/link").symlink_to("README.md")
    git(tmp_path / "base", "add", "link")
    git(tmp_path / "base", "commit", "-q", "-m", "a link")
    base = read_base(Base(repo=str(tmp_path / "base")), tmp_path).files
    work = clone(tmp_path)
    assert compared_with(work, base, SCOPE).tree == base
    (work / "run.sh").chmod(0o644)
    (work / "README.md").chmod(0o755)
    assert compared_with(work, base, SCOPE).tree.changed_from(base) == ("README.md", "run.sh")
    (work / "link").unlink()
    (work / "link").write_bytes(b"README.md")
    assert "link" not in compared_with(work, base, SCOPE).tree.changed_from(base), "as git does without links"
    (work / "link").unlink()
    (work / "link").symlink_to("run.sh")
    assert "link" in compared_with(work, base, SCOPE).tree.changed_from(base)
    (work / "link").unlink()
    (work / "link").symlink_to("/etc/passwd")
    with pytest.raises(Invalid, match="absolute path"):
        compared_with(work, base, SCOPE)


@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_a_folder_of_one_mode_alone_has_the_modes_of_the_base(tmp_path: Path, mode: int) -> None:
    """Such as one from an archive, or from a file system without modes."""
    base = repository(tmp_path / "base", FILES)
    work = clone(tmp_path)
    for path in FILES:
        (work / path).chmod(mode)
    handed = compared_with(work, base, SCOPE)
    assert handed.tree == base
    assert not handed.modes_kept
    assert compared_with(tmp_path / "base", base, SCOPE).modes_kept


def test_a_worktree_whose_git_is_a_file(tmp_path: Path) -> None:
    base = repository(tmp_path / "base", FILES)
    git(tmp_path / "base", "worktree", "add", "-q", str(tmp_path / "tree"), "-b", "other")
    assert (tmp_path / "tree/.git").is_file()
    assert compared_with(tmp_path / "tree", base, SCOPE).tree == base
    (tmp_path / "tree/src/a.py").write_bytes(b"x = 2\n")
    assert compared_with(tmp_path / "tree", base, SCOPE).tree.changed_from(base) == ("src/a.py",)


def test_a_submodule_is_the_commit_that_it_has_checked_out(tmp_path: Path) -> None:
    repository(tmp_path / "lib", {"lib.py": b"1"})
    repository(tmp_path / "base", FILES)
    allowed = ("-c", "protocol.file.allow=always")
    git(tmp_path / "base", *allowed, "submodule", "add", "-q", str(tmp_path / "lib"), "vendor/lib")
    git(tmp_path / "base", "commit", "-q", "-m", "a submodule")
    base = read_base(Base(repo=str(tmp_path / "base")), tmp_path).files
    assert set(base.submodules) == {"vendor/lib"}
    work = clone(tmp_path)
    assert compared_with(work, base, SCOPE).tree == base, "empty, as without --recurse-submodules"
    git(work, *allowed, "submodule", "update", "-q", "--init")
    put(work, {"vendor/lib/untracked.py": b"u"})
    assert compared_with(work, base, SCOPE).tree == base
    git(work / "vendor/lib", "commit", "-q", "--allow-empty", "-m", "another")
    assert compared_with(work, base, SCOPE).tree.changed_from(base) == ("vendor/lib",)
    shutil.rmtree(work / "vendor")
    assert compared_with(work, base, SCOPE).tree == base, "as from an archive"


def test_deleted_files_are_missing(tmp_path: Path) -> None:
    base = repository(tmp_path / "base", FILES)
    work = clone(tmp_path)
    (work / "src/a.py").unlink()
    assert compared_with(work, base, SCOPE).tree.changed_from(base) == ("src/a.py",)


PLANTED = """#!/bin/sh
touch "%s"
cat
"""


def test_nothing_of_the_folder_runs(tmp_path: Path) -> None:
    """Configuration, hooks, fsmonitor, filters, text conversion. The control: under git each of them does run."""
    base = repository(tmp_path / "base", FILES | {"src/b.bin": b"data\n"})
    work = clone(tmp_path)
    marks = {name: tmp_path / f"ran-{name}" for name in ("fsmonitor", "clean", "process", "hook", "textconv")}
    for name, mark in marks.items():
        put(tmp_path, {f"{name}.sh": (PLANTED % mark).encode()})
        (tmp_path / f"{name}.sh").chmod(0o755)
    put(work, {".gitattributes": b"*.py filter=one\nREADME.md filter=two\n*.bin diff=three\n"})
    put(work, {".git/hooks/post-index-change": (tmp_path / "hook.sh").read_bytes()})
    (work / ".git/hooks/post-index-change").chmod(0o755)
    included = f'[filter "one"]\n\tclean = {tmp_path}/clean.sh\n[filter "two"]\n\tprocess = {tmp_path}/process.sh\n'
    put(tmp_path, {"included": (included + f'[diff "three"]\n\ttextconv = {tmp_path}/textconv.sh\n').encode()})
    with (work / ".git/config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = {tmp_path}/fsmonitor.sh\n[include]\n\tpath = {tmp_path}/included\n")
    put(work, {"src/a.py": b"x = 3\n", "README.md": b"# B\n", "src/b.bin": b"other\n"})
    handed = compared_with(work, base, SCOPE)
    assert handed.tree.changed_from(base) == (".gitattributes", "README.md", "src/a.py", "src/b.bin")
    assert handed.tree["src/a.py"] == b"x = 3\n"
    read_base(Base(repo=str(work)), tmp_path)
    assert [name for name, mark in marks.items() if mark.exists()] == []
    for words in (("status",), ("diff",)):
        subprocess.run(["git", *words], cwd=work, env=GIT_ENV, capture_output=True, timeout=60, check=False)
    assert [name for name, mark in marks.items() if not mark.exists()] == [], "control: git runs them"


def test_files_that_need_a_program_are_compared_raw_and_named(tmp_path: Path) -> None:
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # of "x"
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 1\n".encode()
    attributes = b"*.bin filter=lfs -text\n*.enc filter=crypt\n"
    base = repository(tmp_path / "base", FILES | {".gitattributes": attributes, "a.bin": pointer, "b.enc": b"sealed\n"})
    work = clone(tmp_path)
    assert compared_with(work, base, SCOPE).compared_raw == ()
    put(work, {"a.bin": b"x", "b.enc": b"open\n"})
    handed = compared_with(work, base, SCOPE)
    assert handed.compared_raw == ("b.enc",), "the pointer names the very content of the first one"
    assert handed.tree["a.bin"] == pointer
    assert handed.tree.changed_from(base) == ("b.enc",)
    put(work, {"a.bin": b"y"})
    assert compared_with(work, base, SCOPE).compared_raw == ("a.bin", "b.enc")


def test_attributes_of_the_folder_change_nothing(tmp_path: Path) -> None:
    base = repository(tmp_path / "base", FILES | {".gitattributes": b"* text eol=crlf\n"})
    work = clone(tmp_path)
    put(work, {".gitattributes": b"* -text\n", ".git/info/attributes": b"* -text\n"})
    assert compared_with(work, base, SCOPE).tree.changed_from(base) == (".gitattributes",)


def test_what_cannot_be_judged_is_named(tmp_path: Path) -> None:
    base = repository(tmp_path / "base", FILES)
    with pytest.raises(NotFound, match="There is no folder"):
        compared_with(tmp_path / "none", base, SCOPE)
    work = clone(tmp_path)
    os.mkfifo(work / "pipe")
    with pytest.raises(Invalid, match="pipe is not a regular file"):
        compared_with(work, base, SCOPE)
    (work / "pipe").unlink()
    open(os.fsencode(work) + b"/\xff.py", "wb").close()
    with pytest.raises(Invalid, match=r"\ufffd\.py has a name that is not UTF-8"):
        compared_with(work, base, SCOPE)
    os.unlink(os.fsencode(work) + b"/\xff.py")
    with open(work / "big", "wb") as file:
        file.truncate(FILE_BYTES_MAX + 1)
    with pytest.raises(LimitReached, match="big"):
        compared_with(work, base, SCOPE)
    (work / "big").unlink()
    assert compared_with(work, base, SCOPE).tree == base
