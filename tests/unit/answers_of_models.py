"""Results of model calls for tests."""

from decimal import Decimal

from agents.employees.contract import ModelResult, ToolCall


def result(*, text: str = "", calls: tuple[ToolCall, ...] = ()) -> ModelResult:
    """Return the result of a call that cost nothing."""
    return ModelResult(
        text=text,
        refusal=None,
        finish="stop",
        finish_raw="stop",
        input_tokens=1,
        cached_tokens=None,
        output_tokens=1,
        reasoning_tokens=None,
        cost=Decimal(0),
        cost_source="test",
        latency_s=0.0,
        provider="scripted",
        endpoint="",
        model_requested="turns",
        model_reported=None,
        model_digest=None,
        fingerprint=None,
        request_id=None,
        sdk="",
        request={},
        request_sha256="",
        raw={},
        started_at_us=0,
        calls=calls,
    )
