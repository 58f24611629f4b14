"""Gate "red first". Before the author's work, each criterion must fail on the base, unless it is said to hold."""

from collections.abc import Mapping

from verification.gates.base import GateReport, Subject, VerdictGate, nothing_to_do, verdict_on
from verification.gates.base_problems import BaseProblem, OnBase, disagreements, finding_of
from verification.gates.on_base import standings_on_base
from verification.verdict.base_notes import NOTHING_NEW


class RedFirst(VerdictGate):
    """The gate runs cases, properties, given suites and changed tests on the base.

    If a criterion already holds and the requirement does not say so, the work is not verified. The requirement is at
    fault then, so nobody gets a strike.
    """

    name = "red_first"
    needs_sound = True
    needs_whole = True

    async def ask(self, subject: Subject) -> GateReport:
        if not subject.base:
            return GateReport(result="passed", text="there is no base", evidence={"red": _ids(subject)})
        if not subject.criteria:
            return nothing_to_do("there are no criteria")
        standings = await standings_on_base(subject)
        problems = disagreements(subject.requirement, subject.criteria, standings)
        evidence = _evidence(standings)
        if problems:
            text = "; ".join(_without_ids(problem) for problem in problems)
            return verdict_on([finding_of(problem) for problem in problems], text=text, evidence=evidence)
        if subject.requirement.refactor:
            text = f"{NOTHING_NEW}: every criterion held on the base, as the requirement says (refactor)"
            return GateReport(result="noted", text=text, evidence=evidence)
        return verdict_on([], text=_text(standings), evidence=evidence)


def _without_ids(problem: BaseProblem) -> str:
    """Return the problem's text for the gate's result, without test ids, because a test can be sealed."""
    return f"criterion {problem.criterion}: {problem.kind}" if problem.tests else problem.message


def _text(standings: Mapping[str, OnBase]) -> str:
    green, unknown = _standing(standings, "holds"), _standing(standings, "not_asked")
    lines = ["each other criterion failed on the base" if green else "each criterion failed on the base"]
    lines += [f"{', '.join(green)} already held, as the requirement says"] if green else []
    lines += [f"{', '.join(unknown)} could not be tried in time"] if unknown else []
    return "; ".join(lines)


def _evidence(standings: Mapping[str, OnBase]) -> dict[str, object]:
    green, unknown = _standing(standings, "holds"), _standing(standings, "not_asked")
    red = {name: list(on_base.reasons) for name, on_base in standings.items()}
    return {"red": red, **({"green": green} if green else {}), **({"not_run": unknown} if unknown else {})}


def _standing(standings: Mapping[str, OnBase], standing: str) -> list[str]:
    return sorted(name for name, on_base in standings.items() if on_base.standing == standing)


def _ids(subject: Subject) -> list[str]:
    return [criterion.id for criterion in subject.criteria]
