"""The page and the data of a profile."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.profiling.layers import LAYERS, MEANINGS, OTHER, by_function, by_layer
from bench.profiling.scenarios import Measured

FUNCTIONS = 12
"""Number of functions that the page names for each scenario."""
HEAD = """# Where the processor time goes

`make profile` writes this page. It does the work of `make bench`, and samples which function uses the processor. The
CPU time of a function in C, of msgspec and of the standard library belongs to the layer that called it.

The gate, recorder, consumers, workers and verifier run in one Python process, on the event loop {loop}. The table of a
scenario shows only this process; the line below it shows the servers and the boxes. The loop of uvloop can be profiled
with `--loop uvloop`, but its own time is then a part of the function that it calls next.

Beside this page, `profile/NAME.svg` is the flame graph of a scenario. `make profile` also writes `profile/NAME.folded`
with its stacks, which [speedscope](https://www.speedscope.app) reads.

The last table of a scenario has the times at which an event passes each step (`bus/hops.py`). They are medians over
all types of events. The row "work" is the time before the command: the duties, the worker, blobs and git.
"""
SUMS = (
    "The process used {cpu:.2f} s of CPU time in {wall:.1f} s. {samples:,} samples of together {sum:.2f} s attribute "
    "{share:.1f}% of it to a layer. Python's garbage collector used {gc:.1f}% of it. The profiler's own {own:.1f}% "
    "are left out."
)


def attributed(measured: Measured) -> float:
    """Return the share of the process's CPU time that belongs to a layer."""
    seconds = by_layer(measured.profile.samples)
    return (sum(seconds.values()) - seconds[OTHER]) / (measured.profile.cpu_s or 1.0)


def data_of(measured: Measured) -> dict[str, Any]:
    """Return the figures of a scenario for `--json`. Times are in seconds."""
    profile = measured.profile
    return {
        "name": measured.name,
        "title": measured.title,
        "units": dict(measured.units),
        "cpu_s": profile.cpu_s,
        "wall_s": profile.wall_s,
        "samples": profile.count,
        "sampled_s": profile.sampled_s,
        "attributed": attributed(measured),
        "collecting_s": profile.collecting_s,
        "layers_s": by_layer(profile.samples),
        "functions_s": dict(by_function(profile.samples, FUNCTIONS)),
        "other_processes_s": dict(measured.others),
        "hops_ms": {hop: ms for hop, ms, _ in measured.hops},
    }


def page(measured: Sequence[Measured], setting: Mapping[str, str], loop: str) -> str:
    lines = [HEAD.format(loop=loop), "| | |", "| --- | --- |"]
    lines += [f"| {name} | {value} |" for name, value in setting.items()]
    lines += ["", "| layer | what it does |", "| --- | --- |"]
    lines += [f"| {layer} | {MEANINGS[layer]} |" for layer in LAYERS]
    for each in measured:
        lines += ["", *_section(each)]
    return "\n".join([*lines, ""])


def _section(measured: Measured) -> Iterator[str]:
    profile = measured.profile
    whole = profile.cpu_s or 1.0
    yield from (
        f"## {measured.title[0].upper()}{measured.title[1:]}",
        "",
        f"![Flame graph](profile/{measured.name}.svg)",
        "",
    )
    yield f"| layer | {' | '.join(f'{_per(unit)}' for unit in measured.units)} | share |"
    yield f"| --- |{' --- |' * len(measured.units)} --- |"
    for layer, seconds in sorted(by_layer(profile.samples).items(), key=lambda each: -each[1]):
        if seconds:
            yield f"| {layer} | {_each(seconds, measured.units)} | {100 * seconds / whole:.1f}% |"
    yield f"| CPU time by the system's clock | {_each(profile.cpu_s, measured.units)} | 100% |"
    yield ""
    yield SUMS.format(
        cpu=profile.cpu_s,
        wall=profile.wall_s,
        samples=profile.count,
        share=100 * attributed(measured),
        sum=profile.sampled_s,
        gc=100 * profile.collecting_s / whole,
        own=100 * profile.own_s / whole,
    )
    yield ""
    others = ", ".join(f"{name} {_each(seconds, measured.units, ' and ')}" for name, seconds in measured.others.items())
    yield f"Other processes, CPU time {' and '.join(map(_per, measured.units))}: {others or 'none'}."
    yield from ("", "| function | share |", "| --- | --- |")
    for name, seconds in by_function(profile.samples, FUNCTIONS):
        yield f"| `{name}` | {100 * seconds / whole:.1f}% |"
    if measured.hops:
        yield from ("", "| hop of an event | median ms since its command | events |", "| --- | --- | --- |")
        yield from (f"| {hop} | {ms:.2f} | {count} |" for hop, ms, count in measured.hops)


def _per(unit: str) -> str:
    return f"µs per {unit}" if unit == "event" else f"ms per {unit}"


def _each(seconds: float, units: Mapping[str, int], between: str = " | ") -> str:
    """Return the time per unit: in microseconds for an event, otherwise in milliseconds."""
    return between.join(
        f"{1e6 * seconds / count:,.1f}" if unit == "event" else f"{1e3 * seconds / count:,.2f}"
        for unit, count in units.items()
    )
