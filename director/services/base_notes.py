"""Notes about a run's base for an approval, from the recorded verdict on the merged tree."""

from typing import Any
from uuid import UUID

from agents.run_content import Library
from bus.blobs import Blobs
from bus.redaction import Redactor
from bus.store import Store
from director.services.degraded import degraded_run
from domain import run_messages
from domain.errors import AuraError
from verification.verdict.base_notes import NONE, BaseNotes, base_notes


async def notes_of_run(store: Store, run: UUID) -> BaseNotes:
    """Return the notes of the last verdict on the merged tree.

    Return NONE if there is no such verdict, if the run has no base, or if the records were purged.
    """
    events = [each.event for each in await store.read_run(run) if not each.void]
    submitted = next((each for each in events if isinstance(each, run_messages.Submitted)), None)
    judged = [each for each in events if isinstance(each, run_messages.Verified | run_messages.Rejected)]
    if submitted is None or submitted.base_commit is None or not judged:
        return NONE
    library = Library(Blobs(store, Redactor()))
    try:
        verdict = await library.verdict(judged[-1].judgement.evidence)
        return base_notes(verdict, await library.requirement(submitted))
    except AuraError:
        return NONE


async def with_notes(store: Store, line: dict[str, Any]) -> dict[str, Any]:
    """Return a run's line with notes for an approval.

    `base_short`: a few words about its base. `base_notes`: whole sentences about it. `degraded`: the sentence about
    sandbox limits that were not held.
    """
    at_rest = line.get("phase", "delivered") in ("delivered", "ended")  # in earlier phases, nothing can be approved
    notes = await notes_of_run(store, line["run"]) if at_rest else NONE
    degraded = await degraded_run(store, line["run"])
    return {**line, "base_short": notes.short, "base_notes": list(notes.lines), "degraded": degraded}
