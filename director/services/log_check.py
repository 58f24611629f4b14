"""Check of a part of the log in the store: no gap, no changed payload, and envelopes that fit their columns."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from bus import codec
from bus.store import Store
from domain.errors import AuraError, Invalid
from sql import named

EVENTS_MAX = 5000
"""The most events that one call checks."""
PROBLEMS_MAX = 20
LEAF = b"\x00"
"""The prefix of a leaf in a tree of hashes (RFC 6962)."""


class CheckedLog(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a check. `first`, `last`: the events that were checked; 0 if there were none.

    `hash`: SHA-256 over the hashes of their envelopes, so that two stores can be compared. `erased`: events without a
    payload, after a purge. `problems`: at most PROBLEMS_MAX sentences. `next`: the value of `after` for the next part.
    """

    first: int
    last: int
    hash: str
    erased: int
    problems: tuple[str, ...]
    next: int | None


async def check_log(store: Store, after: int = 0, limit: int = EVENTS_MAX) -> CheckedLog:
    """Check the events after a sequence. Raises Invalid for more than EVENTS_MAX events."""
    if not 1 <= limit <= EVENTS_MAX:
        raise Invalid(f"One check reads 1 to {EVENTS_MAX} events.", hint="Check the log in parts.")
    end = await store.recorded_up_to()
    rows = [row for row in await bodies(store, after, limit) if row["seq"] <= end]
    whole, problems, erased = sha256(), list[str](), 0
    expected = after + 1
    for row in rows:
        problems += _problems(expected, row)
        expected = row["seq"] + 1
        erased += row["bytes"] is None
        whole.update(bytes.fromhex(leaf_hash(row["envelope"])))
    if len(rows) < limit and expected <= end:
        problems.append(f"the events {expected} to {end} are missing")
    return CheckedLog(
        first=rows[0]["seq"] if rows else 0,
        last=rows[-1]["seq"] if rows else 0,
        hash=whole.hexdigest(),
        erased=erased,
        problems=tuple(problems[:PROBLEMS_MAX]),
        next=rows[-1]["seq"] if rows and rows[-1]["seq"] < end else None,
    )


def _problems(expected: int, row: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with one row. `expected`: its sequence if no event is missing before it."""
    seq = row["seq"]
    if seq != expected:
        yield f"event {expected} is missing: event {seq} follows event {expected - 1}"
    if row["reason"] == codec.ALIEN:
        return
    try:
        envelope = codec.envelope_of(row["envelope"])
    except AuraError:
        yield f"the envelope of event {seq} cannot be read"
        return
    if envelope.type != row["type"]:
        yield f"event {seq} has the type {envelope.type}, and its column says {row['type']}"
    if commitment_fits(row) is False:
        yield f"the payload of event {seq} is not the one that its envelope names"


async def bodies(store: Store, after: int, limit: int) -> Sequence[Any]:
    """Return the stored bytes of the events after a sequence: envelope, payload, salt, and the reason of a void."""
    async with store.connection() as connection:
        rows: Sequence[Any] = await connection.fetch(named("log_bodies"), after, limit)
    return rows


def leaf_hash(envelope: bytes) -> str:
    """Return the hash of an envelope as a leaf of a tree of hashes, in hex."""
    return sha256(LEAF + envelope).hexdigest()


def commitment_fits(row: Mapping[str, Any]) -> bool | None:
    """Return whether a payload fits the commitment in its envelope; None if there is no payload or no envelope."""
    if row["bytes"] is None or row["reason"] == codec.ALIEN:
        return None
    try:
        known = codec.envelope_of(row["envelope"]).commitment
    except AuraError:
        return None
    return codec.commitment(row["salt"], row["bytes"]) == known
