"""The end of a stack, for machines and as text for people."""

from typing import Any

from director.deployment.stop_report import StopReport


def stopped_data(report: StopReport) -> dict[str, Any]:
    """Return whether all was drained, and who was not; nothing of it where nothing ran."""
    if not report.was_running:
        return {"running": False}
    return {"running": False, "drained": report.drained, "found": report.found}


def stopped_text(report: StopReport) -> str:
    """Return whether all was drained; if not, who was not, and that nothing is lost."""
    if not report.was_running:
        return f"Nothing runs in {report.home}."
    if report.drained:
        return "Stopped: recorder and consumers drained to one sequence."
    what = "; ".join(report.found)
    return (
        f"{what[0].upper()}{what[1:]}; servers stopped.\n"
        "Nothing is lost: whoever was not level goes on from its checkpoint at the next `aura up`."
    )
