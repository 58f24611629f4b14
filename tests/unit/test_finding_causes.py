"""The cause of a finding is derived from the judge's own words."""

import json

import pytest

from director.reports.finding_causes import Cause, cause_of
from tests.unit.reason_findings import BROKEN, LOST, MISSING, case, sealed, suite
from verification.execution.case_runner import NOT_STARTED, CaseAnswer, CaseProblem, Project, StepSeen
from verification.execution.comparison import problem_of
from verification.execution.service_session import _gone
from verification.execution.trials import Trial
from verification.gates.base_problems import finding_of, too_few
from verification.gates.cases import findings_of
from verification.gates.suites import suite_finding
from verification.requirements.model import Case, Expectation, Step, Suite
from verification.sandbox.base import Capabilities, RunResult, RunSpec
from verification.suites.base_outcome import BaseOutcome
from verification.suites.given_suite import run_given
from verification.verdict.model import Finding

NO_NAME = "AttributeError: module 'slug' has no attribute 'slug'"
SLUG = Cause("missing_module", "slug")
CALL = Case(steps=(Step(action="call", target="slug:slug", args=("a",)),), line=7)
RUN = Case(steps=(Step(action="run", argv=("slug", "a"), expect=Expectation(exit=0)),), line=8)
ABSENT = "No module named 'slug'"


@pytest.mark.parametrize(
    ("finding", "cause"),
    [
        (case(3, MISSING), SLUG),
        (case(3, MISSING.replace("'slug'", "'slug.x'; 'slug' is not a package")), Cause("missing_module", "slug.x")),
        (sealed(MISSING, MISSING), SLUG),
        (suite(BROKEN), SLUG),
        (suite(LOST, kind="regression"), SLUG),
        (suite(f"line 5: idempotent: {MISSING}", kind="property_failed"), SLUG),
        (case(3, f"raised ModuleNotFoundError: {ABSENT}", kind="wrong_result"), SLUG),
        (
            case(3, f"ended with exit code 1, expected 0: main\nModuleNotFoundError: {ABSENT}", kind="wrong_result"),
            SLUG,
        ),
        (
            suite(
                "line 9: the service ended with exit code 1 before it was ready; it wrote: bad; worse",
                kind="did_not_start",
            ),
            Cause("service_down", "the service ended with exit code 1 before it was ready"),
        ),
        (case(3, f"could not be called: {NO_NAME}"), Cause("not_callable", NO_NAME)),
        (
            case(3, "could not be called: ImportError: cannot import name 'f' from 'g' (/work/project/g.py)"),
            Cause("import", "ImportError: cannot import name 'f' from 'g'"),
        ),
        (case(3, "could not be called: SyntaxError: invalid syntax (slug.py, line 7)"), Cause("syntax", "slug.py")),
        (
            suite("t.py: could not be collected: NameError: x; the suite: no test was collected"),
            Cause("not_collected", "NameError: x"),
        ),
        (suite("t.py: the tests did not end within 120 s"), Cause("suite_down", "the tests did not end within 120 s")),
        (
            suite("t.py: pytest ended without a complete answer: killed"),
            Cause("suite_down", "pytest ended without a complete answer: killed"),
        ),
        (
            suite("t.py: pytest left the box without a whole answer"),  # on record since release 0.1.0
            Cause("suite_down", "pytest left the box without a whole answer"),
        ),
        (
            suite("t.py: could not be collected: NameError: x; t.py::a: does not exist any more", kind="regression"),
            Cause("not_collected", "NameError: x"),
        ),
    ],
)
def test_what_could_not_start_has_a_cause(finding: Finding, cause: Cause) -> None:
    assert cause_of(finding) == cause


@pytest.mark.parametrize(
    "finding",
    [
        case(3, "returned 1, expected 2", kind="wrong_result"),
        case(3, f'returned "ModuleNotFoundError: {ABSENT}", expected 2', kind="wrong_result"),
        sealed(MISSING, "returned 1, expected 2"),
        sealed(MISSING, MISSING.replace("slug'", "yaml'")),
        suite(f"t.py::a: assert 1 == 2; t.py::b: ModuleNotFoundError: {ABSENT}"),
        Finding(kind="forged_answer", criterion="A1", detail=f"line 3: f() {MISSING}"),
        Finding(kind="outside_scope", path="x.py", detail=MISSING),
        Finding(kind="regression", detail=""),
    ],
)
def test_what_started_or_has_two_causes_has_none(finding: Finding) -> None:
    assert cause_of(finding) is None


def seen(*, did: str = "raised", name: str = "ModuleNotFoundError", message: str = ABSENT) -> CaseAnswer:
    if did == "ran":
        text = f"{name}: {message}\n{NOT_STARTED}"
        step = StepSeen(did="ran", before={}, files={}, exit=1, stdout="", stderr=text)
    else:
        step = StepSeen(did="raised", before={}, files={}, stage="import", name=name, message=message)
    return CaseAnswer(steps=[step], took_s=0.0)


@pytest.mark.parametrize(("played", "answer"), [(CALL, seen()), (RUN, seen(did="ran"))])
@pytest.mark.parametrize("hidden", [False, True])
def test_the_words_of_the_cases(played: Case, answer: CaseAnswer, hidden: bool) -> None:
    trials = [Trial("A1", hidden, played, problem_of(played, answer)) for _ in range(3)]
    findings = findings_of("A1", trials)
    assert len(findings) == (1 if hidden else 3)
    assert {cause_of(each) for each in findings} == {SLUG}


@pytest.mark.parametrize("wrote", ["", "; it wrote: Traceback: a; b\nModuleNotFoundError: No module named 'slug'"])
def test_the_words_of_a_service(wrote: str) -> None:
    kind, text = _gone("ended 1", "before it was ready")
    trial = Trial("A1", False, CALL, CaseProblem(kind, f"{text}{wrote}"))
    assert cause_of(*findings_of("A1", [trial])) == (SLUG if wrote else Cause("service_down", text))


FAILS = {"collected": ["t.py::a"], "phases": [["t.py::a", "call", "failed", False, "assert 1 == 2"]], "errors": []}


class Scripted:
    """A sandbox in which pytest reports a given result. `None`: it does not end in time."""

    def __init__(self, report: dict[str, object] | None) -> None:
        self.report = report

    async def run(self, spec: RunSpec) -> RunResult:
        order = json.loads(spec.stdin)
        stub = {"collected": ["t.py::a"], "phases": [["t.py::a", "call", "failed", False, "no"]], "errors": []}
        report = self.report if order["stubs"] is None else stub
        if report is None:
            return RunResult(reason="timeout")
        rest = {"skipped": [], "deselected": 0, "status": 2}
        return RunResult(reason="exit", exit_code=0, stdout=f"{order['nonce']} {json.dumps(report | rest)}\n".encode())

    async def probe(self) -> Capabilities:
        raise NotImplementedError

    async def sweep(self) -> int:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("report", "cause"),
    [
        ({"collected": [], "phases": [], "errors": [["t.py", f"ModuleNotFoundError: {ABSENT}"]]}, SLUG),
        ({"collected": [], "phases": [], "errors": []}, Cause("suite_down", "no test was collected")),
        (None, Cause("suite_down", "the tests did not end within 120 s")),
        ({}, Cause("suite_down", "the answer does not have the form that the judge's worker writes")),
        (FAILS, None),
    ],
)
@pytest.mark.parametrize("hidden", [False, True])
async def test_the_words_of_a_suite(report: dict[str, object] | None, cause: Cause | None, hidden: bool) -> None:
    given = Suite(path="t.py", files={"t.py": b"import slug\n"})
    result = await run_given(given, Project({}, None, named=("slug",)), Scripted(report))
    assert result.standing == "failed"
    assert cause_of(suite_finding("A1", result, sealed=hidden)) == cause


def test_the_words_about_a_base_whose_tests_do_not_run() -> None:
    why = f"no test passes there: ModuleNotFoundError: {ABSENT}"
    before = BaseOutcome(outcomes={}, files=("t.py", "u.py"), problem=why)
    problem = too_few(before, {"t.py": b"", "u.py": b""}, ("slug.py",), ("",))
    assert problem is not None
    assert cause_of(finding_of(problem)) == SLUG
