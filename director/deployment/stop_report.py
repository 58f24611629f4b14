"""Report of `aura down`: processes that ended in order, and those that had ended before or were cut off."""

from collections.abc import Sequence
from typing import Any

from bus.embedded import nats, postgres
from bus.embedded.stack import ChildStatus, StackStatus
from bus.embedded.state import ending
from director.deployment.processes import MODEL_CHILD

SERVERS = frozenset({nats.NAME, postgres.NAME})
IN_ORDER = 0


def findings(before: StackStatus, after: StackStatus) -> list[str]:
    """Why the consumers need not stand at one sequence, from the stack's state before and after it was stopped."""
    if not before.running:
        left = [child.name for child in before.children if child.alive]
        return [f"the supervisor had died and left {', '.join(left)} behind"]
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


def stopped(found: Sequence[str]) -> tuple[dict[str, Any], str]:
    """The answer of `aura down`."""
    data = {"running": False, "drained": not found, "found": list(found)}
    if not found:
        return data, "Stopped: recorder and consumers drained to one sequence."
    what = "; ".join(found)
    return data, (
        f"{what[0].upper()}{what[1:]}; servers stopped.\n"
        "Nothing is lost: whoever was not level goes on from its checkpoint at the next `aura up`."
    )


def _who(child: ChildStatus) -> str:
    return child.name if child.name in SERVERS else f"the {child.name}"


def _how(child: ChildStatus) -> str:
    if child.last_exit is not None and child.last_exit >= 0:
        return f"exit code {child.last_exit}"
    return ending(child.last_exit).removeprefix("was ")
