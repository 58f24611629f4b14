"""The hand-in of a requirement file: checked and tried on its base first, then put on record."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import msgspec

from director.services.base_check import base_beside, tried_on_base
from director.services.bring_up import box_faults
from director.services.session import DirectorSession, new_id, taken_up
from director.services.submit import ATTEMPTS_MAX, submit
from director.settings import Settings
from domain.errors import Unavailable
from observability.process_registry import at_work
from verification.adequacy.weak_criteria import Weak, weak_criteria
from verification.requirements.model import Base, Requirement
from verification.requirements.parser import read_requirement
from verification.requirements.unfilled import refuse_unfilled
from verification.verdict.base_notes import allowed_by

RECORDED_WAIT_S = 30.0
_AGAIN = "If there is no such run, submit it again."
Note = Callable[[str], None]


class HandIn(msgspec.Struct, frozen=True, kw_only=True):
    """A requirement file to hand in. `repo`, `ref`: the base, instead of the file's. `attempts_max`: of each task."""

    file: Path
    repo: str | None = None
    ref: str = "HEAD"
    attempts_max: int = ATTEMPTS_MAX
    allow_degraded: bool = False


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A requirement that can be handed in. `folder`: where its base's path begins. `weak`: what proves little."""

    request: HandIn
    requirement: Requirement
    folder: Path
    weak: tuple[Weak, ...]


class HandedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A run on record, and the event that says so. `weak`: criteria that prove little."""

    run: UUID
    event: UUID
    seq: int
    weak: tuple[Weak, ...]


async def ready_to_hand_in(request: HandIn, settings: Settings, note: Note = lambda _: None) -> Ready:
    """Read a requirement, and try it on its base.

    Raises RequirementInvalid and BaseDisagrees with each problem, and Refused when the sandbox of this machine counts
    and cannot hold every limit.
    """
    requirement = read_requirement(request.file)
    refuse_unfilled(requirement, request.file)
    weak = tuple(weak_criteria(requirement))
    for criterion in weak:
        note(f"Note: {criterion.text}")
    folder = request.file.absolute().parent
    if request.repo is not None:
        requirement = msgspec.structs.replace(requirement, base=Base(repo=request.repo, ref=request.ref))
        folder = Path.cwd()
    judged_here = _judged_here(settings)
    for part in await box_faults(settings, request.allow_degraded) if judged_here else ():
        note(f"Degraded: this machine's sandbox does not hold {part}.")
    base = base_beside(requirement, request.file, folder)
    required = judged_here or requirement.from_base
    tried = await tried_on_base(requirement, base, settings, required=required, say=note)
    tried.agree()
    for line in allowed_by(tried.requirement).lines if base is not None else ():
        note(f"Allowed: {line}")
    return Ready(request=request, requirement=tried.requirement, folder=folder, weak=weak)


async def hand_in(
    opened: DirectorSession,
    ready: Ready,
    *,
    note: Note = lambda _: None,
    on_handed_in: Callable[[UUID], None] = lambda _: None,
) -> HandedIn:
    """Hand in a requirement, and wait until it is recorded. `on_handed_in` is called as soon as its run goes on alone.

    Raises Unavailable with what to do about the run when a server goes away meanwhile.
    """
    request, run = ready.request, new_id()
    with advised(f"It is not known whether run {run} is on record: `aura run show {run}` says. {_AGAIN}"):
        outcome = await submit(
            opened.gate,
            opened.blobs,
            ready.requirement,
            id=new_id(),
            run=run,
            folder=ready.folder,
            attempts_max=request.attempts_max,
            allow_degraded=request.allow_degraded,
            libraries=opened.settings.libraries,
            say=note,
        )
    on_handed_in(run)
    with goes_on(run):
        await opened.store.wait_recorded(outcome.seq, RECORDED_WAIT_S)
        if not await taken_up(opened.store, run):
            note("It is on record, and the manager has not taken it up: is it at work? `aura status`")
    return HandedIn(run=run, event=outcome.events[0].envelope.id, seq=outcome.seq, weak=ready.weak)


@contextmanager
def goes_on(run: UUID) -> Iterator[None]:
    """Advise to follow a run when a server goes away after it was handed in."""
    with advised(f"The run is on record and goes on: `aura watch {run}` follows it. Do not submit it again."):
        yield


@contextmanager
def advised(hint: str) -> Iterator[None]:
    """Say what to do about a server that goes away: its own advice, to send the same again, would be wrong here."""
    try:
        yield
    except Unavailable as error:
        if error.code != Unavailable.kind:  # a package index, say: nothing has been handed in
            raise
        raise Unavailable(error.message, hint=hint) from error


def _judged_here(settings: Settings) -> bool:
    """Whether this machine's sandbox is the one that counts. A verifier elsewhere has its own, and speaks for it."""
    return any("verifier" in present.roles for present in at_work(settings.root))
