"""The check of reviewers: a reviewer gets accepted work with a planted small mistake, and accepted work without one.

Each review is a shadow run, so it stops nothing and releases nothing. The result is an event of the employee.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from uuid import UUID

import msgspec

from agents.run_content import Library
from bus.clock import now
from director.services.hand_in import goes_on
from director.services.named_staff import named_staff
from director.services.review_cases import ReviewCase, ReviewCases, accepted_works
from director.services.run_end import RunEnd
from director.services.session import RECORDED_WAIT_S, DirectorSession, desk, new_id, run_state
from director.services.views import PEOPLE, Person
from director.settings import Settings
from domain.check_limits import DEFECTS, DEFECTS_MAX, USD_MAX
from domain.employee import RecordReviewerCheck
from domain.errors import Invalid, NotFound
from domain.review import PATH, is_review
from domain.run import RunState, files_of
from domain.task import TaskState
from verification.backtest.staff_results import Share, share
from verification.verdict.review import blocked_paths

Say = Callable[[str], None]


class ReviewerCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a check. `names`: the reviewers; empty: each employee that works. `defects`: for each reviewer.

    `usd_max`: the most that all reviews may cost. `seed`: decides which mistakes are planted.
    """

    names: tuple[str, ...] = ()
    defects: int = DEFECTS
    usd_max: Decimal = USD_MAX
    seed: int = 1


class Reviewed(msgspec.Struct, frozen=True, kw_only=True):
    """One review. `defect`: the place of the planted mistake; empty for work without one.

    `blocked` is None if the review had no valid form.
    """

    run: UUID
    work: UUID
    defect: str = ""
    blocked: bool | None = None
    caught: bool = False
    usd: Decimal = Decimal(0)


class ReviewerResult(msgspec.Struct, frozen=True, kw_only=True):
    """The check of one reviewer. `not_run`: reviews that the budget did not permit."""

    employee: str
    version: UUID
    catch_rate: Share
    false_objections: Share
    unusable: int
    not_run: int
    usd: Decimal
    event: UUID | None
    reviews: tuple[Reviewed, ...]


async def check_reviewers(
    wanted: ReviewerCheck, settings: Settings, *, on_review: Callable[[str, int, int], None], note: Say
) -> list[ReviewerResult]:
    """Check reviewers, and record each result. `on_review`: called with the reviewer, the review and their number.

    Raises NotFound without accepted work with Python code, Refused for an employee that cannot work or if all accepted
    work comes from the reviewer's maker, and Invalid for options that do not fit.
    """
    if not 1 <= wanted.defects <= DEFECTS_MAX or wanted.usd_max <= 0:
        raise Invalid(
            f"A check cannot have {wanted.defects} defects and {wanted.usd_max} USD.",
            hint=f"Give 1 to {DEFECTS_MAX} defects, and an amount above 0.",
        )
    async with desk(settings) as opened:
        people = {person.employee: person for person in await PEOPLE.read(opened.store)}
        ids = await named_staff(settings, wanted.names) if wanted.names else _working(people.values())
        works = await accepted_works(opened)
        results: list[ReviewerResult] = []
        left = wanted.usd_max
        for employee in ids:
            checking = _Checking(opened, people[employee], wanted, works, note)
            results.append(await checking.check(left, on_review))
            left -= results[-1].usd
    return results


def _working(people: Iterable[Person]) -> tuple[UUID, ...]:
    """Return the employees that work. Raises NotFound if nobody does."""
    found = tuple(person.employee for person in people if person.phase == "working")
    if not found:
        raise NotFound("Nobody works here who could review.", hint="Hire an employee: aura hire --help")
    return found


class _Checking:
    """The check of one reviewer."""

    def __init__(
        self, opened: DirectorSession, person: Person, wanted: ReviewerCheck, works: Sequence[ReviewCase], note: Say
    ) -> None:
        self._opened = opened
        self._person = person
        self._cases = ReviewCases(opened, works, wanted.defects, wanted.seed)
        self._note = note
        self._library = Library(opened.blobs)

    async def check(self, usd_max: Decimal, on_review: Callable[[str, int, int], None]) -> ReviewerResult:
        """Let the reviewer review all cases, record the result, and return it."""
        cases = await self._cases.of(self._person)
        done: list[Reviewed] = []
        spent = Decimal(0)
        for number, case in enumerate(cases, start=1):
            reviewed = await self._review(case, usd_max - spent) if spent < usd_max else None
            if reviewed is None:
                break
            spent += reviewed.usd
            done.append(reviewed)
            on_review(self._person.name, number, len(cases))
        return await self._recorded(done, len(cases) - len(done), spent)

    async def _review(self, case: ReviewCase, usd: Decimal) -> Reviewed | None:
        """Ask for one review in a shadow run, and return it. Return None if the budget permits no call."""
        opened, run = self._opened, new_id()
        outcome = await opened.gate.handle(await self._cases.submission(run, case, self._person.employee, usd))
        with goes_on(run):
            await opened.store.wait_recorded(outcome.seq, RECORDED_WAIT_S)
        await RunEnd(opened, self._note, needs_budget=True).of(run)
        state = await run_state(opened.store, run)
        review = next((part for part in state.tasks.values() if is_review(part)), None)
        if review is None or not review.tried:
            return None
        where = f"{case.defect.path}:{case.defect.line}" if case.defect is not None else ""
        reviewed = Reviewed(run=run, work=case.run, defect=where, usd=state.spent.usd)
        paths = await self._paths(review, state)
        if paths is not None:
            caught = case.defect is not None and case.defect.path in paths
            reviewed = msgspec.structs.replace(reviewed, blocked=bool(paths), caught=caught)
        return reviewed

    async def _paths(self, review: TaskState, state: RunState) -> frozenset[str] | None:
        """Return the paths at which a review blocks; None for a review that is not valid."""
        if review.phase != "verified":
            return None
        tree = await self._library.contents(review.files)
        return blocked_paths(tree.get(PATH, b""), files_of(state))

    async def _recorded(self, done: Sequence[Reviewed], not_run: int, usd: Decimal) -> ReviewerResult:
        """Record the result as an event of the employee. Without a review, nothing is recorded."""
        sound = [one for one in done if one.blocked is not None]
        defects, clean = [one for one in sound if one.defect], [one for one in sound if not one.defect]
        caught, objected = sum(one.caught for one in defects), sum(bool(one.blocked) for one in clean)
        event = None
        if done:
            outcome = await self._opened.done(
                RecordReviewerCheck(
                    id=new_id(),
                    at=now(),
                    employee=self._person.employee,
                    employee_version=self._person.version,
                    planted=len(defects),
                    caught=caught,
                    clean=len(clean),
                    objected=objected,
                    unusable=len(done) - len(sound),
                    runs=tuple(one.run for one in done),
                )
            )
            event = outcome.events[0].envelope.id
        return ReviewerResult(
            employee=self._person.name,
            version=self._person.version,
            catch_rate=share(caught, len(defects)),
            false_objections=share(objected, len(clean)),
            unusable=len(done) - len(sound),
            not_run=not_run,
            usd=usd,
            event=event,
            reviews=tuple(done),
        )
