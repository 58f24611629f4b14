"""Gate that runs the author's own tests. Their results are only a claim of the author, so this gate only advises."""

from collections import Counter

from verification.execution.case_runner import CaseProblem
from verification.gates.base import GateReport, Subject, VerdictGate, nothing_to_do
from verification.requirements.suite_files import is_test_file
from verification.suites.pytest_runner import SUITE_LIMITS, SuiteRun, run_suite, with_wall

OWN_WALL_S = 20.0
FAILED_SHOWN_MAX = 20


class OwnTests(VerdictGate):
    """On a base, the author's own tests are the test files that the author added or changed.

    The gate `base_suite` runs the base's tests, so this gate does not repeat them.
    """

    name = "own_tests"
    is_advice = True
    grade = "A"
    needs_sound = True
    needs_whole = True

    async def ask(self, subject: Subject) -> GateReport:
        own = [path for path in subject.changed if path in subject.tree and is_test_file(path)]
        if not own:
            return nothing_to_do("the author wrote no tests")
        only = tuple(sorted(own)) if subject.origin.files else ()
        run = SuiteRun(project=subject.project, arguments=only, limits=with_wall(SUITE_LIMITS, OWN_WALL_S))
        seen = await run_suite(run, subject.sandbox)
        if isinstance(seen, CaseProblem):
            return GateReport(result="noted", text=seen.text, evidence={"files": len(own), "problem": seen.kind})
        outcomes = seen.outcomes()
        counts = Counter(outcomes.values())
        failed = [test for test, outcome in outcomes.items() if outcome not in ("passed", "skipped")]
        told = ", ".join(f"{number} {outcome.replace('_', ' ')}" for outcome, number in sorted(counts.items()))
        broken = f", {len(seen.errors)} not collected" if seen.errors else ""
        return GateReport(
            result="noted",
            text=f"{told or 'none'}{broken}: advice, not evidence",
            evidence={
                "files": len(own),
                "counts": dict(counts),
                "failed": failed[:FAILED_SHOWN_MAX],
                "not_collected": [place for place, _ in seen.errors[:FAILED_SHOWN_MAX]],
            },
        )
