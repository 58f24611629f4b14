"""Stops the stack: it drains the consumers and stops the servers."""

from collections.abc import Callable

from bus.embedded import stack
from director.deployment.stop_report import StopReport, report_of
from director.settings import Settings


async def bring_down(settings: Settings, note: Callable[[str], None] = lambda _: None) -> StopReport:
    """Drain the consumers and stop everything that was started in this home. It is not an error if nothing runs."""
    before = stack.status(settings.root)
    if not before.running and not any(child.alive for child in before.children):
        return StopReport(home=str(settings.root), was_running=False, drained=None)
    return report_of(before, await stack.down(settings.root, on_progress=note))
