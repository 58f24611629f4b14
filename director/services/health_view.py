"""The health of the organisation, from its record: a list of checks, and what is not recorded."""

from collections.abc import Sequence

import msgspec

from bus.clock import now
from bus.store import Store
from director.services.budget import warned_caps
from director.services.incidents import Wanted, incidents_page
from director.services.positions import positions
from director.services.run_list import RunsWanted, runs_page
from director.services.views import ORGANISATION, PEOPLE
from domain.wording import counted

LAG_EVENTS_MAX = 1000
"""A consumer that is further behind is not healthy."""
STALE_US = 24 * 3600 * 1_000_000
"""A delivery that waits longer for a decision is a reminder."""
NOT_RECORDED: Sequence[str] = (
    "The load of processor, memory and graphics card: read it from the machine, or from the metrics at /metrics.",
    "Whether each process answers at this moment: aura status asks them.",
    "Backups and their last test: Aura makes none yet.",
    "Positions of consumers at an earlier time: only the positions of now are known.",
    "Refused sign-ins by person: only their number for each hour is kept.",
)


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One check. `good`: None if nothing can be said. `found`: what was seen. `next`: what to do; empty if good."""

    name: str
    asks: str
    good: bool | None
    found: str
    next: str = ""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The checks, and the facts that nobody records."""

    checks: tuple[Check, ...]
    not_recorded: tuple[str, ...]


async def health(store: Store) -> Health:
    """Return the health. As of an earlier event, the checks of consumers are left out."""
    checks = [await _phase(store), *(await _consumers(store) if store.as_of is None else ()), await _incidents(store)]
    checks += [await _employees(store), await _deliveries(store), await _budgets(store)]
    return Health(checks=tuple(checks), not_recorded=tuple(NOT_RECORDED))


async def _phase(store: Store) -> Check:
    line = await ORGANISATION.first(store)
    phase = line.phase if line is not None else "unfounded"
    return Check(
        name="organisation",
        asks="Does the organisation work?",
        good=phase == "running",
        found=f"it is {phase}",
        next="" if phase == "running" else "Resume it when the reason is gone: aura resume --reason TEXT",
    )


async def _consumers(store: Store) -> list[Check]:
    found = await positions(store)
    missing = [line.consumer for line in found.consumers if line.lag is None]
    behind = [line for line in found.consumers if line.lag is not None and line.lag > LAG_EVENTS_MAX]
    words = [f"{line.consumer} is {counted(line.lag or 0, 'event')} behind" for line in behind]
    words += [f"{name} has no rows" for name in missing]
    parked = found.parked
    return [
        Check(
            name="consumers",
            asks="Do all consumers follow the log?",
            good=not words,
            found="; ".join(words) or f"all are within {LAG_EVENTS_MAX:,} events of event {found.recorded_up_to:,}",
            next="See whether the processes run: aura status" if words else "",
        ),
        Check(
            name="parked events",
            asks="Was every event processed?",
            good=not parked,
            found=parked[0].sentence if parked else "no event is parked",
            next=parked[0].cure if parked else "",
        ),
    ]


async def _incidents(store: Store) -> Check:
    severe = (await incidents_page(store, Wanted(state="unclosed", severity="severe"), limit=100)).incidents
    return Check(
        name="severe incidents",
        asks="Is every severe incident closed?",
        good=not severe,
        found=f"{counted(len(severe), 'severe incident')} not closed" if severe else "none is open",
        next="Look at the evidence, then close each one: aura incidents" if severe else "",
    )


async def _employees(store: Store) -> Check:
    people = [person for person in await PEOPLE.read(store) if person.phase != "dismissed"]
    working = [person for person in people if person.phase == "working"]
    suspended = sorted(person.name for person in people if person.phase == "suspended")
    return Check(
        name="employees",
        asks="Can somebody work?",
        good=bool(working),
        found=f"{len(working)} of {counted(len(people), 'employee')} can work"
        + (f"; suspended: {', '.join(suspended)}" if suspended else ""),
        next="" if working else "Hire an employee: aura hire --help",
    )


async def _deliveries(store: Store) -> Check:
    waiting = (await runs_page(store, RunsWanted(phase="delivered", limit=100))).runs
    end = await store.read(store.as_of - 1, limit=1) if store.as_of else []
    at = end[0].envelope.occurred_at if end else now()
    old = [run for run in waiting if at - run.submitted_at > STALE_US]
    return Check(
        name="decisions",
        asks="Was every waiting delivery submitted within a day?",
        good=not old,
        found=f"{counted(len(waiting), 'delivery', 'deliveries')} waiting, "
        f"{len(old)} of them submitted more than a day ago",
        next=f"Decide, beginning with {str(old[-1].run)[:13]}: aura inbox" if old else "",
    )


async def _budgets(store: Store) -> Check:
    warned = await warned_caps(store)
    return Check(
        name="budgets",
        asks="Is every budget below its warning?",
        good=not warned,
        found=f"80% was reached by: {', '.join(cap.name for cap in warned)}" if warned else "none has reached 80%",
        next="Raise a limit, or let the work end: aura budget" if warned else "",
    )
