"""The Markdown page with all measured numbers. Every measurement writes the whole page."""

from collections.abc import Sequence
from statistics import median

from bench import (
    appending,
    basing,
    idle,
    judging,
    large_replaying,
    limits,
    many,
    replaying,
    run_peers,
    run_sizes,
    running,
    sessions,
    travelling,
)
from bench.figures import Figures
from bench.setting import Setting
from verification.execution.trials import BOXES_AT_ONCE

HEAD = """# Measurements

`make bench` writes this page. Each figure is the median of {rounds} rounds. The smallest and the largest value are in
brackets. In every round, all contestants run on the same servers: in the order of the table in the first round, in the
opposite order in the second, and so on. The column "ours / this" is Aura's value divided by the value of the row; each
ratio compares values of the same round. The gate, recorder and consumers are the same as in `aura serve all`, and run
in one Python process.
"""
APPENDING = """Each command causes one decision and one event. The events of all contestants have the same size.

- One writer: {alone} events in a round. Each event is sent after the previous event is acknowledged.
- Saturated: {saturated} events in a round. Aura handles {commands} commands at the same time. For JetStream alone,
  {messages} messages are sent at the same time. The peer uses {threads} threads, each with its own connection.
  COPY alone writes {rows} events in one transaction. "Publish and COPY" publishes atomic batches of {rows} events to
  JetStream, and copies each batch into Postgres while the next is published.

The time of Aura ends when the recorder has committed the last event in Postgres."""
RUNNING = """A run is measured from `submit` until the event of its delivery is in the stream. It has one task. A
scripted employee answers immediately, the verdict checks nothing, and the git repository is written. A peer runs
{steps} steps that do nothing, and in another run {events} steps, which is the number of events of our run. It commits
each step before the next; Temporal's test server keeps its steps in memory only.

In each round, {alone} runs follow one another. Then come {at_once} runs, with {slots} at the same time. Their time ends
when every consumer has committed the last event. A run of Aura contains about a dozen guarded decisions, two verdicts
and a repository. So the ratio does not compare equal work: it shows the cost of all this compared with empty steps.
The time per durable step is the p50 divided by the number of steps or events. With 16 at once it is the time of all
runs divided by all steps.
Every run has the same requirement, and a process parses it only once."""
REPLAYING = """Aura replays the {events} events of {runs} runs like those above. The peer reads the same number of
events of the same size and decodes them, but computes no projection."""

LARGE_REPLAYING = """The real command on a log of {large:,} events, and on one of {small:,}. Both repeat the events
of real runs: delivered at once, with rejected attempts, without any verified attempt, ended by the Director; with a
pause and void events. The Director answers late, so about 200 runs are open at any time. `--all` computes the rows of
all projections and writes them. `--check` computes and compares them. The time includes the start of the command."""

RUN_SIZES = """CPU time of Aura's process for one event of a task, in microseconds, when every run is planned. The rows
of each 500 events are encoded, or written to Postgres. Nothing waits for a stream or a reaction."""

TRAVELLING = """A view as of {positions} random events of a log of {large:,} events, and of one of {small:,}. Each
question is for one table: the rows of one run, or a page of {rows}. They come from the history that each consumer keeps
of its rows. `tests/integration/test_large_history.py` compares such answers with a fold of the log."""

JUDGING = """The work of one task is judged: a function with {cases} cases, of which half are sealed. Every case runs
in a new box, with {boxes} boxes at the same time. The time includes the other gates of a task. The ordinary processes
run the same worker in their own folders, {boxes} at the same time, and compare no results.

- A verdict: {alone} verdicts in a round, one after the other.
- Cases per second and core: {saturated} verdicts in a round, one for each core ({cores}) at the same time.

No box is used twice. Without a pool, no box is started in advance. With a pool, boxes wait, and the time
of a verdict does not include their start; the cases per second include it. For Docker, the number of verdicts is
{fewer} times smaller.
Docker is measured on the engine at AURA_DOCKER_HOST with the image that `aura sandbox build` made, if both exist."""


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
    words = RUNNING.format(
        steps=run_peers.STEPS,
        events=run_peers.EVENTS_OF_A_RUN,
        alone=size.alone,
        at_once=size.at_once,
        slots=running.AT_ONCE,
    )
    return section("Time of a run", words, figures, running.OURS)


SESSIONS = """The model of a session is a script that answers at once. So the time of a call is what Aura adds to the
model's own time: the permit, the receipt, and one action in the box. A session has {calls} calls, and each is measured
from its permit to the next permit. A call has two events, so the limit is two messages to JetStream, one after the
other. Waiting workers ask for orders for {idle_s:g} s."""


def of_sessions(figures: Figures, size: sessions.SessionsSize) -> str:
    words = SESSIONS.format(calls=size.calls, idle_s=size.idle_s)
    return section("A call of a session", words, figures, sessions.READING)


def of_replaying(figures: Figures, events: int, runs: int) -> str:
    return section("Replay", REPLAYING.format(events=events, runs=runs), figures, replaying.OURS)


BASING = """The base has {files} files and {tests} tests, and one module is changed. The gate runs the base's tests on
the changed tree in a box, and compares the outcome of each test. The first time, it also runs them on the base. The
limit is the same test command as an ordinary process in a folder, without plugins. Its time does not include the time
to write the files. The whole verdict may take {share:.0%} plus {seconds:g} s longer than the limit; it takes
{beyond} s longer, and {allowed} s are allowed."""


def of_large_replaying(figures: Figures, size: large_replaying.LargeSize) -> str:
    words = LARGE_REPLAYING.format(small=size.small, large=size.large)
    return section("Replay of a large log", words, figures, large_replaying.OURS)


def of_run_sizes(figures: Figures) -> str:
    return section("Cost of an event by the size of its run", RUN_SIZES, figures, run_sizes.MANY)


def of_travelling(figures: Figures, large: large_replaying.LargeSize, size: travelling.TravellingSize) -> str:
    words = TRAVELLING.format(positions=size.positions, small=large.small, large=large.large, rows=travelling.PAGE_ROWS)
    return section("Time travel", words, figures, travelling.OURS)


def of_judging(figures: Figures, size: judging.JudgingSize) -> str:
    words = JUDGING.format(
        cases=judging.CASES,
        boxes=BOXES_AT_ONCE,
        alone=size.alone,
        saturated=size.saturated,
        cores=judging.CORES,
        fewer=judging.CONTAINERS_FEWER,
    )
    return section("Time of a verdict", words, figures, judging.POOLED)


def of_basing(figures: Figures, size: basing.BasingSize) -> str:
    plain, whole = (figures.values[name][basing.FIGURE] for name in (basing.PLAIN, basing.WHOLE))
    words = BASING.format(
        files=size.files,
        tests=size.tests,
        share=basing.BEYOND_SHARE,
        seconds=basing.BEYOND_S,
        beyond=f"{median(ours - theirs for ours, theirs in zip(whole, plain, strict=True)):.2f}",
        allowed=f"{basing.BEYOND_SHARE * median(plain) + basing.BEYOND_S:.2f}",
    )
    return section("A base's own tests", words, figures, basing.KEPT)


MANY = """{runs} runs are submitted at once. Every {every}th has {tasks} tasks, the others have 1 to 3. {employees}
scripted employees answer after {answer_s:g} s each, and every {wrong}th task of a plan first gets a wrong answer. The
code of each task is judged in real boxes, with three cases. A merged tree is judged like the work on a task. Meanwhile
the real commands `aura status` and `aura approve` run, {statuses} and {approvals} times. The load is measured once, for
at most {window_s:g} s. "Served" means that a task got an employee, or a tree its verdict."""


def of_many(figures: Figures, size: many.ManySize) -> str:
    words = MANY.format(
        runs=size.runs,
        every=many.LARGE_EVERY,
        tasks=many.TASKS_MAX,
        employees=size.employees,
        answer_s=many.ANSWER_S,
        wrong=many.WRONG_FIRST_EVERY,
        statuses=size.statuses,
        approvals=size.approvals,
        window_s=size.window_s,
    )
    return section("Many runs at once", words, figures, many.OURS)


IDLE = """`aura up` runs in a home of its own: nats-server, Postgres, the supervisor, and one process with all roles and
{employees} scripted employees. Nothing is submitted. The processor time is the sum of all these processes over
{idle_s:g} s, from /proc. Postgres writes its log of changes in any case: a few bytes for each of its own checks."""


def of_idle(figures: Figures, size: idle.IdleSize) -> str:
    words = IDLE.format(employees=size.employees, idle_s=size.idle_s)
    return section("An idle organisation", words, figures, idle.OURS)


def section(title: str, words: str, figures: Figures, ours: str) -> str:
    """Return a section with one table for each figure. A row has a contestant, its value, and Aura's ratio to it."""
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
    alone = [
        (name, there[0])
        for name in figures.names()
        if len(there := [contestant for contestant in figures.values if name in figures.values[contestant]]) == 1
    ]
    if alone:
        lines += ["| ours alone | |", "| --- | --- |"]
        lines += [f"| {name} | {figures.shown(contestant, name)} |" for name, contestant in alone]
        lines.append("")
    return "\n".join(lines)


def hops(medians: Sequence[tuple[str, float, int]]) -> str:
    """Return a table with the median time of each step of a run."""
    lines = [
        "| steps of a run alone: time between the commands of two events | median, ms | count |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {step} | {ms:.1f} | {times} |" for step, ms, times in medians]
    return "\n".join([*lines, ""])
