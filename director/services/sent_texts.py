"""Requirements and files that come as texts, from a person at another machine: estimated and judged here."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bus.store import Store
from director.reports.verdict_view import VerdictView
from director.services.estimates import estimate_for
from director.services.judge import JudgeRequest, Progress, judge_source
from director.services.judged_source import Source
from director.settings import Settings
from domain.errors import Invalid, Refused
from domain.estimate import Estimate
from verification.adequacy.weak_criteria import weak_criteria
from verification.requirements.model import Requirement
from verification.requirements.parser import check_notes, read_requirement
from verification.requirements.scope import path_fault
from verification.requirements.unfilled import refuse_unfilled


class SentTexts(msgspec.Struct, frozen=True, kw_only=True):
    """The text of a requirement file, of its sealed cases, and of the files to judge: path -> text."""

    requirement: str
    sealed: str = ""
    files: Mapping[str, str] = {}


class Estimated(msgspec.Struct, frozen=True, kw_only=True):
    """A requirement that can be submitted. `estimate` None: nobody with a known price can work. `notes`: for people."""

    title: str
    tasks: tuple[str, ...]
    criteria: int
    notes: tuple[str, ...]
    estimate: Estimate | None


@contextmanager
def written(texts: SentTexts) -> Iterator[tuple[Path, Path]]:
    """Write the texts into a new folder. Yield the requirement's file and the folder of the other files.

    The folder exists only inside the context. Raises Invalid for a path that leaves the folder.
    """
    for path in texts.files:
        if (fault := path_fault(path)) is not None:
            raise Invalid(f"The path {path!r} {fault}.", hint="Name each file as src/module.py.")
    with TemporaryDirectory(prefix="aura-sent-") as name:
        file, tree = Path(name, "requirement.md"), Path(name, "tree")
        tree.mkdir()
        file.write_text(texts.requirement, encoding="utf-8")
        if texts.sealed:
            file.with_suffix(".sealed.yaml").write_text(texts.sealed, encoding="utf-8")
        for path, text in texts.files.items():
            try:
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / path).write_text(text, encoding="utf-8")
            except OSError as error:  # such as a path that is a file and also a folder
                raise Invalid(f"The file {path!r} cannot be written: {error.strerror}.", hint="Rename it.") from error
        yield file, tree


def read_without_base(file: Path, done: str, hint: str) -> Requirement:
    """Read a requirement that came as text. Raises Refused if it has a base. `done`: what cannot be done with it then.

    A base names a folder of this machine, and only a person at this machine may name it.
    """
    requirement = read_requirement(file)
    if requirement.base is not None:
        raise Refused(
            f"A requirement with a base cannot be {done} here, because the base is a folder of the server.",
            hint=hint,
            code="base_not_here",
        )
    return requirement


async def estimate_file(store: Store, file: Path, attempts_max: int) -> Estimated:
    """Check a requirement file and estimate its run. Nothing is submitted. Raises RequirementInvalid."""
    requirement = await asyncio.to_thread(read_requirement, file)
    refuse_unfilled(requirement, file)
    return Estimated(
        title=requirement.title,
        tasks=tuple(task.id for task in requirement.tasks),
        criteria=len(requirement.criteria),
        notes=(*check_notes(requirement), *(weak.text for weak in weak_criteria(requirement))),
        estimate=await estimate_for(store, requirement, attempts_max),
    )


async def judge_texts(settings: Settings, texts: SentTexts, progress: Progress = lambda _: None) -> VerdictView:
    """Judge files that came as texts. Raises the errors of `judge_source`, and Refused if there is a base."""
    if not texts.files:
        raise Invalid("There is no file to judge.", hint="Send the files with their paths.")
    with written(texts) as (file, tree):
        await asyncio.to_thread(read_without_base, file, "judged", "Judge it on that machine: aura judge FILE DIR")
        return await judge_folder(settings, file, tree, progress)


async def judge_folder(
    settings: Settings, file: Path, folder: Path, progress: Progress = lambda _: None
) -> VerdictView:
    """Judge a folder of this machine. Raises the errors of `judge_source`."""
    asked = JudgeRequest(source=Source(file=file, folder=folder), allow_degraded=settings.allow_degraded)
    return (await judge_source(asked, settings, progress)).view
