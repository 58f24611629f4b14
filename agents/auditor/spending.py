"""Rules about tokens and time, and about refusals."""

from agents.auditor.rule import Limits, Noticed
from agents.auditor.statistics import spike_of
from bus.projection_rows import Rows
from domain import refusal
from domain.message import Recorded, TaskEvent
from projections import auditor_watch as watch
from projections.auditor import attempt_in
from projections.auditor_watch import Series

MINUTE_US = 60_000_000


def cost_spike(recorded: Recorded, rows: Rows, limits: Limits) -> Noticed | None:
    return _spike(recorded, rows, limits, "tokens", "tokens")


def latency_spike(recorded: Recorded, rows: Rows, limits: Limits) -> Noticed | None:
    return _spike(recorded, rows, limits, "time_ms", "ms")


def _spike(recorded: Recorded, rows: Rows, limits: Limits, series: Series, unit: str) -> Noticed | None:
    """Return a result if the newest value is a spike among the earlier ones, and none of the last few was one."""
    event = recorded.event
    assert isinstance(event, TaskEvent)
    attempt = attempt_in(rows, event)
    if attempt is None or attempt.version is None:
        return None
    row = watch.series_of(rows, event.employee, series, recorded.envelope.id, attempt.version)
    if row is None or len(row.seen) <= limits["values_min"]:
        return None
    *before, newest = row.seen
    spike = spike_of(before, limits["factor"], limits["deviations"])
    if newest < max(spike.least, limits[f"{unit}_min"]) or any(
        value >= spike.least for value in before[-limits["quiet_values"] :]
    ):
        return None
    what = "the session" if attempt.form == "session" else "the call"
    return Noticed(
        detail=f"{newest} {unit} for {what}; the median of the last {len(before)} is {spike.median}",
        measured={unit: newest, f"median_{unit}": spike.median, f"least_spike_{unit}": spike.least},
        run=event.run,
        task=event.task,
        employee=event.employee,
        version=attempt.version,
    )


def repeated_refusals(recorded: Recorded, rows: Rows, limits: Limits) -> Noticed | None:
    """Return a result if many commands of one principal were refused in a short time."""
    event = recorded.event
    assert isinstance(event, refusal.CommandRefused)
    row = watch.series_of(rows, event.principal, "refusals", recorded.envelope.id)
    if row is None:
        return None
    minutes, least = limits["window_minutes"], limits["refusals_min"]
    now, before = _recent(row.seen, minutes), _recent(row.seen[: -event.count], minutes)
    if not now >= least > before:
        return None
    return Noticed(
        detail=f"{now} commands of principal {event.principal} were refused within {minutes} minutes; the last: "
        f"{event.command} ({event.code})",
        evidence=row.evidence,
        measured={"refusals": now},
    )


def _recent(times: tuple[int, ...], minutes: int) -> int:
    """Return the number of times in the minutes before the last one."""
    return sum(time > times[-1] - minutes * MINUTE_US for time in times)
