"""Charts as numbers: the widths of bars, and the points of a line. The templates draw them as SVG beside a table."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

WIDTH = 1000
"""The width of the longest bar, and of a line, in units of the drawing."""
HEIGHT = 100
LEAST = 2
"""The width of the shortest bar of a value above 0, so that it can be seen."""
BARS_MAX = 60


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One bar. `x` and `y`: its corner in a chart of columns. `width` and `height` are at most WIDTH and HEIGHT."""

    label: str
    value: Decimal
    x: int
    y: int
    width: int
    height: int


def bars(lines: Sequence[tuple[str, Decimal]]) -> list[Bar]:
    """Return horizontal bars, one below the other. The largest value has the whole width."""
    most = max((value for _, value in lines), default=Decimal(0))
    return [
        Bar(label=label, value=value, x=0, y=row, width=_share(value, most, WIDTH), height=1)
        for row, (label, value) in enumerate(lines)
    ]


def columns(lines: Sequence[tuple[str, Decimal]]) -> list[Bar]:
    """Return columns from left to right, the last BARS_MAX of them. The largest value has the whole height."""
    shown = lines[-BARS_MAX:]
    most = max((value for _, value in shown), default=Decimal(0))
    step = WIDTH // max(len(shown), 1)
    return [
        Bar(
            label=label,
            value=value,
            x=place * step,
            y=HEIGHT - (height := _share(value, most, HEIGHT)),
            width=max(step - step // 5, 1),
            height=height,
        )
        for place, (label, value) in enumerate(shown)
    ]


def points(values: Sequence[int], most: int) -> str:
    """Return the points of a line; empty for less than two values. `most`: the value at the top."""
    if len(values) < 2 or most <= 0:
        return ""
    step = WIDTH / (len(values) - 1)
    return " ".join(f"{round(place * step)},{HEIGHT - value * HEIGHT // most}" for place, value in enumerate(values))


def rate_over_time(outcomes: Sequence[bool], window: int = 20) -> list[int]:
    """Return the rate of good outcomes in percent after each outcome, over the last `window` outcomes."""
    rates = []
    for end in range(1, len(outcomes) + 1):
        last = outcomes[max(0, end - window) : end]
        rates.append(100 * sum(last) // len(last))
    return rates


def _share(value: Decimal, most: Decimal, whole: int) -> int:
    if most <= 0 or value <= 0:
        return 0
    return max(int(value * whole / most), LEAST)
