"""The layers of a profile. Each module of the project and of its libraries belongs to one layer.

A sample belongs to the innermost function whose module has a layer. So the time of the standard library, of msgspec and
of other libraries without a layer belongs to the layer that called them.
"""

from collections.abc import Mapping, Sequence
from functools import cache

Frame = tuple[str, str]
"""A function: (its module, its qualified name)."""
Stack = tuple[Frame, ...]
"""The functions of a sample, the outermost first."""
OTHER = "other"
LOOP = "event loop"
PREFIXES: Mapping[str, str] = {
    "bus.codec": "codec",
    "bus.json_form": "codec",
    "bus.redaction": "codec",
    "domain.message": "codec",
    "domain.registry": "codec",
    "governance": "gate",
    "domain.law": "law",
    "domain": "fold",
    "projections": "rows",
    "bus.projection": "rows",
    "bus.projection_rows": "rows",
    "bus.projection_tables": "rows",
    "bus.row_form": "rows",
    "bus.known_ids": "law",
    "bus.nats_client": "driver nats-py",
    "bus": "log",
    "sql": "log",
    "nats": "driver nats-py",
    "asyncpg": "driver asyncpg",
    "asyncio": LOOP,
    "concurrent.futures": LOOP,
    "selectors": LOOP,
    "uvloop": LOOP,
    "agents.delivery": "git",
    "agents.working_copies": "git",
    "dulwich": "git",
    "verification": "verdict",
    "agents.verifier": "verdict",
    "agents": "agents",
    "director": "doors and roles",
    "runtime": "doors and roles",
    "observability": "doors and roles",
    "bench": "bench",
}
"""{module or package: layer}. The longest name that fits decides."""
LAYERS: tuple[str, ...] = (*dict.fromkeys(PREFIXES.values()), OTHER)
MEANINGS: Mapping[str, str] = {
    "codec": "events to bytes and back, redaction",
    "gate": "decisions: load the entity's state, authorise, decide, publish",
    "law": "which events are void by their position",
    "fold": "commands, events, states, `decide` and `evolve`",
    "rows": "projections and their rows",
    "log": "stream, recorder, consumers, store, blobs and work queue",
    "driver nats-py": "the client of NATS, with our shorter ways in it",
    "driver asyncpg": "the client of Postgres",
    LOOP: "asyncio or uvloop: turns, tasks, timers and sockets",
    "git": "deliveries and working copies",
    "verdict": "the sandbox, the judge and its gates",
    "agents": "manager, workers and employees",
    "doors and roles": "services, processes, health and metrics",
    "bench": "the measurement itself",
    OTHER: "no function of the sample has a layer",
}
"""One line about each layer, for the page."""


@cache
def layer_of(module: str) -> str | None:
    """Return the layer of a module. None means that its time belongs to the layer of its caller."""
    name = module
    while name:
        if name in PREFIXES:
            return PREFIXES[name]
        name = name.rpartition(".")[0]
    return None


def layer_of_stack(stack: Sequence[Frame]) -> str:
    """Return the layer of a sample."""
    layers = (layer_of(module) for module, _ in reversed(stack))
    return next((layer for layer in layers if layer is not None), OTHER)


def by_layer(samples: Mapping[Stack, float]) -> dict[str, float]:
    """Add up the seconds of samples for each layer, in the order of the table."""
    seconds = dict.fromkeys(LAYERS, 0.0)
    for stack, spent in samples.items():
        seconds[layer_of_stack(stack)] += spent
    return seconds


def by_function(samples: Mapping[Stack, float], count: int) -> list[tuple[str, float]]:
    """Return the functions with the most time, as (module.function, seconds).

    A sample belongs to its innermost function whose module has a layer, as in `layer_of_stack`.
    """
    seconds: dict[str, float] = {}
    for stack, spent in samples.items():
        frames = (frame for frame in reversed(stack) if layer_of(frame[0]) is not None)
        module, name = next(frames, ("", OTHER))
        seconds[f"{module}.{name}".lstrip(".")] = seconds.get(f"{module}.{name}".lstrip("."), 0.0) + spent
    return sorted(seconds.items(), key=lambda each: -each[1])[:count]
