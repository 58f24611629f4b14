"""The verifier's signed statements about verdicts. Only the verifier reads the signing key."""

from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from governance import signing
from verification.requirements.model import Requirement
from verification.verdict.attestation import Basis, sign, statement_of
from verification.verdict.model import Verdict


class Attestor:
    """Signs statements about verdicts."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Return an attestor with the verifier's key from a folder of keys. The key is created on first use."""
        return cls(signing.load_or_create(folder))

    def __call__(self, verdict: Verdict, requirement: Requirement, basis: Basis) -> bytes:
        """Return the signed statement in its envelope, as one line."""
        return sign(statement_of(verdict, requirement, basis), self._key)
