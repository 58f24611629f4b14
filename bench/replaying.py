"""Measurement of replay, in events per second. It is compared with a peer that reads events, and with COPY alone."""

import time
from collections.abc import Mapping
from functools import partial

from bench import limits, peer
from bench.figures import Measure
from bench.firm import Firm
from domain.errors import Failed
from projections import replay
from projections.rebuilding import rebuild_all
from runtime.roles import CONSUMERS

OURS = "Aura: `replay --check`, every projection computed and compared"
REBUILT = "Aura: every projection rebuilt into new tables"


async def contestants(firm: Firm) -> Mapping[str, Measure]:
    """Return the systems to measure. Aura replays the log of the runs; the peer reads the same number of events."""
    last = (await firm.office.stream.info()).last_seq
    sample = await firm.office.stream.get(last)
    assert sample is not None, "the log is not empty"
    found: dict[str, Measure] = {OURS: partial(checked, firm), REBUILT: partial(rebuilt, firm)}
    if peer.is_there():
        question = {
            **peer.where(await firm.database("peer_replay")),
            "what": "replay",
            "writers": 1,
            "events": last,
            "event_bytes": len(sample.data),
        }
        found["pyeventsourcing, select_notifications and JSON decoded"] = partial(peer.ask, "eventsourcing", question)
    return found | {"limit: COPY OUT, data discarded": partial(limits.copy_out, firm.office.store)}


async def checked(firm: Firm) -> Mapping[str, float]:
    """Compute all projections while the log is read once, and compare them with the live rows in the same snapshot."""
    begun = time.perf_counter()
    done = await replay.check(firm.office.store, [make() for make in CONSUMERS.values()])
    if done.differences:
        raise Failed(
            f"Rebuilt and live rows differ: {done.differences[0]}.", hint="This is a bug in Aura. Please report it."
        )
    return {"events/s": done.events / (time.perf_counter() - begun)}


async def rebuilt(firm: Firm) -> Mapping[str, float]:
    """Rebuild the tables of all projections. The log is read once, and the new tables replace the old ones."""
    begun = time.perf_counter()
    positions = await rebuild_all(firm.office.store, [make() for make in CONSUMERS.values()])
    return {"events/s": max(positions.values()) / (time.perf_counter() - begun)}
