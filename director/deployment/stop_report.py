"""The report of `aura down`: which processes stopped normally, had ended earlier, or were killed."""

import msgspec

from bus.embedded import nats, postgres
from bus.embedded.stack import ChildStatus, StackStatus
from bus.embedded.state import ending
from director.deployment.processes import MODEL_CHILD

SERVERS = frozenset({nats.NAME, postgres.NAME})
IN_ORDER = 0


class StopReport(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a stack. `drained`: recorder and consumers ended at the same sequence; None if nothing ran.

    `found`: the reasons why that is not certain.
    """

    home: str
    was_running: bool
    drained: bool | None
    found: tuple[str, ...] = ()


def report_of(before: StackStatus, after: StackStatus) -> StopReport:
    """Return the report on a stack, from its state before and after it was stopped."""
    found = tuple(_findings(before, after))
    return StopReport(home=before.home, was_running=True, drained=not found, found=found)


def _findings(before: StackStatus, after: StackStatus) -> list[str]:
    """Return the reasons why the consumers may have ended at different sequences."""
    if not before.running:
        left = [child.name for child in before.children if child.alive]
        return [f"the supervisor had died, and {', '.join(left)} still ran"]
    ended = {child.name: child for child in after.children}
    found = []
    for child in before.children:
        if child.name == MODEL_CHILD:
            continue
        last = ended.get(child.name, child)
        if not child.alive:
            found.append(f"{_who(child)} had already ended ({_how(last)})")
        elif child.name not in SERVERS and last.last_exit != IN_ORDER:
            found.append(f"{_who(child)} {ending(last.last_exit)} while it stopped")
    return found


def _who(child: ChildStatus) -> str:
    return child.name if child.name in SERVERS else f"the {child.name}"


def _how(child: ChildStatus) -> str:
    if child.last_exit is not None and child.last_exit >= 0:
        return f"exit code {child.last_exit}"
    return ending(child.last_exit).removeprefix("was ")
