"""Estimates as text: the price of a run before it begins, and beside the facts."""

from collections.abc import Mapping

from director.terminal.tables import money, table
from domain.estimate import Comparison, Estimate, Estimates, Interval, dollars
from domain.wording import counted

MINUTE_S, HOUR_S = 60, 3600
NO_ESTIMATE = "No estimate: no employee with a known price can work. Hire one: `aura hire --help` explains how."


def time_text(seconds: int) -> str:
    """Return a duration with its two largest units."""
    if seconds < MINUTE_S:
        return f"{seconds} s"
    if seconds < HOUR_S:
        return f"{seconds // MINUTE_S} min {seconds % MINUTE_S} s"
    return f"{seconds // HOUR_S} h {seconds % HOUR_S // MINUTE_S} min"


def estimate_lines(made: Estimate | None) -> list[str]:
    """Return the price of a run before it begins, what it follows from, and the chance that the budget is enough."""
    if made is None:
        return [NO_ESTIMATE]
    usd, time = made.micro_usd, made.seconds
    return [
        f"Expected cost: {money(dollars(usd.mid))} (80% of runs: {_range(usd)}), "
        f"{made.tokens.mid} tokens ({made.tokens.low} to {made.tokens.high}).",
        f"Expected time: {time_text(time.mid)} (80% of runs: {time_text(time.low)} to {time_text(time.high)}).",
        f"Chance of a delivery: {_percent(made.within)} within the budget, {_percent(made.delivered)} without a limit.",
        _source(made),
    ]


def comparison_lines(compared: Comparison | None) -> list[str]:
    """Return the estimate of a run beside the facts; no lines without an estimate."""
    if compared is None:
        return []
    made = compared.estimate
    seconds = "not delivered yet" if compared.seconds is None else time_text(compared.seconds)
    expected = f"{time_text(made.seconds.low)} to {time_text(made.seconds.high)}"
    return [
        f"estimated cost: {_range(made.micro_usd)}; fact: {money(compared.usd)}{_held(compared.usd_held)}",
        f"estimated time: {expected}; fact: {seconds}{_held(compared.seconds_held)}",
    ]


def estimates_text(found: Estimates) -> str:
    """Return all estimates beside the facts, and how often they held."""
    if not found.runs:
        return "No run has an estimate yet. `aura submit` makes one."
    rows = [
        (
            *(run.run, run.title, _range(run.estimate.micro_usd), money(run.usd), _word(run.usd_held)),
            f"{time_text(run.estimate.seconds.low)} to {time_text(run.estimate.seconds.high)}",
            "-" if run.seconds is None else time_text(run.seconds),
            _word(run.seconds_held),
        )
        for run in found.runs
    ]
    lines = [table(("run", "title", "estimate", "cost", "held", "estimate", "time", "held"), rows)]
    if sum(found.usd.values()):
        lines.append(f"Cost: {_counts(found.usd)}. Time: {_counts(found.seconds)}. The aim is 80% within.")
    return "\n".join(lines)


def _counts(counts: Mapping[str, int]) -> str:
    total = counted(sum(counts.values()), "delivered run")
    return f"{counts['within']} of {total} within, {counts['below']} below, {counts['above']} above"


def _range(micro_usd: Interval) -> str:
    return f"{money(dollars(micro_usd.low))} to {money(dollars(micro_usd.high))}"


def _percent(per_mille: int) -> str:
    return f"{per_mille / 10:.0f}%"


def _source(made: Estimate) -> str:
    if not made.attempts:
        return "No employee has a record yet, so stated priors decide (docs/workforce.md)."
    known = f"It follows from {counted(made.attempts, 'recorded attempt')} of {counted(made.staff, 'employee')}."
    if not made.unknown:
        return known
    return f"{known} {made.unknown} of them without a record, so stated priors decide for them (docs/workforce.md)."


def _held(held: bool | None) -> str:
    return "" if held is None else " (within)" if held else " (outside)"


def _word(held: bool | None) -> str:
    return "-" if held is None else "yes" if held else "no"
