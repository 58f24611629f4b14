"""The waiting part of `aura submit --wait`: it follows a run until the run is delivered or has ended."""

from uuid import UUID

from director.cli.live_view import Watch
from director.cli.output import Door
from director.services.base_notes import with_notes
from director.services.session import DirectorSession
from director.services.waiting import Waits
from director.terminal.text import next_step
from domain.errors import Failed


async def follow(opened: DirectorSession, run: UUID, door: Door) -> None:
    """Follow a run until it is delivered or has ended, then print its state. Raises Failed without a delivery."""
    waits = Waits(opened.store, opened.settings)
    line = await Watch(opened.store, run, door, quiet=door.as_json, waits=waits.of).until_rest()
    if line["phase"] == "ended" and line["outcome"] != "delivered":
        raise Failed(f"The run ended: {line['outcome']}. {line['reason']}", hint=next_step(line), code=line["outcome"])
    line = await with_notes(opened.store, line) | {"waiting": await waits.of(run)}
    door.answer(line, next_step(line))
