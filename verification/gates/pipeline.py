"""The ordered list of all gates, and the function that runs them."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from verification.gates.base import GateReport, Subject, VerdictGate, nothing_to_do
from verification.gates.base_suite import BaseTests
from verification.gates.cases import Cases
from verification.gates.changed_tests import ChangedTests
from verification.gates.flakiness import Flakiness
from verification.gates.form import Form
from verification.gates.hard_coding import HardCoding
from verification.gates.lint import Lint
from verification.gates.mass_deletion import MassDeletion
from verification.gates.mutation import Mutation
from verification.gates.own_tests import OwnTests
from verification.gates.properties import Properties
from verification.gates.red_first import RedFirst
from verification.gates.regression import Regression
from verification.gates.secrets import Secrets
from verification.gates.shadowing import Shadowing
from verification.gates.smoke import Smoke
from verification.gates.stubs import Stubs
from verification.gates.suites import Suites
from verification.gates.syntax import Syntax
from verification.gates.types import Types
from verification.gates.write_set import WriteSet
from verification.verdict.model import GateResult

EVIDENCE_BYTES_MAX = 320 * 1024
"""Limit for the evidence of one gate, because the evidence of all gates must fit into one blob."""
FIRST = Form()
"""Gate that a tree must pass before it is used in any sandbox."""
GATES: tuple[VerdictGate, ...] = (
    FIRST,
    WriteSet(),
    MassDeletion(),
    Syntax(),
    Secrets(),
    Stubs(),
    Cases(),
    Properties(),
    HardCoding(),
    Suites(),
    ChangedTests(),
    Regression(),
    BaseTests(),
    RedFirst(),
    Flakiness(),
    Shadowing(),
    Lint(),
    Types(),
    Smoke(),
    Mutation(),
    OwnTests(),
)


async def ask_all(subject: Subject, gates: tuple[VerdictGate, ...] = GATES) -> tuple[GateResult, ...]:
    """Run every gate that applies and add its findings to the subject. Raises Unavailable if no sandbox can be made."""
    told: list[GateResult] = []
    unfit = False
    for gate in gates:
        started = time.monotonic()
        report = _too_late(gate, subject, unfit) or await gate.ask(subject)
        subject.findings += report.findings
        unfit = unfit or (gate is FIRST and report.result == "failed")
        told.append(
            GateResult(
                gate=gate.name,
                grade=gate.grade,
                result=report.result,
                seconds=round(time.monotonic() - started, 3),
                text=report.text,
                evidence=_kept(report.evidence),
            )
        )
    return tuple(told)


def _kept(evidence: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the evidence, or only its size if it is larger than EVIDENCE_BYTES_MAX."""
    size = len(msgspec.json.encode(evidence))
    return evidence if size <= EVIDENCE_BYTES_MAX else {"left_out": f"{size} bytes"}


def _too_late(gate: VerdictGate, subject: Subject, unfit: bool) -> GateReport | None:
    if unfit and gate.needs_fit:
        return nothing_to_do("the tree does not fit into a sandbox")
    if gate.is_advice and not subject.advice:
        return nothing_to_do("advice is turned off")
    if gate.needs_whole and not subject.whole:
        return nothing_to_do("runs only on the merged tree")
    if gate.needs_sound and not subject.sound:
        return nothing_to_do("an earlier gate has findings")
    return None
