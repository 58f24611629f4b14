"""A shadow run: employees do one task of an earlier run again, or a question to which the answer is known. Their work
is judged, counted apart, and never delivered.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol
from uuid import UUID

import msgspec

from domain.errors import Invalid, Refused
from domain.tree import Manifest, contents_of

OUTCOME = "shadow"
"""Outcome of a shadow run whose task was verified."""


class GivenTask(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Verified work of the earlier run, on which the repeated task builds. Nobody does it again.

    `evidence`: the digest of its verdict, which a reviewer sees.
    """

    name: str
    files: Manifest
    evidence: str | None = None


class ShadowOf(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The task that a shadow run repeats: its run, its id there, and its name. `given`: the tasks that it builds on.

    `run` and `task` are None for a question that no run asked before, such as a past fix of a repository.
    """

    run: UUID | None = None
    task: UUID | None = None
    name: str
    given: tuple[GivenTask, ...] = ()

    def by_name(self) -> Mapping[str, GivenTask]:
        """Return the given tasks by their names."""
        return {task.name: task for task in self.given}

    def blobs(self) -> tuple[str, ...]:
        """Return the digests of the given files."""
        files = {digest for task in self.given for digest in contents_of(task.files).values()}
        return tuple(sorted({*files, *(task.evidence for task in self.given if task.evidence)}))


class _Planned(Protocol):
    """A task of a plan."""

    @property
    def name(self) -> str: ...


class _Open(Protocol):
    """The tasks of a run."""

    @property
    def unverified(self) -> int: ...


def check_submission(shadow: ShadowOf | None, run: UUID, plan: Iterable[_Planned], employees: Iterable[UUID]) -> None:
    """Check that a shadow run repeats one task of another run, and names who does it. Raises Invalid."""
    if shadow is None:
        return
    if shadow.run == run:
        raise Invalid("A shadow run cannot repeat a task of itself.", hint="Name a task of an earlier run.")
    if not list(employees):
        raise Invalid("A shadow run must name its employees.", hint="Name one: aura rerun --task TASK --employee NAME")
    names, given = {task.name for task in plan}, set(shadow.by_name())
    if {shadow.name} | given != names or shadow.name in given:
        raise Invalid(
            f"The plan of a shadow run must have the task {shadow.name} and the given tasks before it.",
            hint="Let `aura rerun --task TASK --employee NAME` make the plan.",
        )


def refuse_merge(shadow: ShadowOf | None) -> None:
    """Raise Refused for the merge of a shadow run. Without a merge there is no delivery."""
    if shadow is not None:
        raise Refused(
            "The work of a shadow run is never delivered.",
            hint="To deliver, submit the requirement: aura submit FILE --employee NAME",
        )


def is_done(shadow: ShadowOf | None, phase: str, tasks: _Open) -> bool:
    """Return whether a shadow run must end because its task is verified."""
    return shadow is not None and phase == "planned" and not tasks.unverified


def check_end(shadow: ShadowOf | None, phase: str, tasks: _Open) -> None:
    """Raise Refused if a run may not end with the outcome `shadow`."""
    if not is_done(shadow, phase, tasks):
        raise Refused(
            "Only a shadow run whose task is verified can end with the outcome shadow.",
            hint="`aura run show` shows the state of the run.",
        )
