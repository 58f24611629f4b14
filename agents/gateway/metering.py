"""The price of a call of the hired model: its upper bound before the call, and its charge after it."""

from decimal import ROUND_UP
from typing import NamedTuple

from agents.employees.pricing import PriceSource, charge_of, cost_of
from agents.employees.usage import Counted, may_reason_hidden, tokens_of
from agents.gateway.limits import IMAGE_TOKENS_MAX, INPUT_BYTES_PER_TOKEN, INPUT_TOKENS_EXTRA
from agents.gateway.refusals import GatewayRefusal
from agents.gateway.usage_reader import UsageReader
from domain.money import USD_STEP, Amount


class Charge(NamedTuple):
    """The charge of a call. `amount` None: only the upper bound is safe."""

    amount: Amount | None
    estimated: bool
    source: str | None


class Meter(NamedTuple):
    """Prices and limits of the hired model. `context_tokens_max` None: the size of its context is not known."""

    base_url: str
    model: str
    price: PriceSource
    output_tokens_max: int
    context_tokens_max: int | None = None
    writes_cache: bool = False

    def input_bound(self, body_bytes: int, images: int) -> int:
        """Return the most input tokens that a request of this size can have."""
        tokens = -(-body_bytes // INPUT_BYTES_PER_TOKEN) + INPUT_TOKENS_EXTRA + images * IMAGE_TOKENS_MAX
        return min(tokens, self.context_tokens_max) if self.context_tokens_max is not None else tokens

    def bound(self, input_tokens: int, output_tokens: int) -> Amount:
        """Return the upper bound of a call.

        :raises GatewayRefusal: price_unknown.
        """
        usd = cost_of(
            self.price,
            base_url=self.base_url,
            model=self.model,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cache_write_tokens=input_tokens if self.writes_cache else None,
        ).usd
        if usd is None:
            raise GatewayRefusal(
                403, "price_unknown", "The price of the hired model is not known, so no call may be made."
            )
        return Amount(usd.quantize(USD_STEP, ROUND_UP), input_tokens + output_tokens)

    def output_within(self, left: Amount, input_tokens: int, wanted: int) -> int:
        """Return the most output tokens, up to `wanted`, whose bound fits what is left. It may be 0 or less."""
        low, high = 0, min(wanted, left.tokens - input_tokens)
        if high <= 0 or not self.bound(input_tokens, 1).fits(left):
            return 0
        while low < high:  # the cost grows with the output
            middle = (low + high + 1) // 2
            if self.bound(input_tokens, middle).fits(left):
                low = middle
            else:
                high = middle - 1
        return low

    def charge(self, usage: UsageReader, prompt_bytes: int) -> Charge:
        """Return the charge by the usage of an answer. Without usage, a complete answer is estimated."""
        counted = self._counted(usage, prompt_bytes)
        if counted is None:
            return Charge(None, False, None)
        price = charge_of(
            self.price,
            counted,
            base_url=self.base_url,
            requested=self.model,
            reported=usage.model,
            cached_tokens=usage.cached_tokens,
            cache_write_tokens=usage.written_tokens,
        )
        if price.usd is None:
            return Charge(None, counted.estimated, None)
        amount = Amount(price.usd.quantize(USD_STEP, ROUND_UP), counted.input_tokens + counted.output_tokens)
        return Charge(amount, counted.estimated, price.source)

    def _counted(self, usage: UsageReader, prompt_bytes: int) -> Counted | None:
        if usage.has_usage():
            return Counted(usage.input_tokens or 0, usage.output_tokens or 0, estimated=False)
        hidden = may_reason_hidden(usage.model or self.model, self.model)
        if not usage.complete or hidden:
            return None
        return Counted(tokens_of(prompt_bytes), tokens_of(usage.answer_bytes), estimated=True)
