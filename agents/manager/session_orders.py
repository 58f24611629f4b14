"""The part of an order that a session needs: its working copy, and the visible requirement for its checks."""

from collections.abc import Mapping

from msgspec.structs import replace

from agents.briefs.brief import Brief
from agents.employees.contract import SessionOrder
from agents.run_content import Library
from agents.working_copies.packing import Packs
from domain.review import is_review
from domain.run import RunState
from domain.task import TaskState
from verification.requirements.prepared import files_for_parsing

Accepted = Mapping[str, tuple[str, ...]]
"""Machine -> limits of boxes that the Director accepted for it."""


class SessionOrders:
    """Makes these parts. The packs that an order names are in the bucket before the order is sent."""

    def __init__(self, library: Library, packs: Packs) -> None:
        self._library = library
        self._packs = packs

    async def of(self, state: RunState, part: TaskState, accepted: Accepted) -> SessionOrder:
        """Return the part for a task. Raises NotFound for purged content, PackRefused, LimitReached and Unavailable."""
        submitted = state.submitted
        assert submitted is not None, "a run without a requirement has no tasks"
        requirement = await self._library.requirement(submitted)
        return SessionOrder(
            packs=await self._packs.names_of_task(self._library, state, part.id),
            title=requirement.title,
            requirement=requirement.source,
            fixtures=files_for_parsing(requirement, sealed=False),
            criteria=() if is_review(part) else part.criteria,
            scope=part.scope,
            earlier=self._library.earlier(state, part.id),
            has_base=submitted.base_tree is not None,
            accepted=accepted,
            allow_degraded=submitted.allow_degraded,
        )


def without_files(brief: Brief) -> Brief:
    """Return the brief of a session. The texts of the project's files are in its working copy."""
    return replace(brief, base_files={}, not_shown={}, neighbours={}, listing=(), previous=None)
