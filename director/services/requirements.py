"""The services of `aura init` and `aura check`: templates, and a summary for people."""

import os
from pathlib import Path
from typing import Any

from director.services.base_secrets import shared_secrets
from domain.errors import Conflict, Invalid
from domain.run_messages import SecretsConsent
from domain.wording import counted
from verification.adequacy.weak_criteria import weak_criteria
from verification.base_check import BaseReport
from verification.requirements.base_tree import BaseTree
from verification.requirements.model import Base, Requirement
from verification.requirements.parser import check_notes, read_prose
from verification.requirements.starting_points import STARTING_POINTS, Written, example, starting_point
from verification.requirements.template import scaffold, sealed_template, template
from verification.requirements.unfilled import placeholders_in
from verification.verdict.base_notes import allowed_by


def write_template(file: Path, deliver: str) -> list[Path]:
    """Write NAME.md and NAME.sealed.yaml. Prose in an existing file is kept.

    Raises Conflict if the file is a requirement already.
    """
    if deliver not in ("library", "cli"):
        raise Invalid(f"There is no deliverable {deliver}.", hint="Write library or cli.")
    if file.parent.is_dir() and file.exists():
        return [_written_from_prose(file, deliver)]
    stem = file.stem
    return _write_new(file, Written(template(stem, deliver=deliver), sealed_template(stem, deliver=deliver)))


def write_starting_point(file: Path, kind: str) -> list[Path]:
    """Write a requirement for a kind of work. In a git repository, that repository is its base.

    Raises Invalid, Conflict.
    """
    if kind not in STARTING_POINTS:
        raise Invalid(f"There is no kind {kind}.", hint=f"Write one of {', '.join(STARTING_POINTS)}.")
    return _write_new(file, starting_point(kind, file.stem, base_around(file)))


def write_example(file: Path) -> list[Path]:
    """Write a complete requirement that the embedded model can meet. Raises Invalid, Conflict."""
    return _write_new(file, example())


def placeholders_left(files: list[Path]) -> int:
    """Return the number of a template's placeholders in these files."""
    return sum(len(placeholders_in(file.read_bytes(), file)) for file in files)


def base_around(file: Path) -> Base | None:
    """Return the repository of a file and its checked-out branch; None without a repository or a commit."""
    from dulwich.errors import NotGitRepository
    from dulwich.refs import Ref
    from dulwich.repo import Repo

    folder = file.absolute().parent
    try:
        with Repo.discover(str(folder)) as repo:
            chain, commit = repo.refs.follow(Ref(b"HEAD"))
            place = os.path.relpath(repo.path, folder)
    except NotGitRepository:
        return None
    if commit is None:
        return None
    branch = chain[-1].decode("utf-8", "replace")
    return Base(repo=place, ref=branch.removeprefix("refs/heads/") if branch != "HEAD" else commit.decode())


def _write_new(file: Path, written: Written) -> list[Path]:
    if not file.parent.is_dir():
        raise Invalid(f"There is no folder {file.parent}.", hint=f"Make it first: mkdir -p {file.parent}")
    if file.suffix != ".md":
        raise Invalid(f"{str(file)!r} does not end in .md.", hint=f"Write {file.stem or 'slug'}.md.")
    sealed = file.with_name(f"{file.stem}.sealed.yaml")
    for path in (file, sealed):
        if path.exists():
            raise Conflict(f"{path} exists already.", hint="Give another name, or move the file away.")
    file.write_text(written.visible, encoding="utf-8")
    sealed.write_text(written.sealed, encoding="utf-8")
    return [file, sealed]


def _written_from_prose(file: Path, deliver: str) -> Path:
    """Add the missing parts to a file of prose. For a file without the suffix .md, write NAME.md in the same folder."""
    prose = read_prose(file)
    if prose is None:
        raise Conflict(f"{file} is a requirement already.", hint=f"See what it needs: aura check {file}")
    written = file.with_suffix(".md")
    if written != file and written.exists():
        raise Conflict(f"{written} exists already.", hint=f"Move it away, or copy the prose of {file} into it.")
    written.write_text(scaffold(file.stem, prose.replace("\r\n", "\n"), deliver=deliver), encoding="utf-8")
    return written


def check_data(
    requirement: Requirement, base: BaseTree | None, seen: BaseReport | None, consent: SecretsConsent | None = None
) -> dict[str, Any]:
    """Return the answer of `aura check --json` for a requirement that can be submitted."""
    weak = weak_criteria(requirement)
    return {
        "title": requirement.title,
        "tasks": [task.id for task in requirement.tasks],
        "notes": [*check_notes(requirement), *(one.text for one in weak)],
        "weak": weak,
        "base": None if base is None else {"repo": base.repo, "commit": base.commit, "files": len(base.files)},
        "on_base": seen,
        "base_notes": list(allowed_by(requirement).lines) if base is not None else [],
        "secrets": [] if consent is None else consent.secrets,
    }


def check_text(
    requirement: Requirement, base: BaseTree | None, seen: BaseReport | None, consent: SecretsConsent | None = None
) -> str:
    """Return the answer of `aura check` for people, for a requirement that can be submitted."""
    notes = [*check_notes(requirement), *(one.text for one in weak_criteria(requirement))]
    named = [f"note: {note}" for note in notes]
    tried = [_on_base_line(seen)] if seen is not None else []
    allowed = allowed_by(requirement).lines if base is not None else ()
    return "\n".join([summary(requirement, base), *tried, *allowed, *shared_secrets(consent), *named])


def _on_base_line(seen: BaseReport) -> str:
    ran = f"{seen.files_ran} of {seen.files} test files run" if seen.files else "its own tests were not run"
    held = f"these criteria hold already: {', '.join(seen.held)}" if seen.held else "each criterion fails"
    return f"on the base {ran}; {held}"


def summary(requirement: Requirement, base: BaseTree | None = None) -> str:
    """Return a requirement and its base in a few lines."""
    visible = sum(len(criterion.cases) for criterion in requirement.criteria)
    sealed = sum(len(criterion.sealed) for criterion in requirement.criteria)
    tried = sum(len(criterion.properties) + len(criterion.sealed_properties) for criterion in requirement.criteria)
    suites = sum(len(criterion.suites) for criterion in requirement.criteria)
    more = f", {counted(tried, 'property', 'properties')}" if tried else ""
    more += f", {counted(suites, 'given suite')}" if suites else ""
    budget = requirement.budget
    return _base_line(base) + (
        f"{requirement.title}: {requirement.deliver}, {counted(len(requirement.tasks), 'task')}, "
        f"{counted(len(requirement.criteria), 'criterion', 'criteria')}, {visible} visible and {sealed} sealed cases"
        f"{more}; "
        f"budget {budget.usd} USD, {budget.tokens} tokens, {counted(budget.minutes, 'minute')}"
    )


def _base_line(base: BaseTree | None) -> str:
    if base is None:
        return ""
    counts = (len(base.files), "file"), (len(base.files.links), "link"), (len(base.files.submodules), "submodule")
    held = [f"{number} {name}{'' if number == 1 else 's'}" for number, name in counts if number or name == "file"]
    return f"base {base.commit[:12]} of {base.repo}: {', '.join(held)}\n"
