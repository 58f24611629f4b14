"""Source repositories for working copies: a history with canaries in every place that a working copy must not show."""

import os
from pathlib import Path

from domain.tree import Tree
from tests.unit.repositories import git
from verification.requirements.base_tree import BaseTree, read_base
from verification.requirements.model import Base

_TEXTS = {
    "config": "CANARY-configuration",
    "remote": "CANARY-remote",
    "hook": "CANARY-hook",
    "later": "CANARY-later-commit",
    "branch": "CANARY-other-branch",
    "tag": "CANARY-annotated-tag",
    "unreachable": "CANARY-unreachable-object",
    "dangling": "CANARY-dangling-commit",
    "untracked": "CANARY-untracked-file",
    "ignored": "CANARY-ignored-file",
    "staged": "CANARY-staged-file",
    "unstaged": "CANARY-unstaged-change",
    "stash": "CANARY-stash",
    "reflog": "CANARY-reflog-message",
    "note": "CANARY-note",
    "description": "CANARY-description",
    "exclude": "CANARY-exclude",
    "worktree": "CANARY-of-a-worktree",
    "submodule": "CANARY-submodule-url",
    "alternate": "CANARY-alternate-object",
}
CANARIES = {place: f"{text}-{os.urandom(8).hex()}" for place, text in _TEXTS.items()}
"""Place -> random text. Each text is in the source, outside the base commit and its ancestors."""


def commit(folder: Path, message: str, **files: str) -> str:
    """Write files, commit everything, and return the id of the commit."""
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD").strip()


def with_history(folder: Path) -> str:
    """Make a repository with modes, links, binary files, a merge and a submodule. Return the base commit's id."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "src").mkdir()
    (folder / "src" / "app.py").write_text("def one():\n    return 1\n")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "latest").symlink_to("src/app.py")
    (folder / "data.bin").write_bytes(bytes(range(256)))
    (folder / "windows.txt").write_bytes(b"one\r\ntwo\r\n")
    (folder / "a.id").write_text("$Id$\n")
    (folder / "b.big").write_text("version https://git-lfs.github.com/spec/v1\n")
    commit(folder, "first", gone__py="gone = True\n")
    (folder / ".gitattributes").write_text("*.txt text\n*.id ident\n*.big filter=lfs\n")
    (folder / "gone.py").unlink()
    (folder / "src" / "app.py").write_text("def one():\n    return 1\n\n\ndef two():\n    return 2\n")
    commit(folder, "second: add two")
    git(folder, "checkout", "-q", "-b", "side")
    commit(folder, "on the side", side__py="side = 1\n")
    git(folder, "checkout", "-q", "main")
    commit(folder, "on main", main__py="main = 1\n")
    git(folder, "merge", "-q", "--no-edit", "side")
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/lib")
    git(folder, "commit", "-q", "-m", "the base")
    return git(folder, "rev-parse", "HEAD").strip()


def plant(folder: Path) -> None:
    """Plant every canary in the repository."""
    _beside_the_branch(folder)
    _in_the_control_folder(folder)
    (folder / ".gitignore").write_text("*.secret\n")
    commit(folder, CANARIES["later"], later__py=f"{CANARIES['later']}\n")
    (folder / "untracked.py").write_text(CANARIES["untracked"])
    (folder / "key.secret").write_text(CANARIES["ignored"])
    (folder / "staged.py").write_text(CANARIES["staged"])
    git(folder, "add", "staged.py")
    (folder / "main.py").write_text(CANARIES["unstaged"])


def _beside_the_branch(folder: Path) -> None:
    base = git(folder, "rev-parse", "HEAD").strip()
    git(folder, "checkout", "-q", "-b", "other")
    commit(folder, CANARIES["branch"], other__py=f"{CANARIES['branch']}\n")
    git(folder, "tag", "-a", "-m", CANARIES["tag"], "v1", base)
    git(folder, "checkout", "-q", "-b", "dangling", "main")
    commit(folder, CANARIES["dangling"], dangling__py=f"{CANARIES['dangling']}\n")
    git(folder, "checkout", "-q", "main")
    git(folder, "branch", "-q", "-D", "dangling")
    lost = folder / "lost"
    lost.write_text(CANARIES["unreachable"])
    git(folder, "hash-object", "-w", "lost")
    lost.write_text(CANARIES["stash"])
    git(folder, "add", "lost")
    git(folder, "stash", "push", "-q", "-m", CANARIES["stash"])
    git(folder, "notes", "add", "-m", CANARIES["note"], base)
    git(folder, "update-ref", "--create-reflog", "-m", CANARIES["reflog"], "refs/heads/logged", base)
    git(folder, "worktree", "add", "-q", "-b", "tree", str(folder.parent / "elsewhere"), "main")
    commit(folder.parent / "elsewhere", CANARIES["worktree"])
    other = folder.parent / "lender"
    other.mkdir()
    git(other, "init", "-q")
    commit(other, CANARIES["alternate"], lent__py=f"{CANARIES['alternate']}\n")
    (folder / ".git" / "objects" / "info").mkdir(exist_ok=True)
    (folder / ".git" / "objects" / "info" / "alternates").write_text(f"{other}/.git/objects\n")


def _in_the_control_folder(folder: Path) -> None:
    control = folder / ".git"
    git(folder, "config", "user.signingkey", CANARIES["config"])
    git(folder, "config", "submodule.vendor/lib.url", CANARIES["submodule"])
    git(folder, "remote", "add", "origin", f"https://example.invalid/{CANARIES['remote']}")
    (control / "hooks").mkdir(exist_ok=True)
    (control / "hooks" / "post-checkout").write_text(f"#!/bin/sh\necho {CANARIES['hook']}\n")
    (control / "hooks" / "post-checkout").chmod(0o755)
    (control / "description").write_text(CANARIES["description"])
    (control / "info").mkdir(exist_ok=True)
    (control / "info" / "exclude").write_text(f"{CANARIES['exclude']}\n")


def read(folder: Path, commit: str) -> BaseTree:
    """Return the base at a commit."""
    return read_base(Base(repo=str(folder), ref=commit), Path("/"))


def texts_of(tree: Tree) -> bytes:
    """Return all contents of a tree in one byte string."""
    return b"\n".join([*map(str.encode, tree.paths()), *tree.values(), *map(str.encode, tree.links.values())])
