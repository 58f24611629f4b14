"""The execution snapshot of one model call, as its receipt holds it."""

from collections.abc import Mapping

import msgspec

from domain.money import Amount

READ = ("answered", "no_code")
"""The outcomes of a call whose answer was read. Its message says what of it was not understood."""
REASONS_BETWEEN = " \u00b7 "
"""Stands between the reasons in such a message."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The execution snapshot of one model call: enough to say what was asked of whom and what came back.

    `outcome` is "answered", "declined" or a failure kind. Digests name blobs. Tokens None: not reported. `cost` None:
    unknown, charged at the reservation. `estimated`: the cost follows from the bytes of prompt and answer.
    `adaptations`: what was changed in the request because the server refuses its usual form. `retry_after_s`: how long
    the server asked to wait.
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
        """Whether the answer was read as a change."""
        return self.outcome in READ

    @property
    def not_understood(self) -> tuple[str, ...]:
        """The parts of an answer that were read and not understood."""
        return tuple(reason for reason in self.message.split(REASONS_BETWEEN) if reason) if self.was_read else ()
