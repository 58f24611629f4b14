"""The rates of false alarms of the Auditor's rules, and how fast it sees a regression.

Usage: `python -m bench.audit_rules [--tasks N] [--seed N]`. It uses the real rows and rules, and prints Markdown.
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median, quantiles

import msgspec

from agents.auditor.rules import RULES
from agents.auditor.staff import new_drop
from bench.audited_log import AuditedLog
from bench.honest_work import Honest, World
from projections.auditor_watch import VALUES_MAX

RATES = (0.2, 0.5, 0.8, 0.9, 0.97)
"""The rates of honest employees."""
TASKS = 20_000
EMPLOYEE_TASKS = 400
"""Tasks of one employee, so that many employees are new and their rates are not known."""
CHANGE_AT = 150
AFTER_TASKS_MAX = 250
DROPS = (0.8, 0.7, 0.6, 0.5, 0.4, 0.2)
TRIALS = 200
LIMITS = next(rule.limits for rule in RULES if rule.kind == "regression")


class FalseAlarms(msgspec.Struct, frozen=True, kw_only=True):
    """The incidents of honest work. `by_rule`: kind -> number."""

    tasks: int
    by_rule: dict[str, int]

    def per_thousand(self, kind: str) -> float:
        return 1000 * self.by_rule.get(kind, 0) / self.tasks


class Delay(msgspec.Struct, frozen=True, kw_only=True):
    """The tasks from a change to its finding, over many trials. None: half of the changes were not seen, or a tenth."""

    after: float
    median: int | None
    ninth_decile: int | None
    seen_percent: int


def honest_alarms(tasks: int, seed: int, world: World | None = None) -> FalseAlarms:
    """Return the incidents that honest employees cause, by rule. Each incident is closed at once."""
    rng, counts, done = random.Random(seed), Counter[str](), 0
    number = 0
    while done < tasks:
        log = AuditedLog(close=True)
        form = "session" if number % 4 == 3 else "answer"
        honest = Honest(log, number, RATES[number % len(RATES)], form, world or World(), rng)
        own = 0
        while own < EMPLOYEE_TASKS and done < tasks:
            of_run = honest.run()
            own, done = own + of_run, done + of_run
        counts.update(event.kind for event in log.raised)
        number += 1
    return FalseAlarms(tasks=done, by_rule=dict(counts))


def outcomes_of(rate: float, tasks: int, rng: random.Random, *, strength: float | None) -> Iterator[bool]:
    """Yield the outcomes of an honest employee. `strength`: tasks of one run share a difficulty; None: independent."""
    done = 0
    while done < tasks:
        of_run = min(rng.randint(1, 5), tasks - done) if strength else 1
        here = rng.betavariate(rate * strength, (1 - rate) * strength) if strength else rate
        yield from (rng.random() < here for _ in range(of_run))
        done += of_run


def regression_alarms(rate: float, tasks: int, seed: int, *, strength: float | None = None) -> int:
    """Return how often the rule sees a regression in honest work. A new employee begins every EMPLOYEE_TASKS tasks."""
    rng, alarms = random.Random(seed), 0
    for _ in range(tasks // EMPLOYEE_TASKS):
        alarms += sum(1 for _ in _alarms(list(outcomes_of(rate, EMPLOYEE_TASKS, rng, strength=strength))))
    return alarms


def _alarms(outcomes: Sequence[bool], after: int = 0) -> Iterator[int]:
    """Yield the number of tasks at each alarm after the first `after` tasks, from 1."""
    window = VALUES_MAX["outcomes"]
    for done in range(after + 1, len(outcomes) + 1):
        if not outcomes[done - 1] and new_drop(outcomes[max(0, done - window) : done], LIMITS) is not None:
            yield done


def delay_of(before: float, after: float, trials: int, seed: int) -> Delay:
    """Return how many tasks after the change at task CHANGE_AT the rule sees it."""
    rng = random.Random(seed)
    delays: list[float] = []
    for _ in range(trials):
        outcomes = [rng.random() < before for _ in range(CHANGE_AT)]
        outcomes += [rng.random() < after for _ in range(AFTER_TASKS_MAX)]
        delays.append(next((done - CHANGE_AT for done in _alarms(outcomes, CHANGE_AT)), float("inf")))
    seen = sum(delay < float("inf") for delay in delays)
    finite = [min(delay, 10.0**9) for delay in delays]
    middle, ninth = median(finite), quantiles(finite, n=10)[-1]
    return Delay(
        after=after,
        median=round(middle) if middle < 10.0**6 else None,
        ninth_decile=round(ninth) if ninth < 10.0**6 else None,
        seen_percent=100 * seen // trials,
    )


def report(tasks: int, seed: int) -> Iterator[str]:
    """Yield the lines of the results, as Markdown."""
    honest = honest_alarms(tasks, seed)
    yield f"Incidents of {honest.tasks} honest tasks, by rule:\n"
    yield "| rule | incidents | per 1,000 tasks |"
    yield "| --- | --- | --- |"
    for rule in RULES:
        yield f"| `{rule.kind}` | {honest.by_rule.get(rule.kind, 0)} | {honest.per_thousand(rule.kind):.2f} |"
    yield f"\n`regression`: false alarms per 1,000 tasks, of {tasks} tasks each:\n"
    yield "| rate of the employee | independent tasks | tasks of a run share a difficulty |"
    yield "| --- | --- | --- |"
    for rate in RATES:
        alone = 1000 * regression_alarms(rate, tasks, seed) / tasks
        shared = 1000 * regression_alarms(rate, tasks, seed, strength=World().strength) / tasks
        yield f"| {rate} | {alone:.2f} | {shared:.2f} |"
    yield f"\nTasks from the change (0.9 before it, at task {CHANGE_AT}) to the finding, {TRIALS} trials each:\n"
    yield "| rate after | median | 90% within | seen within 250 tasks |"
    yield "| --- | --- | --- | --- |"
    for after in DROPS:
        delay = delay_of(0.9, after, TRIALS, seed)
        shown = [value if value is not None else "more than 250" for value in (delay.median, delay.ninth_decile)]
        yield f"| {after} | {shown[0]} | {shown[1]} | {delay.seen_percent}% |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.audit_rules", description=__doc__)
    parser.add_argument("--tasks", type=int, default=TASKS, help=f"honest tasks of each table (default {TASKS})")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    for line in report(asked.tasks, asked.seed):
        print(line, flush=True)


if __name__ == "__main__":
    main()
