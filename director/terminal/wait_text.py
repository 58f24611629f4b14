"""The reasons why runs wait, as text: for one run, and for all runs."""

from collections.abc import Sequence

from director.terminal.escape import visible
from domain.waiting import RunWait, Wait
from domain.wording import counted


def wait_lines(wait: Wait) -> list[str]:
    """Return the reason of a wait, and the next step on the line below."""
    return [f"waits: {visible(wait.message)}", *([f"       {visible(wait.hint)}"] if wait.hint else [])]


def waiting_text(waiting: Sequence[RunWait]) -> str:
    """Return the runs that wait. Runs with the same reason share one line."""
    alike: dict[str, list[RunWait]] = {}
    for one in waiting:
        alike.setdefault(one.waiting.message, []).append(one)
    lines = []
    for first, *others in alike.values():
        more = f" and {counted(len(others), 'more run')}" if others else ""
        message, *hint = wait_lines(first.waiting)
        run = f"{str(first.run)[:13]} {visible(first.title)}{more}"
        lines += [message.replace("waits: ", f"waits: {run}: ", 1), *hint]
    return "\n".join(lines)
