"""What leaves a box in the judge's own form and was written by somebody else: told, and never the judge's end."""

import json
from collections.abc import Callable

import pytest

from domain.errors import AuraError, Invalid
from tests.cheats.solutions import requirement
from verification.attestation import opened_envelope
from verification.casebox import Answer, Problem, Project, play
from verification.review import judge_review
from verification.sandbox.base import Capabilities, RunResult, RunSpec
from verification.suitebox import SuiteRun, SuiteSeen, run_suite

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
    """A Sandbox whose boxes write what is given, behind the nonce that they were sent."""

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
    assert isinstance(await play(CASE, Project({}, None), Written(as_json(SEEN))), Answer)
    found = await play(CASE, Project({}, None), Written(STRANGE[name](as_json(SEEN))))
    assert isinstance(found, Problem)
    assert found.kind == "forged_answer"


@pytest.mark.parametrize("name", STRANGE)
async def test_a_suite_answered_so_is_no_answer(name: str) -> None:
    run = SuiteRun(project=Project({}, None), arguments=())
    assert isinstance(await run_suite(run, Written(as_json(SUITE))), SuiteSeen)
    found = await run_suite(run, Written(STRANGE[name](as_json(SUITE))))
    assert isinstance(found, Problem)
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
