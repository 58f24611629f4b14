"""The source that `aura judge` reads: a folder or a commit of a repository, and the base to compare it with."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import msgspec

from agents.delivery.packaging import packaging_files, proof_names
from domain.errors import Invalid, LimitReached, NotFound
from domain.tree import Tree
from verification.requirements.base_tree import BaseTree, base_of, read_base
from verification.requirements.link_rules import text_fault
from verification.requirements.model import Base, Requirement
from verification.requirements.own_files import refuse_own_in_scope
from verification.requirements.scope import in_scope
from verification.tree_limits import TREE_BYTES_MAX, TREE_FILES_MAX
from verification.working_tree.branch_base import default_branch, knows_commit, merge_base
from verification.working_tree.comparison import HandedIn, compared_with

SKIPPED = frozenset({".git", "__pycache__", ".pytest_cache", ".venv"})
NAMED_MAX = 20  # maximum number of paths that one note names


@dataclass(frozen=True, kw_only=True)
class Source:
    """The arguments of the command: the requirement's file, and a folder or a commit of a repository.

    `base_ref`: the branch or commit to compare the work with. It replaces the requirement's base.
    """

    file: Path
    folder: Path | None = None
    repo: str | None = None
    ref: str = "HEAD"
    base_ref: str | None = None

    def check(self) -> None:
        """Raise Invalid unless exactly one tree is named."""
        if (self.folder is None) == (self.repo is None):
            raise Invalid(
                "Name the tree to judge: a folder, or a commit of a repository.",
                hint="aura judge FILE DIR, or aura judge FILE --repo PATH --ref REF",
            )
        if self.repo is None and (self.ref != "HEAD" or self.base_ref is not None):
            raise Invalid("--ref and --base-ref need --repo.", hint="Add --repo PATH, and leave the folder out.")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A tree as it was submitted. `words`: the arguments of the command that judges the same tree again.

    `notes`: notes for a person. `data`: notes for --json. `below`: the folder that reports write before each path.
    """

    requirement: Requirement
    whole: Tree
    base: BaseTree | None
    about: str
    words: tuple[str, ...]
    below: str = ""
    notes: tuple[str, ...] = ()
    data: dict[str, list[str]] = field(default_factory=dict)

    def tree(self) -> Tree:
        """Return the tree without the files that a delivery adds around it."""
        return own_files(self.requirement, self.whole, Tree({}) if self.base is None else self.base.files)


def read_source(requirement: Requirement, source: Source) -> Judged:
    """Read the named tree. Raises Invalid, NotFound or LimitReached if the tree cannot be judged."""
    source.check()
    if source.repo is not None:
        return _of_commit(requirement, source, source.repo)
    assert source.folder is not None
    return _of_folder(requirement, source, source.folder)


def _of_folder(requirement: Requirement, source: Source, folder: Path) -> Judged:
    base = base_of(requirement, source.file.absolute().parent)
    notes: tuple[str, ...] = ()
    data: dict[str, list[str]] = {}
    if base is None:
        whole = read_tree(folder)
    else:
        refuse_own_in_scope(requirement, source.file, base, folder)
        handed_in = compared_with(folder, base.files, requirement.scope)
        whole, notes, data = handed_in.tree, tuple(_notes(handed_in)), _data(handed_in)
    return Judged(
        requirement=requirement,
        whole=whole,
        base=base,
        about=f"The folder {folder}",
        words=(str(source.file), str(folder)),
        below=_below_here(folder),
        notes=notes,
        data=data,
    )


def _of_commit(requirement: Requirement, source: Source, repo: str) -> Judged:
    head = read_base(Base(repo=repo, ref=source.ref), Path.cwd())
    base = _base_of_commit(requirement, source, head)
    refuse_own_in_scope(requirement, source.file, base)
    return Judged(
        requirement=msgspec.structs.replace(requirement, base=Base(repo=base.repo, ref=base.commit)),
        whole=head.files,
        base=base,
        about=f"The commit {head.commit} of {repo}",
        words=(str(source.file), "--repo", repo, "--ref", head.commit, "--base-ref", base.commit),
        notes=(f"Commit {head.commit[:12]} is compared with {base.commit[:12]}.",),
        data={"commit": [head.commit], "base": [base.commit]},
    )


def _base_of_commit(requirement: Requirement, source: Source, head: BaseTree) -> BaseTree:
    """Return the commit from which the work started: the last commit that the work and the base have in common."""
    own = None
    if source.base_ref is not None:
        other = read_base(Base(repo=head.repo, ref=source.base_ref), Path.cwd()).commit
    elif requirement.base is not None:
        own = base_of(requirement, source.file.absolute().parent)
        assert own is not None
        if not knows_commit(head.repo, own.commit):
            return own  # the base is another repository, so the two have no common history
        other = own.commit
    else:
        other = read_base(Base(repo=head.repo, ref=default_branch(head.repo)), Path.cwd()).commit
    start = merge_base(head.repo, head.commit, other)
    if own is not None and own.commit == start:
        return own
    if start == head.commit:
        raise Invalid(
            f"{source.ref} changes nothing: {source.base_ref or 'the default branch'} contains all of it already.",
            hint="Name the commit from which the work started: --base-ref REF",
        )
    base = base_of(msgspec.structs.replace(requirement, base=Base(repo=head.repo, ref=start)), Path.cwd())
    assert base is not None
    return base


def _notes(handed_in: HandedIn) -> Iterator[str]:
    """Yield notes for a person about a folder that was compared with a base."""
    if handed_in.left_out:
        yield f"Not judged, because git ignores these paths or tools created them: {_named(handed_in.left_out)}."
    if handed_in.compared_raw:
        named = _named(handed_in.compared_raw)
        yield f"Compared as raw bytes, without the filter program in the git attributes of these files: {named}."
    if not handed_in.modes_kept:
        yield "The folder does not store executable bits, so the file modes of the base are used."


def _data(handed_in: HandedIn) -> dict[str, list[str]]:
    return {"left_out": list(handed_in.left_out), "compared_raw": list(handed_in.compared_raw)}


def _named(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - NAMED_MAX} more" if len(paths) > NAMED_MAX else ""
    return f"{', '.join(paths[:NAMED_MAX])}{more}"


def _below_here(folder: Path) -> str:
    """Return the path from the working directory to a folder below it; empty for another folder."""
    here = Path.cwd()
    return folder.absolute().relative_to(here).as_posix() if folder.absolute().is_relative_to(here) else ""


def read_tree(folder: Path) -> Tree:
    """Read the tree of a folder. No link is followed. Links out of the folder and special files are refused.

    Caches and .git are left out.
    """
    if not folder.is_dir():
        raise NotFound(f"There is no folder {folder}.", hint="Name the folder that holds the code.")
    files: dict[str, bytes] = {}
    links: dict[str, str] = {}
    executable: set[str] = set()
    total = 0
    for place, folders, names in os.walk(folder, onerror=_cannot_read):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in sorted(names) + [name for name in folders if (Path(place) / name).is_symlink()]:
            path = Path(place) / name
            inside, status = path.relative_to(folder).as_posix(), path.lstat()
            _may_be_named(path)
            total += status.st_size
            if len(files) + len(links) >= TREE_FILES_MAX or total > TREE_BYTES_MAX:
                raise LimitReached(
                    f"{folder} has more than {TREE_FILES_MAX} files or {TREE_BYTES_MAX} bytes, counted up to {path}.",
                    hint="Judge only the project, without its environment and data.",
                )
            try:
                if stat.S_ISLNK(status.st_mode):
                    links[inside] = os.readlink(path)
                elif stat.S_ISREG(status.st_mode):
                    files[inside] = _content(path)
                    executable |= {inside} if status.st_mode & stat.S_IXUSR else set()
                else:
                    raise Invalid(f"{path} is not a regular file.", hint="Remove special files from the tree.")
            except OSError as error:
                _cannot_read(error)
    tree = Tree(files, executable=frozenset(executable), links=links)
    for inside in sorted(links):
        if (fault := text_fault(inside, tree)) is not None:
            raise Invalid(
                f"{folder / inside} {fault}.", hint="Remove the link, or make it point to a path of the tree."
            )
    return tree


def _may_be_named(path: Path) -> None:
    """Raise Invalid if the name of a path is not UTF-8."""
    if any("\udc80" <= sign <= "\udcff" for sign in path.name):
        shown = os.fsencode(path).decode(errors="replace")
        raise Invalid(f"{shown} has a name that is not UTF-8.", hint="Rename it, or remove it from the tree.")


def _content(path: Path) -> bytes:
    """Read the bytes of a regular file. A link is never followed."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        return file.read()


def _cannot_read(error: OSError) -> NoReturn:
    """Raise Invalid, because a file that cannot be read would be missing in the judged tree."""
    raise Invalid(
        f"{error.filename} cannot be read: {error.strerror}.", hint="Give this user the right to read the whole folder."
    ) from error


def own_files(requirement: Requirement, whole: Tree, base: Tree) -> Tree:
    """Return the tree without the files that a delivery adds: packaging, lock, README, acceptance cases, verdict.

    These files are not judged. A delivery never replaces a file of the base, so every file of the base is judged.
    """
    written = {path for path in whole.paths() if in_scope(path, requirement.scope)}
    known = written | {path for path in base.paths() if not in_scope(path, requirement.scope)}
    added = (packaging_files(requirement, known).keys() | set(proof_names(known))) - known
    return whole.kept(lambda path: path not in added)
