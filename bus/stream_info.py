"""The state of a stream, as the server reports it."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """First and last sequence of a stream, its size and its size limit. An empty stream has last = first - 1.

    whole_for_s: seconds until the first message is too old for the stream.
    """

    first_seq: int
    last_seq: int
    bytes_used: int = 0
    bytes_max: int = 0
    whole_for_s: float = 0.0


def info_of(found: dict[str, Any]) -> StreamInfo:
    """Decode the answer to STREAM.INFO."""
    state, config = found["state"], found["config"]
    return StreamInfo(state["first_seq"], state["last_seq"], state["bytes"], config["max_bytes"], _whole_for_s(found))


def _whole_for_s(found: dict[str, Any]) -> float:
    """Return the seconds until the first message of a stream is older than its `max_age`, by the server's clock."""
    max_age_s = found["config"].get("max_age", 0) / NANO
    if not max_age_s:
        return math.inf
    if not found["state"]["messages"]:
        return float(max_age_s)
    age = datetime.fromisoformat(found["ts"]) - datetime.fromisoformat(found["state"]["first_ts"])
    return float(max_age_s - age.total_seconds())
