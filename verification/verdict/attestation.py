"""A verdict as a signed statement: an in-toto Test Result in a DSSE envelope, which anybody can check offline.

Specifications: in-toto attestation framework 1.1, predicate test-result 0.1, DSSE 1.0.0. The statement contains names
of criteria and gates, and digests of the inputs. It contains no part of a sealed case.
"""

import base64
import binascii
from collections.abc import Iterable

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.errors import Differs, Invalid
from domain.tree import Manifest, digest_of, manifest_of, tree_digest
from verification.requirements.model import Requirement
from verification.verdict.base_notes import NONE, base_notes
from verification.verdict.model import Verdict
from verification.verdict.statement import (
    PREDICATE_TYPE,
    STATEMENT_TYPE,
    TREE,
    Predicate,
    Resource,
    Result,
    Statement,
    named_tree,
    resources,
)

PAYLOAD_TYPE = "application/vnd.in-toto+json"
ENVELOPE_BYTES_MAX = 8 * 1024**2
FILES_BYTES_MAX = 3 * 1024**2
"""Limit for paths and digests as JSON. The statement of a larger tree has only the tree's digest. So the envelope stays
below its own limit, which is the limit of a blob."""


class Signature(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One signature. `keyid`: the public key in hex. It tells which key to try, but it does not prove the key."""

    sig: str
    keyid: str = ""


class SignedEnvelope(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A DSSE envelope: a payload in base64, and its signatures."""

    payload: str
    payload_type: str
    signatures: tuple[Signature, ...]


_envelope = msgspec.json.Decoder(SignedEnvelope)
_statement = msgspec.json.Decoder(Statement)
_UNCHANGED = "Use the verifier's file without changes: one line of JSON."
_EXPECTED = f"A verdict has the type {PREDICATE_TYPE}."


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """Data for a statement that are not in the verdict itself.

    `files`: the judged files, or None for a statement with only the tree's digest. `delivered`: files that the delivery
    adds. `evidence`: digest of the stored verdict. `base_commit`: the commit that the judged tree builds on.
    """

    evidence: str
    files: Manifest | None = None
    delivered: Manifest = {}
    base_commit: str | None = None


def statement_of(verdict: Verdict, requirement: Requirement, basis: Basis) -> Statement:
    """Return the statement about a verdict, before it is signed."""
    gates = [(f"gate:{gate.gate}", gate.result) for gate in verdict.gates]
    criteria = [(f"criterion:{each.id}", "passed" if each.passed else "failed") for each in verdict.criteria]
    by_result = {
        result: tuple(name for name, found in criteria + gates if found == result)
        for result in ("passed", "noted", "failed")
    }
    rejected = not verdict.verified or by_result["failed"]  # a valid review is verified even if it blocks
    result: Result = "FAILED" if rejected else "WARNED" if by_result["noted"] else "PASSED"
    tree = Resource(name=TREE, digest=named_tree(verdict.tree))
    notes = base_notes(verdict, requirement)
    files = basis.files if basis.files and len(msgspec.json.encode(basis.files)) <= FILES_BYTES_MAX else {}
    return Statement(
        subject=(tree, *resources(files)),
        predicate=Predicate(
            result=result,
            configuration=tuple(_configuration(verdict, requirement, basis)),
            passed_tests=by_result["passed"],
            warned_tests=by_result["noted"],
            failed_tests=by_result["failed"],
            aura_delivery=tuple(resources(basis.delivered if files else {})),
            aura_base=msgspec.UNSET if notes == NONE else notes,
        ),
    )


def sign(statement: msgspec.Struct, key: Ed25519PrivateKey) -> bytes:
    """Return the signed statement in its envelope, as one line of JSON."""
    payload = msgspec.json.encode(statement)
    envelope = SignedEnvelope(
        payload=base64.b64encode(payload).decode(),
        payload_type=PAYLOAD_TYPE,
        signatures=(
            Signature(
                sig=base64.b64encode(key.sign(signed_bytes(PAYLOAD_TYPE, payload))).decode(),
                keyid=key_hex(key.public_key()),
            ),
        ),
    )
    return msgspec.json.encode(envelope)


def verify(envelope: bytes, key: Ed25519PublicKey) -> Statement:
    """Return the statement that a key signed.

    Raises Differs if the key did not sign it, Invalid if it is not an envelope or not a test result.
    """
    payload = opened_payload(envelope, key)
    try:
        statement = _statement.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Invalid(f"The signed payload is not a statement about a test: {error}.", hint=_EXPECTED) from error
    if (statement.type, statement.predicate_type) != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise Invalid(f"The signed statement has the type {statement.predicate_type}.", hint=_EXPECTED)
    return statement


def opened_payload(envelope: bytes, key: Ed25519PublicKey) -> bytes:
    """Return the payload that a key signed. Raises Differs if the key did not sign it, Invalid if it has no payload."""
    opened = opened_envelope(envelope)
    payload = _base64(opened.payload)
    signed = signed_bytes(opened.payload_type, payload)
    if not any(_is_signed(key, _base64(each.sig), signed) for each in opened.signatures):
        named = ", ".join(each.keyid for each in opened.signatures if each.keyid) or "no key"
        raise Differs(
            f"No signature of this payload is valid for the key {key_hex(key)}; the envelope names {named}.",
            hint="The payload was altered, or another key signed it. Ask the verifier's organisation for its key.",
            code="signature",
        )
    if opened.payload_type != PAYLOAD_TYPE:
        raise Invalid(
            f"The signed payload has the type {opened.payload_type}.", hint=f"A verdict has the type {PAYLOAD_TYPE}."
        )
    return payload


def opened_envelope(envelope: bytes) -> SignedEnvelope:
    """Return the parsed envelope. Its signatures are not checked. Raises Invalid."""
    if len(envelope) > ENVELOPE_BYTES_MAX:
        message = f"The envelope has {len(envelope)} bytes, and the limit is {ENVELOPE_BYTES_MAX}."
        raise Invalid(message, hint=_UNCHANGED, code="attestation")
    try:
        return _envelope.decode(envelope)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Invalid(f"The file is not a DSSE envelope: {error}.", hint=_UNCHANGED, code="attestation") from error


def named_key(envelope: bytes) -> Ed25519PublicKey:
    """Return the key that an envelope names. The name is a hint, not a proof of the signer. Raises Invalid."""
    for each in opened_envelope(envelope).signatures:
        try:
            return Ed25519PublicKey.from_public_bytes(bytes.fromhex(each.keyid))
        except ValueError:
            continue
    raise Invalid("The envelope names no Ed25519 key.", hint="Give the verifier's key yourself.", code="attestation")


def signed_bytes(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes to sign: DSSE's pre-authentication encoding of type and payload."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def key_hex(key: Ed25519PublicKey) -> str:
    """Return a public key in the form that people compare: its 32 bytes in hex."""
    return key.public_bytes_raw().hex()


def _is_signed(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _base64(text: str) -> bytes:
    """Return the decoded bytes. DSSE permits both base64 alphabets. Raises Invalid."""
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid(f"The envelope is not base64: {error}.", hint=_UNCHANGED) from error


def _configuration(verdict: Verdict, requirement: Requirement, basis: Basis) -> Iterable[Resource]:
    yield Resource(name="requirement", digest={"sha256": digest_of(requirement.source)})
    if requirement.sealed_source is not None:
        yield Resource(name="sealed cases", digest={"sha256": digest_of(requirement.sealed_source)})
    if requirement.lock is not None:
        yield Resource(name="dependencies", digest={"sha256": digest_of(requirement.lock)})
    for name, files in (("fixtures", requirement.fixtures), ("sealed fixtures", requirement.sealed_fixtures)):
        if files:
            yield Resource(name=name, digest=named_tree(tree_digest(manifest_of(files))))
    if basis.base_commit is not None:
        yield Resource(name="base", digest={"gitCommit": basis.base_commit})
    if verdict.image:
        yield Resource(name="image", digest={"sha256": verdict.image})
    told = {
        "grade": verdict.grade,
        "seed": verdict.seed,
        "sandbox": verdict.sandbox,
        "notHeld": list(verdict.not_held),
        "criteria": {each.id: each.grade for each in verdict.criteria},
        "grades": {gate.gate: gate.grade for gate in verdict.gates},
        "notRun": [gate.gate for gate in verdict.gates if gate.result == "not_run"],
    }
    yield Resource(name="verdict", digest={"sha256": basis.evidence}, annotations=told)
