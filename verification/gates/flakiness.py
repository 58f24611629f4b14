"""Gate against flakiness. It runs everything that passed two more times, in another order and with other hash seeds."""

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec

from verification.execution.trials import HASH_SEED_MAX, run_all
from verification.gates.base import GateReport, Subject, VerdictGate, nothing_to_do, verdict_on
from verification.properties.runner import try_again
from verification.requirements.model import Suite
from verification.suites.given_suite import Failures, SuiteResult, run_again
from verification.suites.repeats import repeat
from verification.verdict.model import Finding

RUNS_MORE = 2
REPEATS_WALL_S = 120.0
"""A repeat of properties or of a suite begins at most this long after the first repeat."""
TOLD_MAX = 10
DETAIL_CHARS_MAX = 2000

Key = tuple[str, bool]
"""A criterion's id, and True for its sealed part or False for its visible part."""


@dataclass
class _Seen:
    """Results of the repeats."""

    flaky: dict[Key, list[str]] = field(default_factory=dict)
    turned: dict[Key, Failures] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    until: float = field(default_factory=lambda: time.monotonic() + REPEATS_WALL_S)

    def too_late(self, what: str) -> bool:
        late = time.monotonic() > self.until
        if late:
            self.skipped.append(what)
        return late


class Flakiness(VerdictGate):
    """If a test passes in one run and fails in another, the tree is not verified. This is not a strike."""

    name = "flakiness"
    needs_sound = True
    needs_whole = True

    async def ask(self, subject: Subject) -> GateReport:
        suites = [
            ((criterion.id, sealed), suite, subject.suites[criterion.id, sealed])
            for criterion in subject.criteria
            for sealed, suite in criterion.suites
            if (criterion.id, sealed) in subject.suites
        ]
        if not (subject.trials or subject.tried or suites):
            return nothing_to_do("there are no cases, properties or suites")
        seen = _Seen()
        for number in range(1, RUNS_MORE + 1):
            await _cases(subject, number, seen)
            await _properties(subject, number, seen)
        for key, suite, given in suites:
            await _suite(key, suite, given, subject, seen)
        return _report(subject, seen, len(suites))


async def _cases(subject: Subject, number: int, seen: _Seen) -> None:
    trials = [trial.again() for trial in subject.trials]
    await run_all(trials, subject.project, subject.sandbox, subject.seed + number)
    for trial in trials:
        if trial.problem is not None:
            line = f"line {trial.case.line}: {trial.problem.text}"
            seen.flaky.setdefault((trial.criterion, trial.sealed), []).append(line)


async def _properties(subject: Subject, number: int, seen: _Seen) -> None:
    if not subject.tried or seen.too_late(f"properties, run {number + 1}"):
        return
    for one in await try_again(subject.tried, subject.project, subject.sandbox, subject.seed + number):
        if one.problem is not None:
            line = f"line {one.property.line}: {one.property.kind}: {one.problem.text}"
            seen.flaky.setdefault((one.criterion, one.sealed), []).append(line)


async def _suite(key: Key, suite: Suite, given: SuiteResult, subject: Subject, seen: _Seen) -> None:
    if seen.too_late(f"the suite of {_named(key)}"):
        return

    async def run(hash_seed: int, backwards: bool) -> Failures:
        project = msgspec.structs.replace(subject.project, hash_seed=hash_seed)
        return await run_again(given, suite, project, subject.sandbox, backwards=backwards)

    draw = random.Random(subject.seed)
    found = await repeat(run, (draw.randint(1, HASH_SEED_MAX), draw.randint(1, HASH_SEED_MAX)))
    if found.flaky:
        lines = [f"{test}, with PYTHONHASHSEED={found.hash_seed}: {why}" for test, why in found.flaky[:TOLD_MAX]]
        more = len(found.flaky) - len(lines)
        seen.flaky.setdefault(key, []).extend([*lines, *([f"and {more} more"] if more else [])])
    if found.turned:
        seen.turned[key] = found.turned


def _named(key: Key) -> str:
    criterion, sealed = key
    return f"{criterion}, {'sealed' if sealed else 'visible'}"


def _report(subject: Subject, seen: _Seen, suites: int) -> GateReport:
    findings = [_finding(key, lines) for key, lines in seen.flaky.items()]
    counted = Counter({"case": len(subject.trials), "property": len(subject.tried), "suite": suites})
    evidence: dict[str, Any] = {
        "runs": RUNS_MORE + 1,
        "cases": len(subject.trials),
        "properties": len(subject.tried),
        "suites": suites,
        "flaky": sorted({criterion for criterion, _ in seen.flaky}),
        "fails_in_reverse": {_named(key): _shown(key, tests) for key, tests in seen.turned.items()},
        "skipped": seen.skipped,
    }
    text = f"{RUNS_MORE + 1} runs of {_counts(counted)}"
    if seen.turned:
        named = "; ".join(map(_named, seen.turned))
        text += f"; in reverse order, tests in the suite of {named} fail, so they depend on their order or shared state"
    if seen.skipped:
        text += f"; there was no time to repeat: {'; '.join(seen.skipped)}"
    if not findings and (seen.turned or seen.skipped):
        return GateReport(result="noted", text=text, evidence=evidence)
    return verdict_on(findings, text=text, evidence=evidence)


def _shown(key: Key, tests: Failures) -> int | list[str]:
    """Return the ids of visible tests, but only the number of sealed tests: their ids would appear in the delivery."""
    return len(tests) if key[1] else [test for test, _ in tests[:TOLD_MAX]]


def _counts(counted: Counter[str]) -> str:
    plural = {"property": "properties"}
    told = [f"{count} {name if count == 1 else plural.get(name, f'{name}s')}" for name, count in counted.items()]
    return " and ".join(one for one, count in zip(told, counted.values(), strict=True) if count)


def _finding(key: Key, lines: list[str]) -> Finding:
    criterion, sealed = key
    detail = "; ".join(lines)
    shown = f"criterion {criterion} passed in one run and failed in another" + ("" if sealed else f": {detail}")
    shown, detail = shown[:DETAIL_CHARS_MAX], detail[:DETAIL_CHARS_MAX]
    return Finding(kind="flaky", criterion=criterion, detail=detail, for_author=shown)
