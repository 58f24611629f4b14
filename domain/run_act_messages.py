"""The commands and events of a person's acts on a run: comments, returns with comments, and overrides.

`domain/run_acts.py` has their rules.
"""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

import msgspec

from domain import run_messages as m
from domain.message import RunEvent
from domain.tree import Manifest, contents_of

Verdict = Literal["verified", "rejected", "none"]
"""The verdict about released work. `none`: the verifier never judged this work."""


class ReleasedWork(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The work of one task that an override releases: the attempt, its author, and the verdict about it."""

    task: UUID
    name: str
    attempt: int
    employee: UUID
    verdict: Verdict


class Overridden(RunEvent, frozen=True, kw_only=True):
    """This run releases recorded work of the run `of` without a verdict. `run.submitted` is in the same batch.

    `files`: the changes to the base. `tree`: the name of the whole tree. `missing`: names of tasks without any work.
    `merged`: the work is the merged tree of the other run, which the verifier rejected as a whole.
    """

    type = "run.overridden"
    of: UUID
    files: Manifest
    tree: str
    work: tuple[ReleasedWork, ...]
    missing: tuple[str, ...] = ()
    merged: bool = False
    reason: str

    def blobs(self) -> tuple[str, ...]:
        return tuple(sorted(set(contents_of(self.files).values())))


class Commented(RunEvent, frozen=True, kw_only=True):
    """A person commented on a task, or on all tasks: `task` is None. Later prompts show the text as data."""

    type = "run.commented"
    task: UUID | None
    text: str


class TaskComment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A comment on one task, or on all tasks of the run: `task` is None."""

    task: UUID | None = None
    text: str


class Override(m.Submit, frozen=True, kw_only=True):
    """Submit the requirement of the run `of` as a new run that releases recorded work without a verdict."""

    of: UUID
    files: Manifest
    tree: str
    released: tuple[ReleasedWork, ...]
    missing: tuple[str, ...] = ()
    merged: bool = False
    reason: str


class Comment(m.RunCommand, frozen=True, kw_only=True):
    comment: TaskComment


class ReturnWithComments(m.RunCommand, frozen=True, kw_only=True):
    """`commit`: the delivered commit that the person saw."""

    commit: str
    comments: tuple[TaskComment, ...]


COMMANDS: Mapping[type[m.RunCommand], tuple[str, ...]] = {
    Override: (m.Submitted.type, Overridden.type),
    Comment: (Commented.type,),
    ReturnWithComments: (Commented.type, m.Returned.type),
}
"""Command of this module -> the events that it may cause."""
EVENTS = (Overridden, Commented)
