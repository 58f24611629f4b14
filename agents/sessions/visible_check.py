"""The check of a session's work in progress: a verdict on a copy, from the visible cases alone.

The worker judges the copy in fresh boxes, outside the session's box. Its text is shown to the employee, so it is made
from a requirement without a sealed part.
"""

import asyncio
from collections.abc import Callable, Collection
from pathlib import Path

from agents.sessions.hand_in import Handed, without_control
from domain.errors import AuraError, Invalid, Unavailable
from domain.tree import Tree
from domain.wording import counted
from verification.gates.base import Origin
from verification.judge import Candidate, judge
from verification.requirements.model import Criterion, Requirement
from verification.sandbox.base import Sandbox
from verification.sandbox.observation import observation
from verification.verdict.model import CriterionResult, Finding, Verdict

CHECK_BYTES_MAX = 8 * 1024
"""Size limit of a check's text. A longer text keeps its beginning and its end."""
CHECK_WALL_S = 600.0
"""Time limit of one check, in seconds."""
FAILURES_SHOWN_MAX = 3  # failures of one criterion
FINDINGS_SHOWN_MAX = 10  # findings that belong to no criterion
FINDING_CHARS_MAX = 700
NAMES_SHOWN_MAX = 20
NO_BOX = "the worker's machine cannot start a box now"


class VisibleCheck:
    """Judges what a session would hand in, and tells the employee the result."""

    def __init__(
        self,
        sandbox: Sandbox,
        requirement: Requirement,
        initial: Tree,
        *,
        origin: Tree | None,
        criteria: Collection[str] | None,
        earlier: Collection[str],
        scope: tuple[str, ...],
        libraries: Path | None,
        seed: int,
        allow_degraded: bool,
        accepted: Collection[str],
        outcomes: Path | None = None,
        on_fault: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`origin` is the base of the run, and None for a new project. `initial` also has the work of earlier tasks.

        `outcomes` is a folder for the results of the base's own tests, so that they run once on the base. `on_fault`
        gets the text of each fault of the machine, with its remedy. Raises Invalid if the requirement has a sealed
        part.
        """
        if has_sealed_part(requirement):
            raise Invalid(
                "The requirement of a check has sealed cases, and the employee sees the check's text.",
                hint="Parse the requirement without its sealed part: parse_requirement(source, None, …).",
                code="sealed_in_check",
            )
        self._sandbox = sandbox
        self._requirement = requirement
        self._initial = without_control(initial)
        self._origin = Origin(
            files=Tree({}) if origin is None else origin,
            described=requirement.described,
            generated=requirement.generated,
            outcomes=outcomes,
        )
        self._criteria, self._earlier, self._scope = criteria, earlier, scope
        self._libraries = libraries
        self._seed = seed
        self._allow_degraded, self._accepted = allow_degraded, accepted
        self._on_fault = on_fault

    async def text(self, handed: Handed) -> str:
        """Judge a copy of the work against the visible cases, and return the text for the employee.

        A fault of the machine becomes a sentence of the text.
        """
        lines = [*await self._judged(handed), *_not_handed_in(handed, self._scope)]
        return observation("\n".join(lines).encode("utf-8", "backslashreplace"), bytes_max=CHECK_BYTES_MAX)

    async def _judged(self, handed: Handed) -> list[str]:
        """Return the lines about the verdict."""
        nothing = [] if handed.manifest else ["Nothing that can be handed in differs from the initial working copy."]
        try:
            async with asyncio.timeout(CHECK_WALL_S):
                verdict = await judge(
                    self._candidate(handed.after),
                    sandbox=self._sandbox,
                    seed=self._seed,
                    allow_degraded=self._allow_degraded,
                    accepted=self._accepted,
                )
        except Unavailable as error:  # its text may name files of the worker's machine
            return [*nothing, self._fault(NO_BOX, str(error))]
        except AuraError as error:
            return [*nothing, self._fault(error.message, str(error))]
        except TimeoutError:
            reason = f"the check did not end within {CHECK_WALL_S:g} s"
            return [*nothing, self._fault(reason, reason)]
        except OSError as error:  # its text may name files, too
            return [*nothing, self._fault(error.strerror or NO_BOX, str(error))]
        known = {criterion.id: criterion for criterion in self._requirement.criteria}
        return [*nothing, *verdict_lines(verdict, known)]

    def _candidate(self, after: Tree) -> Candidate:
        return Candidate(
            requirement=self._requirement,
            tree=after,
            base=self._initial,
            criteria=self._criteria,
            earlier=self._earlier,
            scope=self._scope,
            whole=False,
            libraries=self._libraries,
            origin=self._origin,
            advice=False,
        )

    def _fault(self, reason: str, for_operator: str) -> str:
        self._on_fault(f"A check of a session could not run: {for_operator}")
        return f"The check could not run: {reason.rstrip('.')}."


def has_sealed_part(requirement: Requirement) -> bool:
    """Return whether a requirement contains anything that an employee must not see."""
    sealed = (
        part
        for each in requirement.criteria
        for part in (each.sealed, each.sealed_properties, each.sealed_suite, each.sealed_over_base)
    )
    return requirement.sealed_source is not None or bool(requirement.sealed_fixtures) or any(sealed)


def verdict_lines(verdict: Verdict, criteria: dict[str, Criterion]) -> list[str]:
    """Return the lines about a verdict from visible cases alone. `criteria`: the requirement's criteria by id."""
    judged = {result.id for result in verdict.criteria}
    lines = [line for result in verdict.criteria for line in _criterion(result, criteria[result.id], verdict)]
    own = [finding for finding in verdict.findings if finding.criterion in judged]
    for criterion in dict.fromkeys(finding.criterion for finding in own):
        lines += _findings([each for each in own if each.criterion == criterion], FAILURES_SHOWN_MAX)
    lines += _findings([each for each in verdict.findings if each.criterion not in judged], FINDINGS_SHOWN_MAX)
    if verdict.verified:
        lines.append("All visible cases pass. Your work is also judged by cases that you cannot see.")
    return lines


def _criterion(result: CriterionResult, criterion: Criterion, verdict: Verdict) -> list[str]:
    """Return a line with the numbers of a criterion's visible cases, and a line about its visible tests."""
    total = len(criterion.cases) + len(criterion.properties)
    idle = total - result.visible_total
    missed = f" ({idle} did not run)" if idle else ""
    lines = [f"{result.id}: {result.visible_passed} of {total} visible cases pass{missed}"] if total else []
    gates = {"suites"} if criterion.suite is not None else set()
    gates |= {"changed_tests"} if criterion.over_base is not None else set()
    if gates:
        failed = any(each.kind == "suite_failed" and each.criterion == result.id for each in verdict.findings)
        ran = all(gate.result != "not_run" for gate in verdict.gates if gate.gate in gates)
        lines.append(f"{result.id}: its tests {'do not all pass' if failed else 'pass' if ran else 'did not run'}")
    return lines


def _findings(findings: list[Finding], shown_max: int) -> list[str]:
    """Return one line for each of the first findings, and a line with the number of the others."""
    lines = [_finding(each) for each in findings[:shown_max]]
    more = len(findings) - len(lines)
    place = findings[0].criterion if findings else None
    return lines + ([f"- {place or 'others'}: {counted(more, 'more finding')}"] if more else [])


def _finding(finding: Finding) -> str:
    """Return a finding in the form that its author may see."""
    text = finding.for_author or finding.kind.replace("_", " ")
    if len(text) > FINDING_CHARS_MAX:
        text = f"{text[:FINDING_CHARS_MAX]} [… {len(text) - FINDING_CHARS_MAX} characters left out]"
    place = f"{finding.criterion}: " if finding.criterion else ""
    strike = "this would be a strike: " if finding.integrity else ""
    return f"- {place}{strike}{text}".replace("\n", "\n  ")


def _not_handed_in(handed: Handed, scope: tuple[str, ...]) -> list[str]:
    """Return the lines about everything that would not be handed in."""
    lines = []
    if handed.dropped:
        allowed = ", ".join(scope) or "nothing"
        lines.append(f"These changes would be dropped, because only {allowed} may be written: {_names(handed.dropped)}")
    if handed.influencing:
        lines.append(f"Of them, these could influence a verdict. Undo them: {_names(handed.influencing)}")
    problems = [*handed.problems.values(), *handed.refused]
    if problems:
        lines.append("These entries cannot be part of your work:")
        lines += [f"- {_name(problem)}" for problem in problems[:NAMES_SHOWN_MAX]]
        more = len(problems) - NAMES_SHOWN_MAX
        lines += [f"- {counted(more, 'more entry', 'more entries')}"] if more > 0 else []
    if handed.left_out:
        lines.append(f"These new entries are never part of the work: {_names(handed.left_out)}")
    return lines


def _names(paths: Collection[str]) -> str:
    shown = [_name(path) for path in list(paths)[:NAMES_SHOWN_MAX]]
    more = len(paths) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _name(path: str) -> str:
    """Return a path in one line."""
    return path.replace("\n", "\\n")
