"""Moments as people write them."""

from datetime import UTC, datetime

from domain.errors import Invalid


def microseconds(text: str) -> int:
    """A time in ISO 8601, UTC unless it says otherwise, as microseconds. Raises Invalid."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text!r} is neither a sequence nor a time.", hint="Write 120 or 2026-01-31T12:00.") from None
    at = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(at.timestamp() * 1_000_000)
