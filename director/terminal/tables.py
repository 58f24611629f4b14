"""Tables and amounts of money as text."""

from collections.abc import Sequence
from typing import Any


def table(header: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    """Return lines of cells as text with aligned columns."""
    cells = [list(header), *[["-" if cell is None else str(cell) for cell in line] for line in lines]]
    widths = [max(len(line[index]) for line in cells) for index in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def money(usd: Any) -> str:
    """Return an amount of dollars with all its decimals, and with at least two."""
    text = f"{usd:f}" if usd is not None else "?"
    whole, _, part = text.partition(".")
    return f"{whole}.{part.rstrip('0').ljust(2, '0')} USD"
