"""Rules about one version of an employee: its outcomes, its hand-ins and its reviews."""

from collections.abc import Sequence
from uuid import UUID

from agents.auditor.rule import Limits, Noticed
from agents.auditor.statistics import Change, drop_of
from bus.projection_rows import Rows
from domain import employee, run_messages
from domain.message import Recorded, TaskEvent
from projections import auditor_watch as watch
from projections.auditor import Attempt, attempt_in
from projections.auditor_watch import Observed, Series


def regression(recorded: Recorded, rows: Rows, limits: Limits) -> Noticed | None:
    """Return a result if the rate of verified work of an employee's version fell.

    An open finding about the same version prevents a second one.
    """
    row = _series(recorded, rows, "outcomes")
    if row is None or row.seen[-1] == watch.VERIFIED:
        return None
    version = _version(row)
    if any(finding.version == version for finding in rows.of(watch.OpenFinding, row.scope)):
        return None
    change = new_drop([value == watch.VERIFIED for value in row.seen], limits)
    if change is None:
        return None
    (good, trials), (later_good, later) = change.before, change.after
    detail = (
        f"Verified work fell from {good} of {trials} tasks to {later_good} of the last {later}. The employee is paused."
    )
    return Noticed(
        detail=detail,
        evidence=row.evidence,
        employee=row.scope,
        version=version,
        measured={
            "before_tasks": trials,
            "before_verified": good,
            "after_tasks": later,
            "after_verified": later_good,
            "weight_millibits": change.weight,
        },
    )


def new_drop(outcomes: Sequence[bool], limits: Limits) -> Change | None:
    """Return the most probable drop if the newest outcome makes it heavy enough; None if it was so before."""
    change = _heavy(outcomes, limits)
    return change if change is not None and _heavy(outcomes[:-1], limits) is None else None


def _heavy(outcomes: Sequence[bool], limits: Limits) -> Change | None:
    """Return the most probable drop if its weight reaches the limit."""
    change = drop_of(outcomes, limits["before_tasks_min"], limits["after_tasks_min"], limits["drop_percent_points_min"])
    return change if change is not None and change.weight >= limits["weight_millibits_min"] else None


def scope_drift(recorded: Recorded, rows: Rows, limits: Limits) -> Noticed | None:
    """Return a result if many of the last hand-ins had changes outside the scope, which were dropped."""
    row = _series(recorded, rows, "drift")
    count = _reached(row, limits["hand_ins"], limits["dropped_min"], 1)
    if row is None or count is None:
        return None
    detail = f"{count} of the last {limits['hand_ins']} hand-ins had changes outside the scope, which were dropped"
    return _about(recorded, row, detail, {"dropped": count})


def claims_beyond_verdict(recorded: Recorded, rows: Rows, limits: Limits) -> Noticed | None:
    """Return a result if checks that the author could make itself refute many of its last hand-ins.

    Also return one if a review passed work whose merged tree was then rejected.
    """
    if isinstance(recorded.event, run_messages.Rejected):
        return _passed_review(recorded.event, rows)
    row = _series(recorded, rows, "outcomes")
    count = _reached(row, limits["hand_ins"], limits["refuted_min"], watch.REFUTED)
    if row is None or count is None:
        return None
    detail = (
        f"{count} of the last {limits['hand_ins']} sessions handed in work as complete that fails a check which the "
        "session could make itself"
    )
    return _about(recorded, row, detail, {"refuted": count})


def _passed_review(event: run_messages.Rejected, rows: Rows) -> Noticed | None:
    passed = [row for row in rows.of(Attempt, event.run) if row.review == "passed" and row.verdict is not None]
    if not passed:
        return None
    review = max(passed, key=lambda row: row.assigned_at)
    assert review.verdict is not None
    return Noticed(
        detail="The review passed the work, and the merged tree was then rejected",
        evidence=(review.verdict,),
        measured={"findings": len(event.judgement.findings)},
        run=event.run,
        task=review.task,
        employee=review.employee,
        version=review.version,
    )


def never_disagrees(recorded: Recorded, rows: Rows, limits: Limits) -> Noticed | None:
    """Return a result if a reviewer passed very many reviews in a row. A measured catch rate decides instead."""
    event = recorded.event
    if isinstance(event, employee.ReviewerChecked):
        return _low_catch_rate(event, rows, limits)
    row = _series(recorded, rows, "reviews")
    count = _reached(row, limits["reviews_in_a_row"], limits["reviews_in_a_row"], watch.PASSED)
    if row is None or count is None:
        return None
    known = rows.get(watch.CheckedReviewer, row.scope, str(_version(row)))
    if known is not None and known.planted >= limits["planted_min"]:
        return None  # the check itself is the finding, if there is one
    detail = f"The reviewer passed its last {count} reviews. Measure it with planted defects."
    return _about(recorded, row, detail, {"reviews": count})


def _low_catch_rate(event: employee.ReviewerChecked, rows: Rows, limits: Limits) -> Noticed | None:
    """Return a result if this check shows a low catch rate, and the checks before it did not show it."""
    row = rows.get(watch.CheckedReviewer, event.employee, str(event.employee_version))
    if row is None:
        return None
    before = (row.planted - row.last_planted, row.caught - row.last_caught)
    if not _is_low(row.planted, row.caught, limits) or _is_low(*before, limits):
        return None
    return Noticed(
        detail=f"The reviewer caught {row.caught} of {row.planted} planted defects.",
        measured={"planted": row.planted, "caught": row.caught, "clean": row.clean, "objected": row.objected},
        employee=event.employee,
        version=event.employee_version,
    )


def _is_low(planted: int, caught: int, limits: Limits) -> bool:
    return planted >= limits["planted_min"] and 100 * caught < limits["catch_percent_min"] * planted


def _reached(row: Observed | None, window: int, least: int, value: int) -> int | None:
    """Return how often a value is among the last values of a series, if this reaches `least` with the newest value."""
    if row is None or row.seen[-1] != value:
        return None
    now, before = row.seen[-window:].count(value), row.seen[:-1][-window:].count(value)
    return now if now >= least > before else None


def _series(recorded: Recorded, rows: Rows, series: Series) -> Observed | None:
    """Return the series of the employee's version at the assignment, if this event added its newest value."""
    event = recorded.event
    assert isinstance(event, TaskEvent)
    attempt = attempt_in(rows, event)
    if attempt is None or attempt.version is None:
        return None
    return watch.series_of(rows, event.employee, series, recorded.envelope.id, attempt.version)


def _version(row: Observed) -> UUID:
    return UUID(row.key.partition("/")[0])


def _about(recorded: Recorded, row: Observed, detail: str, measured: dict[str, int]) -> Noticed:
    event = recorded.event
    assert isinstance(event, TaskEvent)
    return Noticed(
        detail=detail,
        evidence=row.evidence,
        measured=measured,
        run=event.run,
        task=event.task,
        employee=row.scope,
        version=_version(row),
    )
