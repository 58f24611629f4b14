"""The signed statement about an override: these files were released by a person, without a verdict.

It is an in-toto Statement of a type of its own in a DSSE envelope, and another key signs it: the verifier never does.
A tool that expects a test result refuses it, because it is none.
"""

import base64
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from domain.errors import Invalid
from domain.tree import Manifest
from verification.verdict.attestation import opened_envelope, opened_payload
from verification.verdict.statement import (
    STATEMENT_TYPE,
    TREE,
    Predicate,
    Resource,
    Statement,
    named_tree,
    resources,
)

OVERRIDE_TYPE = "urn:aura-orchestra:attestation:override:v1"
_EXPECTED = f"The statement of an override has the type {OVERRIDE_TYPE}."


class WorkRecord(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The released work of one task: its attempt, its author, and the verdict about it: verified, rejected or none."""

    task: str
    attempt: int
    employee: str
    verdict: str


class OverridePredicate(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The override: who released which recorded work, and why. `event`: the id of `run.overridden`.

    `principal` and `role`: of the person or key that sent the command. `missing`: tasks without any work.
    """

    verified: bool = False
    run: str
    overrides: str
    event: str
    principal: str
    role: str
    at: int
    reason: str
    work: tuple[WorkRecord, ...]
    missing: tuple[str, ...] = ()
    aura_delivery: tuple[Resource, ...] = ()


class OverrideStatement(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A statement about a tree that was released without a verdict."""

    type: str = msgspec.field(name="_type", default=STATEMENT_TYPE)
    subject: tuple[Resource, ...]
    predicate_type: str = OVERRIDE_TYPE
    predicate: OverridePredicate

    def as_files(self) -> Statement:
        """Return a statement with the same files, to compare them with a folder. Its result is FAILED."""
        said = Predicate(result="FAILED", configuration=(), aura_delivery=self.predicate.aura_delivery)
        return Statement(subject=self.subject, predicate_type=OVERRIDE_TYPE, predicate=said)


_statement = msgspec.json.Decoder(OverrideStatement)
_typed = msgspec.json.Decoder(dict[str, Any])


def override_statement(tree: str, files: Manifest, predicate: OverridePredicate) -> OverrideStatement:
    """Return the statement about an override, before it is signed."""
    subject = (Resource(name=TREE, digest=named_tree(tree)), *resources(files))
    return OverrideStatement(subject=subject, predicate=predicate)


def is_override(envelope: bytes) -> bool:
    """Return whether an envelope says that it is about an override. Its signature is not checked. Raises Invalid."""
    try:
        payload = base64.b64decode(opened_envelope(envelope).payload, validate=True)
        return _typed.decode(payload).get("predicateType") == OVERRIDE_TYPE
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return False


def verify_override(envelope: bytes, key: Ed25519PublicKey) -> OverrideStatement:
    """Return the statement that a key signed. Raises Differs if the key did not sign it, and Invalid."""
    payload = opened_payload(envelope, key)
    try:
        statement = _statement.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"The signed payload is not a statement about an override: {error}.", hint=_EXPECTED) from error
    if (statement.type, statement.predicate_type) != (STATEMENT_TYPE, OVERRIDE_TYPE):
        raise Invalid(f"The signed statement has the type {statement.predicate_type}.", hint=_EXPECTED)
    return statement
