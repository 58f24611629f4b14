"""The ladder of strikes: what follows from the first strike, from the second one, and so on."""

from typing import Literal

import msgspec

DAY_US = 24 * 60 * 60 * 1_000_000

Action = Literal["warn", "suspend", "end"]


class Step(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One step. `days`: the term of a suspension; None: without an end, or not a suspension."""

    action: Action
    days: int | None = None


class StrikeRules(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The rules for a strike. `version`: of all rules of HR. `rehire_days`: the wait after an end by a strike."""

    version: str
    ladder: tuple[Step, ...]
    rehire_days: int = 0

    def step(self, strikes: int) -> Step:
        """Return the step for this number of strikes, from 1. After the last step, it is the last one again."""
        return self.ladder[min(strikes, len(self.ladder)) - 1]


def after_days(at: int, days: int | None) -> int | None:
    """Return the time (microseconds UTC) this many days after `at`; None without days."""
    return None if days is None else at + days * DAY_US
