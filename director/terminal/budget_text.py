"""All caps as text."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from director.terminal.tables import money, table
from domain.caps import Limit
from domain.money import Amount, left_text


class ShownCap(Protocol):
    """The part of a cap that the text shows (director/services/budget.py)."""

    @property
    def name(self) -> str: ...
    @property
    def limit(self) -> Limit: ...
    @property
    def reserved(self) -> Amount: ...
    @property
    def settled(self) -> Amount: ...
    @property
    def left(self) -> Limit: ...
    @property
    def forecast(self) -> Amount | None: ...
    @property
    def warned(self) -> bool: ...


class ShownBudget(Protocol):
    """The part of the budget view that the text shows."""

    @property
    def left(self) -> Amount: ...
    @property
    def caps(self) -> Sequence[ShownCap]: ...


CAP_COLUMNS = ("cap", "limit", "reserved", "settled", "left", "forecast")


def budget_view_text(view: ShownBudget) -> str:
    """Return a table of all caps, in dollars and tokens. No part is shown as less than 0."""
    lines = table(CAP_COLUMNS, [_cells(cap) for cap in view.caps])
    notes = warnings_text([cap for cap in view.caps if cap.warned])
    if view.left.usd < 0 or view.left.tokens < 0:
        notes.append(f"The organisation has {left_text(view.left)}. New runs wait.")
    return "\n".join([lines, *notes])


def warnings_text(caps: Sequence[ShownCap]) -> list[str]:
    """Return a line for each cap that had its warning."""
    return [
        f"Warning: the budget {cap.name} was spent or reserved to 80%. Left: {_parts(cap.left.usd, cap.left.tokens)}."
        for cap in caps
    ]


def _cells(cap: ShownCap) -> tuple[str, ...]:
    return (
        cap.name,
        _parts(cap.limit.usd, cap.limit.tokens),
        _parts(cap.reserved.usd, cap.reserved.tokens),
        _parts(cap.settled.usd, cap.settled.tokens),
        _parts(cap.left.usd, cap.left.tokens),
        _parts(cap.forecast.usd, cap.forecast.tokens) if cap.forecast else "-",
    )


def _parts(usd: Decimal | None, tokens: int | None) -> str:
    """Return dollars and tokens. A part without a limit is a dash."""
    shown_usd = "-" if usd is None else money(max(usd, Decimal(0)))
    return f"{shown_usd} / {'-' if tokens is None else max(tokens, 0)}"
