"""Checks of requirement files that are in the base, the repository that the requirement builds on.

An author who can write these files could change the requirement of the next run. An author who can read the sealed
files knows the sealed cases.
"""

from pathlib import Path

from domain.errors import Invalid
from domain.tree import Tree
from verification.requirements.base_tree import BaseTree
from verification.requirements.model import Requirement
from verification.requirements.scope import in_scope


def refuse_own_in_scope(requirement: Requirement, file: Path, base: BaseTree, work: Path | None = None) -> None:
    """Raise Invalid if the scope covers a file of the requirement itself: its text, its suites or its fixtures.

    `work`: the folder with the author's work, if the requirement may be in that folder.
    """
    scopes = (requirement.scope, *(task.scope for task in requirement.tasks))
    covered = [
        path for path in _own_files(requirement, file, base, work) if any(in_scope(path, each) for each in scopes)
    ]
    if covered:
        raise Invalid(
            f"The scope covers {covered[0]}, which is part of the requirement itself.",
            hint="Keep requirements, suites and fixtures outside the scope: an author could change the rules.",
            code="requirement_in_scope",
        )


def refuse_sealed_in_base(requirement: Requirement, file: Path, base: BaseTree) -> None:
    """Raise Invalid if the base contains a sealed file. Authors, and their code in sandboxes, could read this file."""
    sealed = _places(_names(requirement, file, sealed=True), file, Path(base.repo))
    seen = [path for path in sealed if path in base.files] + _same(requirement.sealed_source, base.files)
    if seen:
        raise Invalid(
            f"{seen[0]} is sealed, but the base contains it, so every author could read it.",
            hint="Keep sealed files outside the repository, or start from a commit without it.",
            code="sealed_in_base",
        )


def _own_files(requirement: Requirement, file: Path, base: BaseTree, work: Path | None) -> list[str]:
    """Return the paths of all files of the requirement in the base, and the paths of copies with the same content."""
    names = [*_names(requirement, file, sealed=False), *_names(requirement, file, sealed=True)]
    copies = [*_same(requirement.source, base.files), *_same(requirement.sealed_source, base.files)]
    tops = (Path(base.repo), *(() if work is None else (work.absolute().resolve(),)))
    return list(dict.fromkeys([*(place for top in tops for place in _places(names, file, top)), *copies]))


def _names(requirement: Requirement, file: Path, *, sealed: bool) -> list[str]:
    """Return the paths of the visible or the sealed files, relative to the requirement's folder."""
    if sealed:
        return [f"{file.stem}.sealed.yaml", *requirement.sealed_fixtures]
    return [file.name, *requirement.fixtures]


def _places(names: list[str], file: Path, top: Path) -> list[str]:
    """Return the paths of the named files relative to `top`; nothing if the requirement is not inside `top`."""
    folder = file.absolute().parent.resolve()
    if not folder.is_relative_to(top):
        return []
    inside = folder.relative_to(top)
    return [(inside / name).as_posix() for name in names]


def _same(content: bytes | None, files: Tree) -> list[str]:
    return [path for path, each in files.items() if each == content] if content else []
