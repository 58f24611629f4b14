"""The verifier's judgement of one tree, as an event holds it."""

import msgspec

REVIEW = "review"
"""The name of a run's review: of its task, and of the gate that tells what the reviewer says."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. `integrity` ones are strikes. `for_author` is all that an employee is ever told of it."""

    kind: str
    integrity: bool
    criterion: str | None = None
    path: str | None = None
    detail: str = ""
    for_author: str = ""


class GateRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one gate. `evidence` names the blob with the evidence; it is empty when there is none.

    `grade`: A advice, B forgeable, C judged outside. `result`: passed, failed, noted or not_run.
    """

    gate: str
    grade: str
    result: str
    seconds: float
    text: str = ""
    evidence: str = ""

    @property
    def blocks(self) -> bool:
        """Whether the gate of a verified review says that what was reviewed may not pass."""
        return self.gate == REVIEW and self.result == "failed"


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict about one digest of one tree. `evidence` names the blob that holds the whole verdict as JSON.

    `image` is the digest of what its boxes saw read-only; `attestation` names the blob of the signed statement.
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
        """Digests of all that the verdict names."""
        named = (self.evidence, self.attestation, *(gate.evidence for gate in self.gates))
        return tuple(dict.fromkeys(digest for digest in named if digest))
