"""The end of a stack as text for people."""

from director.deployment.stop_report import StopReport


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
