"""Amounts that are reserved and spent together: US dollars and tokens."""

from decimal import Decimal

import msgspec

ZERO_USD = Decimal("0")


class Amount(msgspec.Struct, frozen=True):
    """Dollars (exact decimal) and tokens. Both count against a cap; neither may go below zero."""

    usd: Decimal = ZERO_USD
    tokens: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.usd + other.usd, self.tokens + other.tokens)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.usd - other.usd, self.tokens - other.tokens)

    def fits(self, cap: "Amount") -> bool:
        """Whether neither part exceeds the cap's."""
        return self.usd <= cap.usd and self.tokens <= cap.tokens


NOTHING = Amount()
