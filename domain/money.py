"""Amounts of US dollars and tokens, which are reserved and spent together."""

from decimal import ROUND_UP, Decimal

import msgspec

from domain.errors import Invalid

ZERO_USD = Decimal("0")
USD_MAX = Decimal(1_000_000_000)  # the most USD of one amount
USD_STEP = Decimal("1E-12")  # the smallest unit, in USD. USD_STEP and USD_MAX together keep sums exact
TOKENS_MAX = 10**15  # the most tokens of one amount; fits 64 bits


class Amount(msgspec.Struct, frozen=True, gc=False):
    """Dollars (exact decimal) and tokens. Both count against a cap, and both must be 0 or more."""

    usd: Decimal = ZERO_USD
    tokens: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.usd + other.usd, self.tokens + other.tokens)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.usd - other.usd, self.tokens - other.tokens)

    def fits(self, cap: "Amount") -> bool:
        """Return whether both dollars and tokens are within the cap."""
        return self.usd <= cap.usd and self.tokens <= cap.tokens

    def at_most(self, cap: "Amount") -> "Amount":
        """Return the amount, with dollars and tokens limited to the cap."""
        return Amount(min(self.usd, cap.usd), min(self.tokens, cap.tokens))

    def counted(self) -> "Amount | None":
        """Return the amount rounded up to USD_STEP, or None if it is negative, not finite or above the limits."""
        if not self.usd.is_finite() or not 0 <= self.usd <= USD_MAX or not 0 <= self.tokens <= TOKENS_MAX:
            return None
        rounded = self.usd.quantize(USD_STEP, ROUND_UP)
        return self if rounded == self.usd else Amount(rounded, self.tokens)


NOTHING = Amount()


def left_text(left: Amount) -> str:
    """Return what is left of a budget, without negative amounts, such as "1.00 USD and 5 tokens left".

    An amount is negative if the limit was lowered later, or if a call cost more than its reservation.
    """
    parts = ((left.usd, " USD"), (left.tokens, " tokens"))
    over = " and ".join(f"{-amount}{unit}" for amount, unit in parts if amount < 0)
    if not over:
        return f"{left.usd} USD and {left.tokens} tokens left"
    rest = [f"{amount}{unit}" for amount, unit in parts if amount > 0]
    return f"{rest[0] if rest else 'nothing'} left (spent and reserved amounts exceed the limit by {over})"


def checked(amount: Amount, name: str) -> Amount:
    """Return the amount unchanged. Raises Invalid if it is negative, not finite, too large or finer than USD_STEP."""
    if amount.counted() != amount:
        raise Invalid(
            f"{name} is {amount.usd} USD and {amount.tokens} tokens.",
            hint=f"Give 0 to {USD_MAX} USD with at most 12 decimal places, and 0 to {TOKENS_MAX} tokens.",
        )
    return amount
