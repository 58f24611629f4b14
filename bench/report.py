"""The page of numbers: Markdown, written anew by every measurement."""

from collections.abc import Sequence

from bench import appending, basing, judging, limits, replaying, running
from bench.figures import Figures
from bench.setting import Setting
from verification.execution.trials import BOXES_AT_ONCE

HEAD = """# Measurements

Written by `make bench`. Each figure is the median of {rounds} rounds, with the smallest and the largest in brackets.
In every round all contestants run on the same servers, first in the order of the table, in the next round in the
opposite one; a ratio is taken within a round. The gate, recorder and consumers are those of `aura serve all`, in one
Python process.
"""
APPENDING = """One decision, one event, of the same size for all. One writer: {alone} events a round, each sent when
the one before is acknowledged. Saturated: {saturated} events; {commands} commands at once here, {messages} messages
at once for JetStream alone, {threads} threads with connections of their own at the peer, {rows} events a transaction
for COPY alone. Our clock stops when the recorder has committed the last event in Postgres."""
RUNNING = """From submit to the delivered event in the stream: one task, a scripted employee that answers at once, an
empty verdict, the git repository written. Peers run {steps} steps that do nothing, each committed before the next.
{alone} runs a round alone, then {at_once} with {slots} at once; our clock stops there when every consumer has committed
the last event. A run of ours is about a dozen guarded decisions, two verdicts and a repository: the ratio is not like
for like, it says what all of that costs beside bare steps. Every run has the same requirement, which a process reads
once."""
REPLAYING = """The {events} events that the runs above left. The peer reads as many events of the same size and decodes
them; it projects nothing."""

JUDGING = """A function with {cases} cases, half of them sealed, judged as one task's share: every case in a fresh box,
{boxes} boxes at once, the other gates of a task included. Plain: the same worker as an ordinary process in a folder of
its own, {boxes} at once, and nothing compared. Alone: {alone} verdicts a round. Cases per second and core: {saturated}
verdicts, as many at once as there are cores ({cores}). No box is used twice, and none is kept warm. Docker: {fewer}
times fewer verdicts, on the engine at AURA_DOCKER_HOST with the image of `aura sandbox build`; left out without one."""


def page(setting: Setting, rounds: int, sections: Sequence[str]) -> str:
    lines = [HEAD.format(rounds=rounds), "| | |", "| --- | --- |"]
    lines += [f"| {name} | {value} |" for name, value in setting.lines.items()]
    return "\n".join([*lines, "", *sections]).rstrip() + "\n"


def of_appending(figures: Figures, size: appending.AppendingSize) -> str:
    words = APPENDING.format(
        alone=size.alone,
        saturated=size.saturated,
        commands=appending.COMMANDS_AT_ONCE,
        messages=limits.IN_FLIGHT_MAX,
        threads=appending.WRITERS,
        rows=limits.COPY_EVENTS,
    )
    return section("Events per second", words, figures, appending.OURS)


def of_running(figures: Figures, size: running.RunningSize) -> str:
    words = RUNNING.format(steps=running.STEPS, alone=size.alone, at_once=size.at_once, slots=running.AT_ONCE)
    return section("Time of a run", words, figures, running.OURS)


def of_replaying(figures: Figures, events: int) -> str:
    return section("Replay", REPLAYING.format(events=events), figures, replaying.OURS)


BASING = """A base of {files} files and {tests} tests; one module is changed. The gate runs the base's tests in a box,
on the tree, and compares them test by test. The first time it runs them on the base as well. The limit is the same test
command as an ordinary process in a folder, without plugins, and without the time to put the files there."""


def of_judging(figures: Figures, size: judging.JudgingSize) -> str:
    words = JUDGING.format(
        cases=judging.CASES,
        boxes=BOXES_AT_ONCE,
        alone=size.alone,
        saturated=size.saturated,
        cores=judging.CORES,
        fewer=judging.CONTAINERS_FEWER,
    )
    return section("Time of a verdict", words, figures, judging.OURS)


def of_basing(figures: Figures, size: basing.BasingSize) -> str:
    words = BASING.format(files=size.files, tests=size.tests)
    return section("A base's own tests", words, figures, basing.KEPT)


def section(title: str, words: str, figures: Figures, ours: str) -> str:
    """One table a figure: contestants, values, and ours as a ratio to each."""
    lines = [f"## {title}", "", words, ""]
    for name in figures.names():
        there = [contestant for contestant in figures.values if name in figures.values[contestant]]
        if len(there) == 1:
            continue
        lines += [f"| {name} | | ours / this |", "| --- | --- | --- |"]
        for contestant in there:
            ratio = "1" if contestant == ours else figures.ratio(ours, contestant, name)
            lines.append(f"| {contestant} | {figures.shown(contestant, name)} | {ratio} |")
        lines.append("")
    alone = [name for name in figures.names() if [c for c in figures.values if name in figures.values[c]] == [ours]]
    if alone:
        lines += [
            "| ours alone | |",
            "| --- | --- |",
            *(f"| {name} | {figures.shown(ours, name)} |" for name in alone),
            "",
        ]
    return "\n".join(lines)


def hops(medians: Sequence[tuple[str, float, int]]) -> str:
    """Where a run's time goes."""
    lines = [
        "| a run alone, from the command of one event to that of the next | ms, median | times |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {step} | {ms:.1f} | {times} |" for step, ms, times in medians]
    return "\n".join([*lines, ""])
