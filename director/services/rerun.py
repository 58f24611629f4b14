"""The service of `aura rerun RUN --recorded`: a run is played again from its record, without a model and without a
change to the log.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from agents.rerun.player import Player
from agents.rerun.report import Rerun
from agents.rerun.sessions import SessionPlaces, SessionPlayer
from agents.run_content import Library
from agents.verifier.judging import Judging
from bus.store import FAR, Store
from bus.unstored_blobs import UnstoredBlobs
from director.services.degraded import accepted_limits, check_limits
from director.settings import Settings
from domain.errors import Differs, NotFound
from domain.message import Command
from domain.run_messages import Submitted
from domain.wording import counted
from verification.sandbox.choice import open_sandbox

FOLDER_PREFIX = "aura-rerun-"


async def rerun_recorded(
    store: Store, settings: Settings, run: UUID, *, allow_degraded: bool = False, note: Callable[[str], None]
) -> Rerun:
    """Play a run from its record. Deliveries are built in a temporary folder, which is deleted at the end.

    Raises NotFound for a run that is not on record or was purged, Unavailable without a sandbox, and Refused if this
    machine's sandbox cannot hold every limit and nobody has accepted the missing limits.
    """
    events = await store.read_run(run)
    if not events:
        raise NotFound(f"Run {run} is not on record.", hint="`aura runs` lists the runs.")
    first = events[0].event
    allowed = allow_degraded or settings.allow_degraded or (isinstance(first, Submitted) and first.allow_degraded)
    hired = await store.read_types(("employee.hired",), FAR)
    blobs = UnstoredBlobs(store)
    box = open_sandbox(settings.boxes())
    try:
        not_held = (await box.probe()).not_held
        if not allowed:
            here = [each.limit for each in await accepted_limits(store) if each.machine == settings.machine_id]
            check_limits(not_held, here)
        judging = Judging(
            box,
            blobs,
            Library(blobs),
            _never_sent,
            libraries=settings.libraries,
            outcomes=settings.base_outcomes,
            allow_degraded=True,  # this is checked above
            say=note,
        )
        whole = sorted([*hired, *events], key=lambda each: each.seq)
        with tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX) as temporary:
            folder = Path(temporary)
            places = SessionPlaces(folder / "copies", settings.libraries, settings.base_outcomes)
            sessions = SessionPlayer(blobs, box, places, say=note)
            player = Player(run, whole, blobs, judging, folder / "deliveries", play_session=sessions, note=note)
            return await player.play()
    finally:
        await box.close()


def difference_of(rerun: Rerun) -> Differs | None:
    """Return the error of a rerun that did not reach the same deliveries; None if it did."""
    if rerun.same:
        return None
    if rerun.stopped is not None:
        return Differs(
            f"Today the run leaves its record at event {rerun.stopped.seq} ({rerun.stopped.event}): "
            f"{rerun.stopped.reason}",
            hint="The differences before this event are the cause.",
        )
    other = sum(not each.same for each in rerun.deliveries)
    return Differs(
        f"{counted(other, 'delivery', 'deliveries')} would have another tree today.",
        hint="The differences of prompts, work and verdicts show where it begins.",
    )


async def _never_sent(command: Command) -> object:
    """Refuse to send a command: a rerun only asks for judgements."""
    raise AssertionError(f"a rerun sends no command: {type(command).__name__}")
