"""The peers of a run: workflows of empty steps in DBOS, LangGraph and Temporal.

Each peer runs STEPS steps, and as many steps as Aura's run has events. A step of a peer is durable before the next step
begins, as an event of Aura is. Temporal's test server keeps its data in memory.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from bench import peer
from bench.figures import Measure
from bench.firm import Firm

STEPS = 6
"""Number of empty steps in the shorter run of a peer."""
EVENTS_OF_A_RUN = 13
"""Number of events in Aura's run of one task. A test compares it with a run."""
TIME, RATE = "p50, ms", "16 at once, runs/s"
STEP, STEP_AT_ONCE = "ms per durable step", "16 at once, ms per durable step"
DATABASES = {"dbos": "DBOS", "langgraph": "LangGraph with Postgres checkpointer"}
TEMPORAL = "Temporal's test server, data in memory"


async def contestants(firm: Firm, question: Mapping[str, int]) -> Mapping[str, Measure]:
    """Return the installed peers by name. `question`: the numbers of runs, the same for all."""
    found: dict[str, Measure] = {}
    counts: Sequence[int] = (STEPS, EVENTS_OF_A_RUN)
    if peer.is_there():
        for script, name in DATABASES.items():
            where = peer.where(await firm.database(f"peer_{script}"))
            for steps in counts:
                ask = partial(peer.ask, script, {**where, **question, "steps": steps})
                found[f"{name}, {steps} empty steps"] = partial(measured, ask, steps)
    if peer.temporal_is_there():
        for steps in counts:
            ask = partial(peer.ask_temporal, {**question, "steps": steps})
            found[f"{TEMPORAL}, {steps} empty activities"] = partial(measured, ask, steps)
    return found


async def measured(ask: Callable[[], Awaitable[Mapping[str, float]]], steps: int) -> Mapping[str, float]:
    return per_step(await ask(), steps)


def per_step(figures: Mapping[str, float], steps: float) -> Mapping[str, float]:
    """Add the time for each durable step: alone, and as the share of one step when 16 runs go on at the same time."""
    return {**figures, STEP: figures[TIME] / steps, STEP_AT_ONCE: 1000 / (figures[RATE] * steps)}
