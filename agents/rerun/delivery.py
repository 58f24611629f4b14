"""The repository of a delivery, built again in a folder of the rerun."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from agents.delivery.commit_plan import BaseClone
from agents.delivery.commits import branch_of, delivery_of
from agents.manager.delivery_steps import built
from agents.run_content import Library
from bus.blobs import Blobs
from domain.errors import AuraError
from domain.message import Recorded
from domain.run import RunState, files_of


class Built(NamedTuple):
    """The commit of a built repository. None: it was not built, for this reason."""

    commit: str | None
    not_built: str = ""


async def build(run: UUID, state: RunState, events: Sequence[Recorded], blobs: Blobs, folder: Path) -> Built:
    """Build the repository of a delivery. `events`: of the run, as they are today. `folder`: must not exist yet."""
    submitted, library = state.submitted, Library(blobs)
    assert submitted is not None
    requirement = await library.requirement(submitted)
    manifest, _ = await library.merged(state, files_of(state))
    delivery = await delivery_of(requirement, events, state, manifest, blobs)
    base = None
    if submitted.base_repo and submitted.base_commit:
        if not await asyncio.to_thread(Path(submitted.base_repo).exists):
            return Built(None, f"The repository of the base is not at {submitted.base_repo}.")
        base = BaseClone(repo=Path(submitted.base_repo), ref=submitted.base_commit)
    branch = branch_of(run, base is not None)
    try:
        return Built(await asyncio.to_thread(built, folder, delivery, submitted.proof, branch, base))
    except AuraError as error:
        return Built(None, str(error))
