"""The submission of a requirement file: it is checked and tried on its base first, then recorded."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import msgspec

from director.services.base_check import base_beside, tried_on_base
from director.services.base_secrets import consent_to, shared_secrets
from director.services.bring_up import box_faults
from director.services.estimates import estimate_for
from director.services.session import RECORDED_WAIT_S, DirectorSession, new_id, taken_up
from director.services.submit import ATTEMPTS_MAX, submit
from director.settings import Settings
from domain.errors import Unavailable
from domain.estimate import Estimate
from domain.labels import check_labels
from domain.message import derive
from observability.process_registry import at_work
from verification.adequacy.weak_criteria import Weak, weak_criteria
from verification.requirements.model import Base, Requirement
from verification.requirements.parser import read_requirement
from verification.requirements.unfilled import refuse_unfilled
from verification.verdict.base_notes import allowed_by

_AGAIN = "If there is no such run, submit the requirement again."
Note = Callable[[str], None]


class HandIn(msgspec.Struct, frozen=True, kw_only=True):
    """A requirement file to submit. `repo`, `ref`: the base to use instead of the file's. `attempts_max`: per task.

    `share_secrets`: the reason why employees may read the secrets of the base.
    `employees`: the only employees that may do the work; empty if each employee may.
    `labels`: names and values by which the costs of runs are grouped.
    `shadow`: the run is a shadow run, so nothing is delivered. The requirement must have one task.
    """

    file: Path
    repo: str | None = None
    ref: str = "HEAD"
    attempts_max: int = ATTEMPTS_MAX
    allow_degraded: bool = False
    share_secrets: str = ""
    employees: tuple[UUID, ...] = ()
    labels: Mapping[str, str] = {}
    shadow: bool = False


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """A requirement that can be submitted. `folder`: the folder to which its base's path is relative.

    `weak`: criteria that prove little.
    """

    request: HandIn
    requirement: Requirement
    folder: Path
    weak: tuple[Weak, ...]


class HandedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A run on record, with the event of its submission. `weak`: criteria that prove little."""

    run: UUID
    event: UUID
    seq: int
    weak: tuple[Weak, ...]


async def ready_to_hand_in(request: HandIn, settings: Settings, note: Note = lambda _: None) -> Ready:
    """Read a requirement, and try it on its base.

    Raises RequirementInvalid and BaseDisagrees with each problem. Raises Refused if the verifier uses this machine's
    sandbox and the sandbox cannot hold every limit, and if the base has secrets and there is no reason to share them.
    Raises Invalid for a label that cannot be recorded.
    """
    check_labels(request.labels)
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
    for line in shared_secrets(await asyncio.to_thread(consent_to, base, request.share_secrets)):
        note(line)
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
    on_estimate: Callable[[Estimate | None], None] = lambda _: None,
    command: UUID | None = None,
) -> HandedIn:
    """Submit a requirement, and wait until it is recorded. `on_handed_in`: called when the submission is done.

    `on_estimate`: called before the submission with the expected cost and time; None if nobody can work.
    `command`: the id of the command. The same person gets the same run for the same id; without it, a new run.

    Raises Unavailable if a server stops during the submission; its hint names the next step for the run.
    """
    request, id = ready.request, command or new_id()
    run = derive(id, opened.gate.principal.id, "run") if command else new_id()
    made = await estimate_for(opened.store, ready.requirement, request.attempts_max, request.employees)
    on_estimate(made)
    with advised(f"Run {run} may be on record. See: `aura run show {run}`. {_AGAIN}"):
        outcome = await submit(
            opened.gate,
            opened.blobs,
            ready.requirement,
            id=id,
            run=run,
            folder=ready.folder,
            attempts_max=request.attempts_max,
            allow_degraded=request.allow_degraded,
            employees=request.employees,
            labels=request.labels,
            estimate=made,
            shadow=request.shadow,
            libraries=opened.settings.libraries,
            share_secrets=request.share_secrets,
            say=note,
        )
    on_handed_in(run)
    with goes_on(run):
        await opened.store.wait_recorded(outcome.seq, RECORDED_WAIT_S)
        if not await taken_up(opened.store, run):
            note("The run is on record, but the manager has not begun it. See whether the manager runs: `aura status`")
    return HandedIn(run=run, event=outcome.events[0].envelope.id, seq=outcome.seq, weak=ready.weak)


@contextmanager
def goes_on(run: UUID) -> Iterator[None]:
    """Advise to follow the run if a server stops after the submission."""
    with advised(f"The run is on record and continues: `aura watch {run}` follows it. Do not submit it again."):
        yield


@contextmanager
def advised(hint: str) -> Iterator[None]:
    """Replace the hint of Unavailable: its own hint, to send the same command again, would be wrong here."""
    try:
        yield
    except Unavailable as error:
        if error.code != Unavailable.kind:  # another cause, such as the package index: nothing was submitted
            raise
        raise Unavailable(error.message, hint=hint) from error


def _judged_here(settings: Settings) -> bool:
    """Return whether the verifier uses this machine's sandbox. A verifier on another machine checks its own."""
    return any("verifier" in present.roles for present in at_work(settings.root))
