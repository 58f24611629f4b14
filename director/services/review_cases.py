"""The cases of a check of reviewers: accepted work, with a planted small mistake or without one."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import zip_longest
from uuid import UUID

import msgspec

from agents.briefs.review_brief import review_plan
from agents.run_content import Library
from bus.store import FAR
from director.services.repeated_run import planned_again, repeated
from director.services.session import DirectorSession, run_state
from director.services.views import Person
from domain import run_messages
from domain.errors import NotFound, Refused
from domain.judgement import REVIEW
from domain.message import derive
from domain.money import Amount
from domain.review import is_review, vendor_of
from domain.run import RunState, files_of
from domain.run_messages import Allowance, Submit
from domain.shadow import GivenTask, ShadowOf
from domain.task import TaskState
from domain.tree import Entry, digest_of
from verification.adequacy.planted_defects import PlantedDefect, planted

WORKS_MAX = 20
"""The most accepted runs from which work is taken, the newest first."""
ATTEMPTS_MAX = 2
LABELS = {"purpose": "reviewer-check"}


class ReviewCase(msgspec.Struct, frozen=True, kw_only=True):
    """Accepted work of one run, with a planted mistake or without."""

    run: UUID
    state: RunState
    defect: PlantedDefect | None = None


async def accepted_works(opened: DirectorSession) -> list[ReviewCase]:
    """Return the verified work of the last runs, newest first. Raises NotFound if there is none."""
    verified = await opened.store.read_types((run_messages.Verified.type,), FAR)
    runs = dict.fromkeys(each.envelope.run for each in reversed(verified) if each.void is None and each.envelope.run)
    cases = [ReviewCase(run=run, state=await run_state(opened.store, run)) for run in list(runs)[:WORKS_MAX]]
    usable = [case for case in cases if case.state.submitted is not None and files_of(case.state)]
    if not usable:
        raise NotFound("There is no accepted work that a reviewer could read.", hint="Deliver a run first: aura submit")
    return usable


class ReviewCases:
    """The cases for one reviewer."""

    def __init__(self, opened: DirectorSession, works: Sequence[ReviewCase], defects_max: int, seed: int) -> None:
        self._opened = opened
        self._works = works
        self._defects_max = defects_max
        self._seed = seed
        self._library = Library(opened.blobs)

    async def of(self, person: Person) -> list[ReviewCase]:
        """Return the cases: for each work in turn, planted mistakes, and once without a mistake. Raises Refused."""
        maker = vendor_of(person.model)
        works = [case for case in self._works if maker not in _makers(case.state)]
        if not works:
            raise Refused(
                f"All accepted work was written by models of {person.name}'s maker ({maker}), which it may not review.",
                hint="Name a reviewer of another maker, or deliver work of another maker first.",
            )
        planted_cases = [await self._planted(case) for case in works]
        in_turns = [case for turn in zip_longest(*planted_cases) for case in turn if case is not None]
        if not in_turns:
            raise NotFound(
                "No accepted work has Python code in which a mistake could be planted.",
                hint="Deliver a run with Python code first.",
            )
        clean = works[: self._defects_max]
        return [case for pair in zip_longest(in_turns[: self._defects_max], clean) for case in pair if case]

    async def _planted(self, case: ReviewCase) -> list[ReviewCase]:
        assert case.state.submitted is not None
        base = await self._library.contents(await self._library.base_manifest(case.state.submitted))
        files = await self._library.contents(files_of(case.state))
        seed = derive(case.run, "planted", self._seed).int % 2**31
        defects = planted(base, files, self._defects_max, seed=seed)
        return [msgspec.structs.replace(case, defect=defect) for defect in defects]

    async def submission(self, run: UUID, case: ReviewCase, employee: UUID, usd: Decimal) -> Submit:
        """Return the command of the shadow run with a review of a case."""
        was = case.state.submitted
        assert was is not None
        work = [part for part in case.state.tasks.values() if not is_review(part) and part.phase == "verified"]
        plan = planned_again(work)
        return repeated(
            was,
            run,
            plan=(*plan, review_plan([part.name for part in plan])),
            allowance=Allowance(amount=Amount(usd, was.allowance.amount.tokens), minutes=was.allowance.minutes),
            attempts_max=ATTEMPTS_MAX,
            employee=employee,
            labels=LABELS,
            shadow=ShadowOf(run=case.run, name=REVIEW, given=await self._given(work, case.defect)),
        )

    async def _given(self, work: Sequence[TaskState], defect: PlantedDefect | None) -> tuple[GivenTask, ...]:
        """Return the tasks as they were verified. The last task that wrote the defect's path gets the mistake."""
        holder = next((part.id for part in reversed(work) if defect is not None and defect.path in part.files), None)
        given = []
        for part in work:
            files = dict(part.files)
            if defect is not None and part.id == holder:
                content = defect.files[defect.path]
                await self._opened.blobs.put([content], redact=False)
                files[defect.path] = Entry(kind=files[defect.path].kind, digest=digest_of(content))
            given.append(GivenTask(name=part.name, files=files, evidence=part.evidence))
        return tuple(given)


def _makers(state: RunState) -> frozenset[str]:
    """Return the makers of the models that wrote the work."""
    return frozenset(vendor_of(part.model) for part in state.tasks.values() if part.model and not is_review(part))
