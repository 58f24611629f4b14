"""Data from a box in the judge's own form, but forged: the judge reports them and does not crash."""

import json
from collections.abc import Callable

import msgspec
import pytest
from msgspec.structs import replace

from domain.errors import AuraError, Invalid
from tests.cheats.solutions import requirement
from verification.execution.case_runner import CaseAnswer, CaseProblem, Project, play
from verification.gates.base import GateReport, Subject
from verification.gates.form import Form
from verification.gates.pipeline import EVIDENCE_BYTES_MAX, ask_all
from verification.gates.suites import TOLD_MAX, Suites
from verification.requirements.model import Requirement, Suite
from verification.sandbox.base import Capabilities, RunResult, RunSpec, Sandbox
from verification.suites.pytest_runner import SuiteRun, SuiteSeen, run_suite
from verification.verdict.attestation import opened_envelope
from verification.verdict.review import judge_review

CASE = next(case for each in requirement("hello-slug").criteria for case in each.cases)
SEEN = {"steps": [{"did": "returned", "before": {}, "files": {}, "value": "§"}], "took_s": 0.0}
SUITE = {"collected": ["§"], "phases": [], "errors": [], "skipped": [], "deselected": 0, "status": 0}
STRANGE: dict[str, Callable[[bytes], bytes]] = {
    "no UTF-8": lambda told: told.replace("§".encode(), b"\xff"),
    "no UTF-8 in a name": lambda told: told.replace(b'"took_s"', b'"\xff"').replace(b'"status"', b'"\xff"'),
    "too deep": lambda told: told.replace('"§"'.encode(), b"[" * 100_000),
    "half a sign": lambda told: told.replace("§".encode(), b"\\ud83d"),
    "too long a number": lambda told: told.replace('"§"'.encode(), b"9" * 5000),
}


class Written:
    """A Sandbox whose boxes write a given text after the nonce that they received."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    async def run(self, spec: RunSpec) -> RunResult:
        nonce = json.loads(spec.stdin)["nonce"].encode()
        return RunResult(reason="exit", exit_code=0, stdout=nonce + b" " + self.text + b"\n")

    async def probe(self) -> Capabilities:
        return Capabilities(backend="", confinement="", tree_memory=True, processes=True, syscall_filter=True)

    async def sweep(self) -> int:
        return 0

    async def close(self) -> None:
        return


def as_json(told: object) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode()


@pytest.mark.parametrize("name", STRANGE)
async def test_a_case_answered_in_a_form_that_the_worker_never_writes_is_forged(name: str) -> None:
    assert isinstance(await play(CASE, Project({}, None), Written(as_json(SEEN))), CaseAnswer)
    found = await play(CASE, Project({}, None), Written(STRANGE[name](as_json(SEEN))))
    assert isinstance(found, CaseProblem)
    assert found.kind == "forged_answer"


@pytest.mark.parametrize("name", STRANGE)
async def test_a_suite_answered_so_is_no_answer(name: str) -> None:
    run = SuiteRun(project=Project({}, None), arguments=())
    assert isinstance(await run_suite(run, Written(as_json(SUITE))), SuiteSeen)
    found = await run_suite(run, Written(STRANGE[name](as_json(SUITE))))
    assert isinstance(found, CaseProblem)
    assert found.kind == "no_answer"


def test_a_review_that_is_no_text_is_not_sound() -> None:
    honest = b'{"verdict": "pass", "findings": [{"text": "fine"}]}'
    for text, sound in ((honest, True), (honest.replace(b"fine", b"\xff"), False)):
        found = judge_review({"review.json": text}, seed=1, reviewer="google", authors=["openai"], changed=[])
        assert found.verified is sound


def test_an_envelope_that_is_no_text_is_refused() -> None:
    honest = b'{"payload": "", "payloadType": "text/plain", "signatures": [{"sig": "", "keyid": "a"}]}'
    assert opened_envelope(honest).signatures[0].keyid == "a"
    with pytest.raises(Invalid) as refused:
        opened_envelope(honest.replace(b'"a"', b'"\xff"'))
    assert isinstance(refused.value, AuraError)
    assert refused.value.hint


def judged(asked: Requirement, sandbox: Sandbox) -> Subject:
    return Subject(
        requirement=asked,
        tree={"m.py": b""},
        base={},
        changed=(),
        criteria=asked.criteria,
        earlier=(),
        scope=(),
        whole=True,
        project=Project({"m.py": b""}, None),
        sandbox=sandbox,
        seed=1,
    )


async def test_the_evidence_of_a_suite_is_bounded_whatever_its_box_answers() -> None:
    """Code under test shares that box. Evidence that no blob can hold would leave its run without a verdict."""
    asked = requirement("hello-slug")
    suite = Suite(path="t/test_a.py", files={"t/test_a.py": b""})
    asked = replace(asked, criteria=(replace(asked.criteria[0], suite=suite),))
    for count in (3, 100_000):
        tests = [f"t::a{number}" for number in range(count)]
        phases = [(test, "call", "failed", False, f"no {test}") for test in tests]
        box = Written(as_json({**SUITE, "collected": tests, "phases": phases}))
        (gate,) = await ask_all(judged(asked, box), (Suites(),))
        assert gate.result == "failed"
        assert len(msgspec.json.encode(gate)) < EVIDENCE_BYTES_MAX
        (told,) = gate.evidence.values()
        assert len(told["failures"]) == min(count, TOLD_MAX + 1)
        assert (told["failures"][-1] == f"and {count - TOLD_MAX} more") is (count > TOLD_MAX)


class Wordy(Form):
    def __init__(self, text: str) -> None:
        self.text = text

    async def ask(self, subject: Subject) -> GateReport:
        return GateReport(result="passed", evidence={subject.requirement.title: self.text})


@pytest.mark.parametrize(("chars", "left_out"), [(10, False), (EVIDENCE_BYTES_MAX, True)])
async def test_evidence_that_is_too_much_is_left_out_and_its_gate_is_not(chars: int, left_out: bool) -> None:
    (told,) = await ask_all(judged(requirement("hello-slug"), Written(b"")), (Wordy("x" * chars),))
    assert told.result == "passed"
    assert ("left_out" in told.evidence) is left_out


def test_why_a_test_did_not_pass_is_known_of_each_that_did_not() -> None:
    """Also of one that was never collected, which only a forger tells of."""
    phases = [
        ["a", "setup", "passed", False, ""],
        ["b", "setup", "failed", False, "1"],
        ["b", "call", "failed", False, "2"],
    ]
    seen = msgspec.convert({**SUITE, "collected": ["b", "c"], "phases": phases}, SuiteSeen)
    lost = {test for test, outcome in seen.outcomes().items() if outcome != "passed"}
    assert lost == {"a", "b", "c"}
    assert {test: seen.messages()[test] for test in lost} == {
        "a": "did not run to its end",
        "b": "1",
        "c": "did not run to its end",
    }
