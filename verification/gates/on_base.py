"""Run of a requirement's criteria on its base: cases, properties, given suites and changed tests.

The inputs of properties follow from the requirement, not from a verdict's seed. So every verdict gets the same result
as the check before the requirement was submitted.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from domain.tree import digest_of, manifest_of
from verification.execution.case_runner import Project
from verification.execution.trials import NOT_RUN, Trial, run_all, trials_of
from verification.gates.base import Subject
from verification.gates.base_problems import OnBase, Words
from verification.gates.changed_tests import laid_over, test_files_in
from verification.properties.runner import properties_of, try_all
from verification.requirements.model import BaseTestChange, Criterion, Requirement
from verification.suites.base_outcome import PASSED, BaseOutcome, file_of
from verification.suites.given_suite import run_given

FORM = 1  # version of the stored results; increase it when the judge compares cases or properties differently
_IN_BOX = Path(__file__).parents[1] / "in_box"


class Standings(msgspec.Struct, frozen=True):
    """State of each criterion on the base, by the criterion's id."""

    by_criterion: Mapping[str, OnBase]


_standings = msgspec.json.Decoder(Standings)


async def standings_on_base(subject: Subject) -> Mapping[str, OnBase]:
    """Return the state of each criterion on the base, from the store or from new runs. Raises Unavailable."""
    key = _key(subject)
    if subject.outcomes is not None and (kept := subject.outcomes.get_as(key, _standings)) is not None:
        return kept.by_criterion
    standings = await _asked(subject)
    slow = any(each.standing == "not_asked" or "timeout" in each.reasons for each in standings.values())
    if subject.outcomes is not None and not slow:
        subject.outcomes.put(key, Standings(standings))
    return standings


def seed_of(requirement: Requirement) -> int:
    """Return the seed for the runs of a requirement's criteria on its base."""
    return int(digest_of(requirement.source + (requirement.sealed_source or b""))[:8], 16)


async def _asked(subject: Subject) -> dict[str, OnBase]:
    project, criteria = subject.project.with_files(subject.base), subject.criteria
    seed = seed_of(subject.requirement)
    laid = {each.id: await _laid(each, subject) for each in criteria}
    why: dict[str, set[str]] = {name: set(on_base.reasons) for name, on_base in laid.items()}
    not_asked = await _cases(subject, project, why, seed)
    waiting = [each for each in criteria if not why[each.id] and each.id not in not_asked]
    for tried in await try_all(properties_of(waiting), project, subject.sandbox, seed):
        why[tried.criterion] |= {tried.problem.kind} if tried.problem is not None else set()
    for each in waiting:
        if not why[each.id] and await _suite_fails(each, project, subject):
            why[each.id].add("suite_failed")
    return {
        name: msgspec.structs.replace(
            on_base,
            standing="fails" if why[name] else "not_asked" if name in not_asked else "holds",
            reasons=tuple(sorted(why[name])),
        )
        for name, on_base in laid.items()
    }


async def _cases(subject: Subject, project: Project, why: Mapping[str, set[str]], seed: int) -> set[str]:
    """Add the reasons of failed cases to `why`, and return the criteria that could not be tried in time.

    First run one case of each criterion. Usually this case fails on the base, and then the criterion's other cases do
    not need to run.
    """
    by_criterion: dict[str, list[Trial]] = {}
    for trial in trials_of(each for each in subject.criteria if not why[each.id]):
        by_criterion.setdefault(trial.criterion, []).append(trial)
    first = [trials[0] for trials in by_criterion.values()]
    await run_all(first, project, subject.sandbox, seed)
    held = {trial.criterion for trial in first if trial.problem is None}
    others = [trial for name in sorted(held) for trial in by_criterion[name][1:]]
    await run_all(others, project, subject.sandbox, seed)
    for trial in (*first, *others):
        if trial.failed and trial.problem is not None:
            why[trial.criterion].add(trial.problem.kind)
    return {trial.criterion for trial in (*first, *others) if trial.problem is NOT_RUN and not why[trial.criterion]}


async def _suite_fails(criterion: Criterion, project: Project, subject: Subject) -> bool:
    for _, suite in criterion.suites:
        if (await run_given(suite, project, subject.sandbox)).failures:
            return True
    return False


async def _laid(criterion: Criterion, subject: Subject) -> OnBase:
    """Return the state of a criterion's changed tests. They hold if all tests in `must_pass` already pass."""
    already: list[str] = []
    fails: list[tuple[str, str]] = []
    unknown: list[tuple[str, str]] = []
    red = False
    for _, change in criterion.changes:
        suite = laid_over(change, subject)
        before = await suite.on_base(test_files_in(change, suite))
        missing = _unknown(change, before, suite.base)
        unknown += missing
        passed = [test for test in change.must_pass if before.outcomes.get(test) == PASSED]
        already += passed
        red = red or len(passed) < len(change.must_pass)
        not_there = {test for test, _ in missing}
        fails += [
            (test, before.outcomes.get(test) or before.not_collected.get(file_of(test)) or "was not collected")
            for test in change.keep_passing
            if before.outcomes.get(test) != PASSED and test not in not_there
        ]
    return OnBase(
        standing="fails" if red else "holds",
        reasons=("suite_failed",) if red else (),
        must_pass_already=tuple(already),
        keep_passing_fails=tuple(fails),
        unknown=tuple(unknown),
    )


def _unknown(change: BaseTestChange, before: BaseOutcome, files: Mapping[str, bytes]) -> Words:
    """Return the ids of a change for which no test exists, with the reason.

    Either the file does not exist, or pytest collected the file without this test. Only the part of an id before "["
    is compared, because a test's parameters may come from the project's own values.
    """
    stems = {_stem(test) for test in before.outcomes}
    collected = {file_of(test) for test in before.outcomes} - before.not_collected.keys()
    faults: list[tuple[str, str]] = []
    for test in (*change.must_pass, *change.keep_passing):
        if file_of(test) not in files:
            faults.append((test, "has no file in the base or among the changed tests"))
        elif file_of(test) in collected and _stem(test) not in stems:
            faults.append((test, "is not a test of its file"))
    return tuple(faults)


def _stem(test: str) -> str:
    return test.partition("[")[0]


def _key(subject: Subject) -> str:
    """Return a hex sha256 of all inputs of the standings. The store adds the tools and the sandbox image."""
    project, environment = subject.project, subject.project.environment
    parts = {
        "form": FORM,
        "base": manifest_of(subject.base),
        "criteria": digest_of(repr(subject.criteria).encode()),
        "seed": seed_of(subject.requirement),
        "command": [project.command, repr(project.serve), repr(project.suite_limits)],
        "libraries": str(project.libraries),
        "generated": manifest_of(environment.generated),
        "metadata": manifest_of(environment.metadata),
        "paths": environment.paths,
        "judge": [digest_of(path.read_bytes()) for path in sorted(_IN_BOX.glob("*.py"))],
    }
    return digest_of(msgspec.json.encode(parts, order="sorted"))
