"""The execution snapshot: the record of one model call. The receipt of the call contains it."""

from collections.abc import Mapping

import msgspec

from domain.money import Amount

READ = ("answered", "no_code")
"""Outcomes of a call with a parsed answer. `message` then lists the parts of the answer that were not understood."""
REASONS_BETWEEN = " \u00b7 "
"""Separator of the reasons in the `message` of a parsed answer."""


class PromptRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The prompt of a call of a session, as digests of its messages. It takes space for its new messages only.

    The prompt is the first `kept` messages of the prompt of call `base`, then `messages`. `base` None: only `messages`.
    """

    base: int | None = None
    kept: int = 0
    messages: tuple[str, ...] = ()


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The execution snapshot of one model call: the model, the request and the response.

    `outcome` is "answered", "declined" or a kind of failure. Digests name blobs. Tokens are None if they were not
    reported. `cost` is None if it is unknown; the reservation is then charged. `estimated`: the cost was computed from
    the bytes of prompt and answer. `adaptations`: changes to the request that the server needs, because it refuses the
    usual form. `retry_after_s`: the wait that the server requested. `account`: that of the call, if it has a name.
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
    account: str = ""

    @property
    def was_read(self) -> bool:
        """Whether the answer was parsed as a change."""
        return self.outcome in READ

    @property
    def not_understood(self) -> tuple[str, ...]:
        """The reasons why parts of a parsed answer were not understood."""
        return tuple(reason for reason in self.message.split(REASONS_BETWEEN) if reason) if self.was_read else ()
