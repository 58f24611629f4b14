"""The table of the Auditor's rules, with their limits. docs/workforce.md shows it, and a test compares the two."""

from collections.abc import Mapping

from agents.auditor import spending, staff, work
from agents.auditor.rule import Rule
from domain import employee, refusal, run_messages, task
from domain.message import Event

RULES: tuple[Rule, ...] = (
    Rule(
        kind="integrity",
        on=(task.Rejected,),
        check=work.integrity,
        limits={"findings_max": 0},
        says="A rejection has more than `findings_max` findings of integrity. HR counts a strike.",
    ),
    Rule(
        kind="stalled_task",
        on=(task.Released,),
        check=work.stalled_task,
        limits={},
        says="The lease of an order ended without a hand-in.",
    ),
    Rule(
        kind="repeated_failure",
        on=(task.Rejected, task.AttemptEnded, task.CallFinished),
        check=work.repeated_failure,
        limits={"failures": 3},
        says="An employee failed a task `failures` times, and again each time after as many more failures.",
    ),
    Rule(
        kind="cost_spike",
        on=(task.CallFinished, task.Submitted, task.AttemptEnded),
        check=spending.cost_spike,
        limits={"values_min": 12, "factor": 5, "deviations": 5, "quiet_values": 10, "tokens_min": 1000},
        says="A call (of a session: all calls together) used at least `factor` times the median tokens of its version, "
        "and `deviations` robust standard deviations more on a logarithmic scale. At least `values_min` earlier values "
        "are needed, and the last `quiet_values` of them are no spikes. A value below `tokens_min` is no spike.",
    ),
    Rule(
        kind="latency_spike",
        on=(task.CallFinished, task.Submitted, task.AttemptEnded),
        check=spending.latency_spike,
        limits={"values_min": 12, "factor": 5, "deviations": 5, "quiet_values": 10, "ms_min": 5000},
        says="The same for the time of a call, or of a whole session. A time below `ms_min` is no spike.",
    ),
    Rule(
        kind="regression",
        on=(task.Verified, task.Rejected, task.AttemptEnded),
        check=staff.regression,
        limits={
            "weight_millibits_min": 16_000,
            "before_tasks_min": 20,
            "after_tasks_min": 5,
            "drop_percent_points_min": 15,
        },
        follows="pause_employee",
        says="The share of verified tasks of an employee's version fell by `drop_percent_points_min` or more. The "
        "likelihood ratio of the most probable drop is at least `weight_millibits_min`, with `before_tasks_min` tasks "
        "before it and `after_tasks_min` after it.",
    ),
    Rule(
        kind="stalled_run",
        on=(task.Released,),
        check=work.stalled_run,
        limits={"leases_in_a_row": 4, "lease_seconds_min": 30},
        follows="pause_run",
        says="The last `leases_in_a_row` attempts of a run all ended with their lease, which was not shorter than "
        "`lease_seconds_min`.",
    ),
    Rule(
        kind="stuck_loop",
        on=(task.CallFinished, task.AttemptEnded, task.Rejected),
        check=work.stuck_loop,
        limits={"equal_exchanges": 6, "repeated_trees": 2},
        says="A session had `equal_exchanges` equal exchanges (one command with one result) among its last 40, "
        "or ended as stuck; or an employee handed in a rejected tree again, `repeated_trees` times in a row.",
    ),
    Rule(
        kind="scope_drift",
        on=(task.Submitted,),
        check=staff.scope_drift,
        limits={"hand_ins": 20, "dropped_min": 6},
        says="Of the last `hand_ins` hand-ins of a version, `dropped_min` had changes outside the scope.",
    ),
    Rule(
        kind="claims_beyond_verdict",
        on=(task.Verified, task.Rejected, task.AttemptEnded, run_messages.Rejected),
        check=staff.claims_beyond_verdict,
        limits={"hand_ins": 20, "refuted_min": 10},
        says="Of the last `hand_ins` tasks of a version with sessions, `refuted_min` hand-ins failed a check that the "
        "session could make itself; or a review passed work whose merged tree was then rejected.",
    ),
    Rule(
        kind="never_disagrees",
        on=(task.Verified, task.Rejected, employee.ReviewerChecked),
        check=staff.never_disagrees,
        limits={"reviews_in_a_row": 60, "planted_min": 10, "catch_percent_min": 50},
        says="A reviewer passed `reviews_in_a_row` reviews in a row, and nobody measured it with `planted_min` planted "
        "defects; or it was measured and caught less than `catch_percent_min` percent of them.",
    ),
    Rule(
        kind="weak_criteria",
        on=(run_messages.Verified,),
        check=work.weak_criteria,
        limits={},
        says="The cases of a requirement do not notice small mistakes in the accepted code (gate `mutation`).",
    ),
    Rule(
        kind="repeated_refusals",
        on=(refusal.CommandRefused,),
        check=spending.repeated_refusals,
        limits={"refusals_min": 20, "window_minutes": 10},
        says="At least `refusals_min` commands of one principal were refused within `window_minutes`.",
    ),
)
"""In the order in which the rules look at an event."""


def _by_event() -> Mapping[type[Event], tuple[Rule, ...]]:
    kinds = {event for rule in RULES for event in rule.on}
    return {event: tuple(rule for rule in RULES if event in rule.on) for event in kinds}


RULES_OF: Mapping[type[Event], tuple[Rule, ...]] = _by_event()
"""Type of an event -> the rules that look at it."""
