"""The events of release 0.1.0 as the template of a large log, for tests that need no servers for their runs."""

from bench.large_log import RealEvent
from tests.recording.fixture import kept_log


def template() -> list[RealEvent]:
    return [RealEvent(kept.envelope, kept.payload, kept.salt, kept.blobs, kept.void) for kept in kept_log()]
