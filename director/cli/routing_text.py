"""Routing as text: the strategy, the value of a task, and the evidence about employees."""

from decimal import Decimal

from director.services.routing_setting import EvidenceLine, RoutingChanged, RoutingView
from director.terminal.escape import visible
from director.terminal.text import table
from domain.routing.fixed_point import MICRO
from domain.routing.sentence import percent, usd


def routing_text(view: RoutingView) -> str:
    """Return the strategy, the value of a task, and a table of the evidence."""
    origin = "" if view.is_set else " (nothing is set: to change it, aura routing set --strategy cascade)"
    lines = [f"Strategy: {view.strategy}{origin}", f"Value of a verified task: {value_text(view.value_usd)}"]
    explored = percent(view.explored * MICRO // view.spent) if view.spent else "0%"
    lines.append(f"Spent on attempts: {usd(view.spent)}, {explored} of it to learn")
    lines.append(f"Average rate of the staff: {percent(view.staff_rate)}")
    if not view.evidence:
        return "\n".join((*lines, "No attempt of the present versions has a result yet."))
    head = ("employee", "skill", "attempts", "rate", "cost", "time", "handicap")
    return "\n".join(lines) + "\n\n" + table(head, [_line(each) for each in view.evidence])


def changed_text(changed: RoutingChanged) -> str:
    """Return what was set."""
    what = f"strategy {changed.strategy}, value of a verified task: {value_text(changed.value_usd)}"
    return f"Set, as event {changed.seq}: {what}" if changed.seq else f"It was set before: {what}"


def value_text(value_usd: Decimal | None) -> str:
    """Return the value of a verified task in words."""
    return "the run's budget divided by its tasks" if value_usd is None else f"{value_usd} USD"


def _line(line: EvidenceLine) -> tuple[str, ...]:
    return (
        visible(line.name),
        line.skill,
        str(line.attempts),
        percent(line.rate),
        "-" if line.cost is None else usd(line.cost),
        "-" if line.time is None else f"{line.time / MICRO:.1f} s",
        f"{line.handicap}%" if line.handicap else "-",
    )
