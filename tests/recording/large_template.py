"""The events of release 0.1.0 as the template of a large log, for tests that need no servers for their runs."""

from bench.large_log import RealEvent
from domain.message import Unreadable
from tests.recording.fixture import Kept, kept_log

NUL = b"\\u0000"
"""A character that Postgres does not store, as JSON writes it."""


def template() -> list[RealEvent]:
    return [RealEvent(kept.envelope, kept.payload, kept.salt, kept.blobs, kept.void) for kept in kept_log()]


def template_without_parked() -> list[RealEvent]:
    """Return the events that every projection can process."""
    odd = {kept.seq for kept in kept_log() if NUL in (kept.payload or b"") or _is_unreadable(kept)}
    return [event for event, kept in zip(template(), kept_log(), strict=True) if kept.seq not in odd]


def _is_unreadable(kept: Kept) -> bool:
    return kept.void is None and isinstance(kept.recorded().event, Unreadable)
