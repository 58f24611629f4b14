"""Parses the times that people write to name a position in the log."""

from datetime import UTC, datetime

from domain.errors import Invalid

SEQ_MAX = 2**53
"""The largest sequence. JSON readers represent integers exactly up to this number, and the database can store it."""


def microseconds(text: str) -> int:
    """Parse a time in ISO 8601 to microseconds. Without an offset it is UTC. Raises Invalid."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text!r} is neither a sequence nor a time.", hint="Write 120 or 2026-01-31T12:00.") from None
    at = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(at.timestamp() * 1_000_000)
