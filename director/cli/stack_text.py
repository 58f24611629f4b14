"""The result of `aura down`, as data and as text."""

from typing import Any

from director.deployment.stop_report import StopReport


def stopped_data(report: StopReport) -> dict[str, Any]:
    """Return whether all consumers were drained, and the reasons if not. Both fields are missing if nothing ran."""
    if not report.was_running:
        return {"running": False}
    return {"running": False, "drained": report.drained, "found": report.found}


def stopped_text(report: StopReport) -> str:
    """Return the result for people. If a consumer was not drained, add the reasons and a note that nothing is lost."""
    if not report.was_running:
        return f"Nothing runs in {report.home}."
    if report.drained:
        return "Stopped: the recorder and all consumers were drained to the same sequence."
    what = "; ".join(report.found)
    return (
        f"{what[0].upper()}{what[1:]}; servers stopped.\n"
        "Nothing is lost: at the next `aura up` each consumer continues from its checkpoint."
    )
