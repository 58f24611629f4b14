"""A verdict in the form that an event holds."""

from collections.abc import Sequence

from domain.judgement import Finding, GateRecord, Judgement
from verification.verdict.model import GateResult, Verdict


def judgement_of(verdict: Verdict, evidence: str, *, attestation: str = "", gates: Sequence[str] = ()) -> Judgement:
    """Return a verdict in the form that an event holds.

    The details of findings may show the inputs of sealed cases, so they are only in the stored verdict (`evidence`).
    `evidence`: digest of the whole verdict. `attestation`: digest of the signed statement. `gates`: digest of the
    evidence of each gate.
    """
    digests = gates or [""] * len(verdict.gates)
    return Judgement(
        verified=verdict.verified,
        tree=verdict.tree,
        grade=verdict.grade,
        findings=tuple(
            Finding(
                kind=finding.kind,
                integrity=finding.integrity,
                criterion=finding.criterion,
                path=finding.path,
                for_author=finding.for_author,
            )
            for finding in verdict.findings
        ),
        evidence=evidence,
        seed=verdict.seed,
        sandbox=verdict.sandbox,
        not_held=verdict.not_held,
        wall_s=verdict.wall_s,
        gates=tuple(_gate(result, digest) for result, digest in zip(verdict.gates, digests, strict=True)),
        image=verdict.image,
        attestation=attestation,
    )


def _gate(result: GateResult, evidence: str) -> GateRecord:
    return GateRecord(
        gate=result.gate,
        grade=result.grade,
        result=result.result,
        seconds=result.seconds,
        text=result.text,
        evidence=evidence,
    )
