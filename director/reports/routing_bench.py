"""The report about a replay of routing: one line for each policy."""

from collections.abc import Sequence
from typing import Protocol

from director.routing_bench.comparison import Interval, PolicyResult

_HEAD = ("policy", "solved", "USD/task", "value/task", "solved more", "cost ratio", "tries", "last third")


class Report(Protocol):
    """The parts of the report that the text shows."""

    @property
    def best_single(self) -> str: ...

    @property
    def policies(self) -> tuple[PolicyResult, ...]: ...


def routing_text(report: Report) -> str:
    """Return the table, with the 95% interval of each mean over the seeds."""
    rows = [_HEAD, *(_row(result) for result in report.policies)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    note = (
        f"solved more, cost ratio and last third are relative to {report.best_single}, the model that solves most, "
        "at the same tasks. Brackets: 95% interval of the mean over the seeds."
    )
    return "\n".join([*(_aligned(row, widths) for row in rows), "", note])


def _row(result: PolicyResult) -> tuple[str, ...]:
    late = result.late
    return (
        result.policy,
        _text(result.solved, ".3f"),
        _text(result.cost_usd, ".4f"),
        _text(result.value_usd, ".3f"),
        _text(result.solved_more, "+.3f"),
        _text(result.cost_ratio, ".3f"),
        f"{result.attempts:.1f}",
        f"{late['solved_more'].mean:+.3f} at {late['cost_ratio'].mean:.3f}",
    )


def _text(interval: Interval, form: str) -> str:
    return f"{interval.mean:{form}} [{interval.low:{form}} {interval.high:{form}}]"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
