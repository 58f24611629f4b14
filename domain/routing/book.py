"""The book of routing: what all attempts so far say about each version, and what they have cost.

`evolve` is pure. The manager and the Accountant compute equal books from equal attempts.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from domain.routing import difficulty, evidence
from domain.routing.difficulty import NO_SCORES, Scores
from domain.routing.evidence import NONE, Attempt, Evidence, Posterior
from domain.routing.fixed_point import MICRO


class AttemptEnded(Struct, frozen=True, kw_only=True):
    """One attempt with its result. `failed`: the rates of the employees that had failed the task before.

    `explores`: the attempt was made to learn, and not because it had the best expected value.
    """

    version: str
    skill: str
    failed: tuple[int, ...] = ()
    attempt: Attempt
    explores: bool = False


class Book(Struct, frozen=True, kw_only=True):
    """The evidence of each version: overall, and for each (version, skill). Money is in micro-dollars."""

    overall: Mapping[str, Evidence] = {}
    skills: Mapping[tuple[str, str], Evidence] = {}
    scores: Scores = NO_SCORES
    spent: int = 0
    explored: int = 0

    @property
    def staff_rate(self) -> int:
        """The average rate of all versions, which is the prior of a version without evidence."""
        return evidence.staff_rate(self.overall.values())

    def posterior(self, version: str, skill: str, staff_rate: int) -> Posterior:
        """Return the posterior of a version at a skill."""
        overall = self.overall.get(version, NONE)
        return evidence.posterior(staff_rate, overall, self.skills.get((version, skill), NONE))

    def cost(self, version: str, listed: int) -> int:
        """Return the expected cost of an attempt in micro-dollars. `listed`: the expected cost from the price list."""
        return evidence.cost_of(self.overall.get(version, NONE), listed)

    def time(self, version: str) -> int:
        """Return the average time of an attempt in microseconds, or 0 if it is not known."""
        measured = self.overall.get(version, NONE)
        return measured.time * MICRO // measured.cost_weight if measured.cost_weight else 0


def evolve(book: Book, ended: AttemptEnded) -> Book:
    """Return the book after one more attempt. Of a version, only its overall evidence and that of the skill change."""
    version, cell, attempt = ended.version, (ended.version, ended.skill), ended.attempt
    return Book(
        overall={**book.overall, version: evidence.after(book.overall.get(version, NONE), attempt)},
        skills={**book.skills, cell: evidence.after(book.skills.get(cell, NONE), attempt)},
        scores=difficulty.scored(book.scores, ended.failed, attempt.rate, solved=attempt.verified),
        spent=book.spent + attempt.cost,
        explored=book.explored + (attempt.cost if ended.explores else 0),
    )


def played(attempts: Iterable[AttemptEnded]) -> Book:
    """Return the book after all these attempts, in their order."""
    book = Book()
    for ended in attempts:
        book = evolve(book, ended)
    return book


def with_new_version(book: Book, old: str, new: str) -> Book:
    """Return the book in which a new version of an employee begins with half of the old version's evidence."""
    skills = {
        (new, skill): evidence.inherited(known) for (version, skill), known in book.skills.items() if version == old
    }
    overall = {new: evidence.inherited(book.overall[old])} if old in book.overall else {}
    return replace(book, overall={**book.overall, **overall}, skills={**book.skills, **skills})
