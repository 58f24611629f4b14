"""A verdict on the log, gate by gate with its evidence, and the effect of a verifier's death during a verdict."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec
import pytest

from agents.verifier.judging import SEED_MAX
from domain import run_messages, task
from domain.judgement import Judgement
from domain.message import Recorded
from domain.tree import digest_of
from runtime.process_config import STAFF_ROLES
from tests.attacks.leftovers import gone, processes_with
from tests.integration.house import House, Sample, of
from verification.gates.pipeline import GATES
from verification.judge import Candidate, judge
from verification.sandbox.bubblewrap import Bubblewrap
from verification.verdict.model import Verdict

pytestmark = pytest.mark.needs_sandbox

NAMES = tuple(gate.name for gate in GATES)
SLOW_S = 2.0
WAIT_TURNS_MAX = 3000


class Chain(Sample):
    """A requirement of two tasks in one file. The second depends on the first."""

    def __init__(self) -> None:
        super().__init__(2)
        self.source = (
            self.source.replace(b"adder_t2.py", b"adder_t1.py")
            .replace(b"adder_t2:add", b"adder_t1:more")
            .replace(b'scope: ["adder_t1.py", "adder_t1.py"]', b'scope: ["adder_t1.py"]')
            .replace(
                b'criteria: [A2], scope: ["adder_t1.py"], after: []',
                b'criteria: [A2], scope: ["adder_t1.py"], after: [T1]',
            )
        )
        self.sealed = self.sealed.replace(b"adder_t2:add", b"adder_t1:more")

    def both(self, *, add: str) -> dict[str, str]:
        first = f"def add(n):\n    return {add}\n"
        return {"adder_t1.py": f"{first}def more(n):\n    return n + {self.numbers['T2']}\n"}


def verdicts(log: list[Recorded], run: UUID) -> list[Recorded]:
    return [event for event in log if isinstance(event.event, JUDGED) and event.envelope.run == run]


JUDGED = task.Verified | task.Rejected | run_messages.Verified | run_messages.Rejected


def judgement(recorded: Recorded) -> Judgement:
    assert isinstance(recorded.event, JUDGED)
    return recorded.event.judgement


def results(told: Judgement | Verdict) -> dict[str, str]:
    return {gate.gate: gate.result for gate in told.gates}


async def whole(house: House, told: Judgement) -> Verdict:
    return msgspec.json.decode(await house.blobs.get(told.evidence), type=Verdict)


async def test_a_verdict_names_each_gate_with_its_evidence(house: House) -> None:
    sample = Chain()
    right = f"n + {sample.numbers['T1']}"
    await house.hire("anna", {"T1": [sample.right("T1")], "T2": [sample.both(add="n"), sample.both(add=right)]})
    async with house.running(judge=judge):
        run = await house.submit(sample)
        log = await house.until_type(run, "run.delivered")
    first, broken, second, merged = [judgement(event) for event in verdicts(log, run)]
    for told in (first, broken, second, merged):
        kept = await whole(house, told)
        assert tuple(gate.gate for gate in told.gates) == NAMES
        assert [(gate.gate, gate.grade, gate.result, gate.seconds) for gate in told.gates] == [
            (gate.gate, gate.grade, gate.result, gate.seconds) for gate in kept.gates
        ]
        for gate, known in zip(told.gates, kept.gates, strict=True):
            content = msgspec.json.encode(known.evidence, order="sorted") if known.evidence else b""
            assert gate.evidence == (digest_of(content) if content else "")
            assert not content or await house.blobs.get(gate.evidence) == content
    assert results(first)["regression"] == "not_run"
    assert results(second)["regression"] == "passed"
    assert results(merged)["flakiness"] == "passed"
    assert (results(broken)["cases"], results(broken)["regression"]) == ("passed", "failed")
    (found,) = broken.findings
    assert (found.kind, found.criterion, found.integrity) == ("regression", "A1", False)
    assert str(sample.numbers["T1"]) not in found.for_author


@asynccontextmanager
async def verifier(house: House) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start the verifier as a separate process."""
    environment = {
        **os.environ,
        "AURA_HOME": str(house.home),
        "AURA_NATS_URL": house.nats_url,
        "AURA_POSTGRES_DSN": house.postgres_dsn,
        "AURA_ALLOW_DEGRADED": "1",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "director", "serve", "verifier", env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@pytest.mark.slow
@pytest.mark.ci
async def test_a_verifier_killed_in_its_verdict_leaves_none_and_the_next_says_the_same(house: House) -> None:
    sample, mark = Sample(1), f"verdict-{os.urandom(6).hex()}"
    (path,) = sample.right("T1")
    body = sample.right("T1")[path]
    argv = f"[sys.executable, '-c', 'import time; time.sleep({SLOW_S})', '{mark}']"
    slow = f"import subprocess, sys\nsubprocess.run({argv})\n"
    await house.hire("anna", {"T1": [{path: slow + body}]})
    without = tuple(role for role in (*STAFF_ROLES, "employees") if role != "verifier")
    async with house.running(judge=judge, roles=without):
        run = await house.submit(sample)
        log = await house.until_type(run, "task.submitted")
        (handed_in,) = of(log, run, "task.submitted")
        async with verifier(house) as killed:
            await _appeared(mark)
            await asyncio.sleep(random.uniform(0, SLOW_S / 2))
            killed.send_signal(signal.SIGKILL)
            await killed.wait()
        assert await gone(mark), "its boxes end with it"
        assert verdicts(await house.log(), run) == []
        async with verifier(house):
            log = await house.until_type(run, "task.verified")
    told = judgement(verdicts(log, run)[0])
    assert told.seed == handed_in.envelope.id.int % SEED_MAX
    box = Bubblewrap()
    try:
        control = await judge(
            Candidate(
                requirement=sample.requirement(),
                tree={path: (slow + body).encode()},
                criteria=("A1",),
                scope=(path,),
                whole=False,
            ),
            sandbox=box,
            seed=told.seed,
            allow_degraded=True,
        )
    finally:
        await box.close()
    assert results(told) == results(control)
    assert _rests_on(await whole(house, told)) == _rests_on(control)


async def _appeared(mark: str) -> None:
    for _ in range(WAIT_TURNS_MAX):
        if processes_with(mark):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("no box was made")


def _rests_on(verdict: Verdict) -> list[Any]:
    return [verdict.tree, verdict.criteria, verdict.findings, [(gate.gate, gate.evidence) for gate in verdict.gates]]
