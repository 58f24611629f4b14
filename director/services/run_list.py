"""The list of runs, page by page. Each page is one query, however many runs there are."""

from uuid import UUID

import msgspec

from bus.store import Store
from director.services.page_views import RUNS_PAGE
from director.services.views import RUN, ListedRun
from domain.errors import Invalid

RUNS_MAX = 500
"""The most runs of a page."""
TEXT_CHARACTERS_MAX = 100


class RunsWanted(msgspec.Struct, frozen=True, kw_only=True):
    """A page of runs. An empty filter lets every run pass. Raises Invalid for a page that is too large.

    `after`: the last run of the page before. `text`: a part of the title, or the beginning of the id.
    """

    after: UUID | None = None
    phase: str = ""
    outcome: str = ""
    text: str = ""
    limit: int = 50

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= RUNS_MAX or len(self.text) > TEXT_CHARACTERS_MAX:
            raise Invalid(
                f"A page has 1 to {RUNS_MAX} runs, and a text at most {TEXT_CHARACTERS_MAX} characters.",
                hint="Ask for less.",
            )


class RunsPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of runs, the newest first. `next`: the value of `after` for the next page; None for the last page."""

    runs: tuple[ListedRun, ...]
    next: UUID | None


async def runs_page(store: Store, wanted: RunsWanted) -> RunsPage:
    """Return one page of runs. Raises Invalid if `after` names no run."""
    lines = await RUNS_PAGE.read(
        store, wanted.after, wanted.phase or None, wanted.outcome or None, wanted.text or None, wanted.limit + 1
    )
    if not lines and wanted.after is not None and await RUN.first(store, wanted.after) is None:
        raise Invalid(f"There is no run {wanted.after}.", hint="Begin again with the first page.")
    shown = tuple(lines[: wanted.limit])
    return RunsPage(runs=shown, next=shown[-1].run if len(lines) > wanted.limit else None)
