"""Behind `aura submit`: the hand-in, and following the run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from director.cli.live_view import Watch
from director.services.base_check import base_beside, tried_on_base
from director.services.base_notes import with_notes
from director.services.bring_up import box_faults
from director.services.session import DirectorSession, desk, new_id, taken_up
from director.services.submit import submit
from director.settings import Settings
from director.terminal.output import Door
from director.terminal.text import next_step
from domain.errors import Failed, Unavailable
from observability.process_registry import at_work
from verification.adequacy.weak_criteria import weak_criteria
from verification.base_check import BaseDisagrees
from verification.requirements.model import Base
from verification.requirements.parser import read_requirement
from verification.verdict.base_notes import allowed_by

_AGAIN = "If there is no such run, submit it again."


@dataclass(frozen=True)
class Submission:
    """One hand-in, as the command line asks for it."""

    file: Path
    repo: str | None
    ref: str
    attempts: int
    allow_degraded: bool

    async def send(self, settings: Settings, door: Door, *, wait: bool) -> None:
        """Submit, and with `wait` follow the run. Raises Failed when the run ends without a delivery."""
        requirement = read_requirement(self.file)
        weak = weak_criteria(requirement)
        for one in weak:
            door.note(f"Note: {one.text}")
        folder = self.file.absolute().parent
        if self.repo is not None:
            requirement = msgspec.structs.replace(requirement, base=Base(repo=self.repo, ref=self.ref))
            folder = Path.cwd()
        not_held = await box_faults(settings, self.allow_degraded) if _judged_here(settings) else ()
        for part in not_held:
            door.note(f"Degraded: this machine's sandbox does not hold {part}.")
        base = base_beside(requirement, self.file, folder)
        tried = await tried_on_base(
            requirement, base, settings, required=_judged_here(settings) or requirement.from_base, say=door.note
        )
        try:
            tried.agree()
        except BaseDisagrees as error:
            door.fail(error, {"problems": error.problems})
        requirement = tried.requirement
        for line in allowed_by(requirement).lines if base is not None else ():
            door.note(f"Allowed: {line}")
        async with desk(settings) as opened:
            run = new_id()
            with advised(f"It is not known whether run {run} is on record: `aura run show {run}` says. {_AGAIN}"):
                outcome = await submit(
                    opened.gate,
                    opened.blobs,
                    requirement,
                    id=new_id(),
                    run=run,
                    folder=folder,
                    attempts_max=self.attempts,
                    allow_degraded=self.allow_degraded,
                    libraries=settings.libraries,
                    say=door.note,
                )
            door.when_interrupted = f"The run goes on: `aura watch {run}` follows it."
            with advised(f"The run is on record and goes on: `aura watch {run}` follows it. Do not submit it again."):
                await opened.store.wait_recorded(outcome.seq, 30.0)
                if not await taken_up(opened.store, run):
                    door.note("It is on record, and the manager has not taken it up: is it at work? `aura status`")
                if wait:
                    await follow(opened, run, door)
                    return
            text = f"Run {run}\nFollow it with: aura watch {run}"
            data = {"run": run, "event": outcome.events[0].envelope.id, "seq": outcome.seq, "weak": weak}
            door.answer(data, text)


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


async def follow(opened: DirectorSession, run: object, door: Door) -> None:
    """Watch a run until it rests, then answer with where it stands."""
    from uuid import UUID

    line = await Watch(opened.store, UUID(str(run)), door, quiet=door.as_json).until_rest()
    if line["phase"] == "ended" and line["outcome"] != "delivered":
        raise Failed(f"The run ended: {line['outcome']}. {line['reason']}", hint=next_step(line), code=line["outcome"])
    line = await with_notes(opened.store, line)
    door.answer(line, next_step(line))
