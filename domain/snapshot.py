"""The execution snapshot of one model call, which its receipt holds."""

from collections.abc import Mapping

import msgspec

from domain.money import Amount

READ = ("answered", "no_code")
"""Outcomes of a call with an answer that was parsed. The message lists the parts that were not understood."""
REASONS_BETWEEN = " \u00b7 "
"""Separator of the reasons in such a message."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The execution snapshot of one model call: the model, the request and the response.

    `outcome` is "answered", "declined" or a kind of failure. Digests name blobs. Tokens None: not reported. `cost`
    None: unknown, charged at the reservation. `estimated`: the cost follows from the bytes of prompt and answer.
    `adaptations`: changes to the request, because the server refuses its usual form. `retry_after_s`: the wait that the
    server requested.
    """

    outcome: str
    provider: str
    endpoint: str
    model: str
    model_reported: str | None = None
    model_digest: str | None = None
    parameters: Mapping[str, str | int | float | bool | None] = {}
    prompt: str | None = None
    answer: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: Amount | None = None
    cost_source: str | None = None
    latency_s: float = 0.0
    finish_reason: str | None = None
    request_id: str | None = None
    sdk: str = ""
    scripted: bool = False
    message: str = ""
    estimated: bool = False
    adaptations: tuple[str, ...] = ()
    retry_after_s: float | None = None

    @property
    def was_read(self) -> bool:
        """Whether the answer was parsed as a change."""
        return self.outcome in READ

    @property
    def not_understood(self) -> tuple[str, ...]:
        """The reasons why parts of a parsed answer were not understood."""
        return tuple(reason for reason in self.message.split(REASONS_BETWEEN) if reason) if self.was_read else ()
