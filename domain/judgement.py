"""The verifier's judgement of one tree, as events store it."""

import msgspec

REVIEW = "review"
"""The name of a run's review task, and of the gate that holds the reviewer's result."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One finding. If `integrity` is set, the finding gives a strike. An employee sees only the field `for_author`.

    `detail` is in events of older releases. Today the details are only in the stored verdict.
    """

    kind: str
    integrity: bool
    criterion: str | None = None
    path: str | None = None
    detail: str = ""
    for_author: str = ""


class GateRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The result of one gate. `evidence` names the blob with the evidence, or is empty if there is no evidence.

    `grade`: A is advice, B can be forged by the code under test, C was judged outside the sandbox. `result`: passed,
    failed, noted or not_run.
    """

    gate: str
    grade: str
    result: str
    seconds: float
    text: str = ""
    evidence: str = ""

    @property
    def blocks(self) -> bool:
        """Whether this gate belongs to a verified review that blocks the run."""
        return self.gate == REVIEW and self.result == "failed"


class Judgement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One verdict about one tree, which `tree` names. `evidence` names the blob with the whole verdict as JSON.

    `image` is the digest of the files that the verdict's sandboxes mounted read-only. `attestation` names the blob of
    the signed statement.
    """

    verified: bool
    tree: str
    grade: str
    findings: tuple[Finding, ...]
    evidence: str
    seed: int
    sandbox: str
    not_held: tuple[str, ...]
    wall_s: float
    gates: tuple[GateRecord, ...] = ()
    image: str = ""
    attestation: str = ""

    def blobs(self) -> tuple[str, ...]:
        """Return the digests of all blobs that the verdict names."""
        named = (self.evidence, self.attestation, *(gate.evidence for gate in self.gates))
        return tuple(dict.fromkeys(digest for digest in named if digest))
