"""Events per second out of the log: all projections rebuilt, beside a peer that reads and Postgres that sends."""

import time
from collections.abc import Mapping
from functools import partial

from bench import limits, peer
from bench.figures import Measure
from bench.firm import Firm
from domain.errors import Failed
from projections import replay
from runtime.roles import CONSUMERS

OURS = "Aura: `replay --check`, every projection folded and compared"
REBUILT = "Aura: every projection rebuilt into new tables"


async def contestants(firm: Firm) -> Mapping[str, Measure]:
    """Return the systems to measure: ours on the runs' log, the peer on as many events of the same mean size."""
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
    return found | {"limit: COPY OUT, thrown away": partial(limits.copy_out, firm.office.store)}


async def checked(firm: Firm) -> Mapping[str, float]:
    """All consumers' projections from one reading of the log, compared with the live rows in the same snapshot."""
    begun = time.perf_counter()
    done = await replay.check(firm.office.store, [make() for make in CONSUMERS.values()])
    if done.differences:
        raise Failed(f"Rebuilt and live rows differ: {done.differences[0]}.", hint="This is a defect: report it.")
    return {"events/s": done.events / (time.perf_counter() - begun)}


async def rebuilt(firm: Firm) -> Mapping[str, float]:
    """Each projection's tables filled anew and put in place, one after the other; each reads the whole log."""
    begun, last = time.perf_counter(), 0
    for make in CONSUMERS.values():
        last = await replay.rebuild(firm.office.store, make())
    return {"events/s": last / (time.perf_counter() - begun)}
