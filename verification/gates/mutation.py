"""Gate of mutation. It checks whether the criteria notice small mistakes in accepted code. It judges only criteria."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from domain.tree import Tree
from verification.adequacy.mutant_detection import Teller
from verification.adequacy.mutation import Mutant, changed_lines, mutants
from verification.execution.trials import BOXES_AT_ONCE
from verification.gates.base import GateReport, Subject, VerdictGate, nothing_to_do
from verification.gates.changed_tests import run_change
from verification.properties.runner import properties_of
from verification.source_scan.write_set import is_test
from verification.suites.given_suite import run_again

WALL_S_MAX = 10.0  # for all mutants together; mutants that were not tried in this time are not counted
WALL_WITH_SUITES_S_MAX = 30.0  # applies if suites must run, because each mutant needs a run of pytest
NOTICED_MIN = 2 / 3  # share of mutants; not 1, because some change no result, for example `<` instead of `<=`
TEXT_CHARS_MAX = 500


class Drawn(NamedTuple):
    """A mutant of one file of the tree."""

    path: str
    mutant: Mutant

    def told(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "line": self.mutant.line,
            "before": self.mutant.before,
            "after": self.mutant.after,
        }


class Mutation(VerdictGate):
    """This gate only advises. If criteria do not notice mistakes, the requirement is at fault, not the author."""

    name = "mutation"
    is_advice = True
    needs_sound = True
    needs_whole = True

    async def ask(self, subject: Subject) -> GateReport:
        drawn = _drawn(subject)
        properties = [one for _, _, one in properties_of(subject.criteria)]
        if not drawn:
            return nothing_to_do("no changed line of Python to mutate" if subject.mutants_max else "turned off")
        suites = any(each.suites or each.changes for each in subject.criteria)
        if not (subject.trials or properties or suites):
            return nothing_to_do("no criterion has cases, properties or suites")
        wall_s = WALL_WITH_SUITES_S_MAX if suites else WALL_S_MAX
        began = time.monotonic()
        teller = Teller(subject.project, subject.sandbox)
        await teller.ready((trial.case for trial in subject.trials), properties, subject.seed)
        noticed: dict[Drawn, bool] = {}
        waiting = list(reversed(drawn))

        async def take() -> None:
            while waiting:
                one = waiting.pop()
                tree = Tree.of(subject.tree).with_files({one.path: one.mutant.source})
                noticed[one] = await teller.tells(tree) or await _suites_notice(subject, tree)

        try:
            async with asyncio.timeout(wall_s - (time.monotonic() - began)), asyncio.TaskGroup() as boxes:
                for _ in range(BOXES_AT_ONCE):
                    boxes.create_task(take())
        except TimeoutError:
            pass
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        return _report([one for one in drawn if one in noticed], noticed, wall_s)


async def _suites_notice(subject: Subject, tree: Tree) -> bool:
    """Return whether a given suite or a criterion's changed tests fail on a tree."""
    project = subject.project.with_files(tree)
    for criterion in subject.criteria:
        for sealed, suite in criterion.suites:
            result = subject.suites.get((criterion.id, sealed))
            if result is not None and await run_again(result, suite, project, subject.sandbox, backwards=False):
                return True
        for _, change in criterion.changes:
            seen = await run_change(change, replace(subject, tree=tree), holds_already=criterion.holds_already)
            if seen.failures:
                return True
    return False


def _report(judged: list[Drawn], noticed: dict[Drawn, bool], wall_s: float) -> GateReport:
    if not judged:
        return nothing_to_do(f"no mutant was judged within {wall_s:g} s")
    survivors = [one for one in judged if not noticed[one]]
    killed = len(judged) - len(survivors)
    evidence = {"mutants": len(judged), "killed": killed, "survivors": [one.told() for one in survivors]}
    text = f"{killed} of {len(judged)} small mistakes were noticed"
    if killed >= NOTICED_MIN * len(judged):
        return GateReport(result="passed", text=text, evidence=evidence)
    named = "; ".join(
        f"{one.path}:{one.mutant.line} `{one.mutant.before}` -> `{one.mutant.after}`" for one in survivors
    )
    return GateReport(result="noted", text=_cut(f"{text}; not noticed: {named}"), evidence=evidence)


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_CHARS_MAX else f"{text[: TEXT_CHARS_MAX - 1]}…"


def _drawn(subject: Subject) -> list[Drawn]:
    """Return at most `mutants_max` mutants of the changed lines. Take them from the files in turn."""
    files = [path for path in subject.changed if path in subject.tree and path.endswith(".py") and not is_test(path)]
    rows = [_of_file(path, subject) for path in files]
    drawn: list[Drawn] = []
    while rows and len(drawn) < subject.mutants_max:
        for row in list(rows):
            if (one := next(row, None)) is None:
                rows.remove(row)
            else:
                drawn.append(one)
    return drawn[: subject.mutants_max]


def _of_file(path: str, subject: Subject) -> Iterator[Drawn]:
    content = subject.tree[path]
    lines = changed_lines(subject.base[path], content) if path in subject.base else None
    return (Drawn(path, mutant) for mutant in mutants(content, lines, seed=subject.seed))
