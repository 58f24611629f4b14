"""The state of an employee: its phase, the strikes that count, the causes of its suspension, and its appeals."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.career_messages import Fined, Placed, TierChanged
from domain.employee_messages import (
    AppealDecided,
    Appealed,
    Dismissed,
    Hired,
    Profile,
    Rehired,
    Reinstated,
    Renamed,
    Suspended,
    Warned,
)
from domain.message import Erased, Event
from domain.tiers import Ceilings, Tier

DIRECTOR, BLACKLIST = "director", "blacklist"
"""The causes of a suspension that are not a strike. A strike is named by its incident."""


class Hold(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One cause of a suspension. `until`: its end (microseconds UTC), or None. `strikes`: their number at that time.

    `strikes` is 0 if the cause is not a strike.
    """

    until: int | None = None
    strikes: int = 0


class AppealState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The appeals of one strike. `filed`: their number."""

    open: bool
    filed: int


class End(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The end of an employment. `strikes`: their number if a strike is the cause, else 0. `rehire_from`: or None."""

    strikes: int = 0
    rehire_from: int | None = None


class EmployeeState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`strikes`: incidents that count. `reversed`: incidents of granted appeals. `holds`: causes of the suspension.

    A dismissed employee keeps the causes of its suspension, because a granted appeal may end only the dismissal.
    `tier`, `ceilings`: None for an employee without a career, which has no ceilings. `fined`: incidents with a fine.
    """

    phase: Literal["unknown", "working", "suspended", "dismissed"] = "unknown"
    profile: Profile | None = None
    strikes: tuple[UUID, ...] = ()
    reversed: tuple[UUID, ...] = ()
    holds: Mapping[str, Hold] = {}
    appeals: Mapping[UUID, AppealState] = {}
    end: End | None = None
    probation: bool = False
    tier: Tier | None = None
    ceilings: Ceilings | None = None
    fined: tuple[UUID, ...] = ()

    @property
    def until(self) -> int | None:
        """The end of the whole suspension (microseconds UTC); None if a cause has no end, or if there is no cause."""
        ends = [hold.until for hold in self.holds.values()]
        known = [end for end in ends if end is not None]
        return max(known) if ends and len(known) == len(ends) else None


initial = EmployeeState()


def evolve(state: EmployeeState, event: Event | Erased) -> EmployeeState:
    match event:
        case Hired(profile=profile):
            working = replace(state, phase="working" if state.phase == "unknown" else state.phase, profile=profile)
            return _with_tier(working, event.tier, event.ceilings)
        case Warned(incident=incident):
            return replace(state, strikes=(*state.strikes, incident))
        case Suspended():
            return _suspended(state, event)
        case Reinstated(strikes_kept=kept):
            return replace(state, phase="working", holds={}, strikes=state.strikes if kept else ())
        case Dismissed(incident=incident, rehire_from=rehire_from):
            strikes = state.strikes if incident is None else (*state.strikes, incident)
            end = End(strikes=0 if incident is None else len(strikes), rehire_from=rehire_from)
            return replace(state, phase="dismissed", strikes=strikes, end=end)
        case Rehired(profile=profile, probation=probation):
            phase: Literal["working", "suspended"] = "suspended" if state.holds else "working"
            on_probation = probation or state.probation
            again = replace(state, phase=phase, profile=profile, end=None, probation=on_probation)
            return _with_tier(again, event.tier, event.ceilings)
        case TierChanged(tier=tier, ceilings=ceilings) | Placed(tier=tier, ceilings=ceilings):
            return _with_tier(state, tier, ceilings)
        case Fined(incident=incident):
            return replace(state, fined=(*state.fined, incident))
        case Appealed(incident=incident):
            filed = state.appeals[incident].filed if incident in state.appeals else 0
            return replace(state, appeals={**state.appeals, incident: AppealState(open=True, filed=filed + 1)})
        case AppealDecided():
            return _decided(state, event)
        case Renamed(name=name) if state.profile is not None:
            return replace(state, profile=replace(state.profile, name=name))
    return state


def _with_tier(state: EmployeeState, tier: Tier | None, ceilings: Ceilings | None) -> EmployeeState:
    """Return the state with a tier. Without a tier, nothing changes."""
    if tier is None:
        return state
    return replace(state, tier=tier, ceilings=ceilings, probation=tier == "probation")


def _suspended(state: EmployeeState, event: Suspended) -> EmployeeState:
    strikes = state.strikes if event.incident is None else (*state.strikes, event.incident)
    other = BLACKLIST if event.rule == BLACKLIST else DIRECTOR
    cause = other if event.incident is None else str(event.incident)
    hold = Hold(until=event.until, strikes=0 if event.incident is None else len(strikes))
    return replace(state, phase="suspended", strikes=strikes, holds={**state.holds, cause: hold})


def _decided(state: EmployeeState, event: AppealDecided) -> EmployeeState:
    """Close the appeal. If it is granted, drop the strike, and each cause that needs more strikes than now count."""
    filed = state.appeals[event.incident].filed if event.incident in state.appeals else 1
    closed = replace(state, appeals={**state.appeals, event.incident: AppealState(open=False, filed=filed)})
    if not event.granted:
        return closed
    strikes = tuple(each for each in state.strikes if each != event.incident)
    holds = {
        cause: hold
        for cause, hold in state.holds.items()
        if cause != str(event.incident) and hold.strikes <= len(strikes)
    }
    return replace(closed, strikes=strikes, reversed=(*state.reversed, event.incident), holds=holds)
