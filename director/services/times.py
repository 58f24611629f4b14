"""Moments of the log as people write them: a time, or a sequence."""

from datetime import UTC, datetime

from domain.errors import Invalid

SEQ_MAX = 2**53
"""No sequence is larger: what JSON's readers hold exactly, and far below what the database does."""


def microseconds(text: str) -> int:
    """A time in ISO 8601, UTC unless it says otherwise, as microseconds. Raises Invalid."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text!r} is neither a sequence nor a time.", hint="Write 120 or 2026-01-31T12:00.") from None
    at = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(at.timestamp() * 1_000_000)
