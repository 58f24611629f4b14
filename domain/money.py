"""Amounts that are reserved and spent together: US dollars and tokens."""

from decimal import ROUND_UP, Decimal

import msgspec

from domain.errors import Invalid

ZERO_USD = Decimal("0")
USD_MAX = Decimal(1_000_000_000)  # USD, of one amount
USD_STEP = Decimal("1E-12")  # USD, the smallest part that is counted; with USD_MAX it keeps sums exact
TOKENS_MAX = 10**15  # of one amount; fits 64 bits


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

    def at_most(self, cap: "Amount") -> "Amount":
        """The amount with neither part above the cap's."""
        return Amount(min(self.usd, cap.usd), min(self.tokens, cap.tokens))

    def counted(self) -> "Amount | None":
        """Rounded up to USD_STEP; None for what cannot be counted: negative, not finite or beyond the limits."""
        if not self.usd.is_finite() or not 0 <= self.usd <= USD_MAX or not 0 <= self.tokens <= TOKENS_MAX:
            return None
        rounded = self.usd.quantize(USD_STEP, ROUND_UP)
        return self if rounded == self.usd else Amount(rounded, self.tokens)


NOTHING = Amount()


def checked(amount: Amount, name: str) -> Amount:
    """The amount as it is. Raises Invalid for one that makes a cap or a sum meaningless (negative, NaN, endless)."""
    if amount.counted() != amount:
        raise Invalid(
            f"{name} is {amount.usd} USD and {amount.tokens} tokens.",
            hint=f"Give 0 to {USD_MAX} USD with at most 12 decimal places, and 0 to {TOKENS_MAX} tokens.",
        )
    return amount
