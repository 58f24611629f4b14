"""Models that play the answers of a record. They never reach a server."""

from collections.abc import Mapping
from decimal import Decimal
from typing import get_args

from agents.employees.answer_reader.result import CANNOT
from agents.employees.call_errors import CALL_FAILURES, CallFailed, CallFailure
from agents.employees.contract import Finish, ModelResult, Order
from agents.employees.conversation import Bound, CallRequest
from domain.snapshot import Snapshot
from domain.task import DECLINED

FINISHES: Mapping[str, Finish] = {
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "continuation": "length",
}
"""The providers' own words for an answer that reached its limit, in lower case."""
READ_AGAIN = frozenset({"truncated", "too_large", "empty"})
"""Failures that were found by reading the answer. So they are found again, or not, by reading it today."""


def result_of(snapshot: Snapshot, text: str | None) -> ModelResult:
    """Return the result of a recorded call. The request of today is not part of it."""
    raw = snapshot.finish_reason
    finish = FINISHES.get((raw or "").lower(), "length" if snapshot.outcome == "truncated" else "stop")
    if raw in get_args(Finish):
        finish = raw  # type: ignore[assignment]  # one of the words of the contract
    return ModelResult(
        text=text,
        refusal=None,
        finish=finish,
        finish_raw=raw,
        input_tokens=snapshot.input_tokens,
        cached_tokens=None,
        output_tokens=snapshot.output_tokens,
        reasoning_tokens=None,
        cost=snapshot.cost.usd if snapshot.cost is not None else None,
        cost_source=snapshot.cost_source,
        tokens=snapshot.cost.tokens if snapshot.cost is not None else None,
        estimated=snapshot.estimated,
        adaptations=snapshot.adaptations,
        latency_s=snapshot.latency_s,
        provider=snapshot.provider,
        endpoint=snapshot.endpoint,
        model_requested=snapshot.model,
        model_reported=snapshot.model_reported,
        model_digest=snapshot.model_digest,
        fingerprint=None,
        request_id=snapshot.request_id,
        sdk=snapshot.sdk,
        request={},
        request_sha256="",
        raw={},
        started_at_us=0,
    )


def failure_in(snapshot: Snapshot) -> CallFailed | None:
    """Return the recorded failure of a call; None if the call did not fail."""
    if snapshot.outcome not in CALL_FAILURES:
        return None
    failure: CallFailure = snapshot.outcome
    return CallFailed(failure, snapshot.message, retry_after_s=snapshot.retry_after_s)


class RecordedModel:
    """A model that plays a record: nothing is paid, and there are no connections."""

    provider = "recorded"
    model = "recorded"
    scripted = False

    def bound(self, request: CallRequest) -> Bound:
        del request
        return Bound(0, Decimal(0))

    async def probe(self) -> ModelResult:
        """Refuse: a record has no server that could be reached. Raises CallFailed."""
        raise CallFailed("bad_settings", "A recorded model cannot be probed: it has no server.")

    async def close(self) -> None:
        """Do nothing: there are no connections."""


class RecordedAnswer(RecordedModel):
    """A model whose only call has a recorded answer. It keeps the request of today."""

    has_tools = False

    def __init__(self, snapshot: Snapshot, text: str) -> None:
        self._snapshot = snapshot
        self._text = text
        self.request: CallRequest | None = None

    def describe(self) -> Mapping[str, str]:
        return {"provider": self._snapshot.provider, "model": self._snapshot.model, "endpoint": self._snapshot.endpoint}

    async def complete(self, request: CallRequest) -> ModelResult:
        """Return the recorded answer. Raises CallFailed if the recorded call had none."""
        self.request = request
        failure = failure_in(self._snapshot)
        if failure is not None and not (self._text and failure.failure in READ_AGAIN):
            raise failure
        return result_of(self._snapshot, self._text)


class RecordedScript:
    """A script that plays the recorded work of a scripted employee.

    The answer of a script is not text that a model wrote: it is the files themselves. So they come from the hand-in.
    """

    def __init__(self, snapshot: Snapshot, files: Mapping[str, bytes | None]) -> None:
        self.name = snapshot.model.removeprefix("script ")
        self._snapshot = snapshot
        self._files = files

    def files(self, order: Order) -> Mapping[str, bytes | None]:
        """Return the recorded files. Raises CallFailed if the recorded call failed."""
        del order
        failure = failure_in(self._snapshot)
        if failure is not None:
            raise failure
        if self._snapshot.outcome == DECLINED:
            return {CANNOT: self._snapshot.message.encode()}
        return self._files
