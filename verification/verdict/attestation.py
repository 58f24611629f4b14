"""A verdict as a signed statement: an in-toto Test Result in a DSSE envelope, which anybody can check offline.

Specifications: in-toto attestation framework 1.1, predicate test-result 0.1, DSSE 1.0.0. The statement names criteria
and gates and what they rested on by digest: nothing of a sealed case is in it.
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
"""Of paths and digests as JSON. A tree with more is named by its own digest alone, and so the envelope stays below its
limit, which is that of a blob."""


class Signature(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`keyid` is the public key in hex: a hint which one to ask for, and never a reason to trust it."""

    sig: str
    keyid: str = ""


class SignedEnvelope(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """DSSE: a payload in base64, and who signed it."""

    payload: str
    payload_type: str
    signatures: tuple[Signature, ...]


_envelope = msgspec.json.Decoder(SignedEnvelope)
_statement = msgspec.json.Decoder(Statement)


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a statement beyond the verdict.

    `files`: what was judged; None: the tree's own digest is enough. `delivered`: what is put around them.
    `evidence`: digest of the verdict as it is kept. `base_commit`: what the tree was judged on top of.
    """

    evidence: str
    files: Manifest | None = None
    delivered: Manifest = {}
    base_commit: str | None = None


def statement_of(verdict: Verdict, requirement: Requirement, basis: Basis) -> Statement:
    """Build the statement about a verdict that can be signed."""
    gates = [(f"gate:{gate.gate}", gate.result) for gate in verdict.gates]
    criteria = [(f"criterion:{each.id}", "passed" if each.passed else "failed") for each in verdict.criteria]
    by_result = {
        result: tuple(name for name, found in criteria + gates if found == result)
        for result in ("passed", "noted", "failed")
    }
    rejected = not verdict.verified or by_result["failed"]  # a sound review that blocks is verified all the same
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


def sign(statement: Statement, key: Ed25519PrivateKey) -> bytes:
    """The statement in its envelope, as one line of JSON."""
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

    Raises Differs when it did not, Invalid when this is no envelope or test result.
    """
    opened = opened_envelope(envelope)
    payload = _base64(opened.payload)
    signed = signed_bytes(opened.payload_type, payload)
    if not any(_is_signed(key, _base64(each.sig), signed) for each in opened.signatures):
        named = ", ".join(each.keyid for each in opened.signatures if each.keyid) or "a key that is not named"
        raise Differs(
            f"The signature is not that of the key {key_hex(key)} over this payload; the envelope names {named}.",
            hint="The payload was altered, or another key signed it: ask the verifier's organisation for its key.",
            code="signature",
        )
    if opened.payload_type != PAYLOAD_TYPE:
        raise Invalid(f"What is signed is {opened.payload_type}.", hint=f"A verdict is {PAYLOAD_TYPE}.")
    try:
        statement = _statement.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Invalid(f"What is signed is no statement about a test: {error}.", hint=f"See {PREDICATE_TYPE}") from error
    if (statement.type, statement.predicate_type) != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise Invalid(f"What is signed is {statement.predicate_type}.", hint=f"A verdict is {PREDICATE_TYPE}")
    return statement


def opened_envelope(envelope: bytes) -> SignedEnvelope:
    """An envelope whose signatures nobody has looked at. Raises Invalid."""
    hint = "Give the verifier's file as it came: one line of JSON."
    if len(envelope) > ENVELOPE_BYTES_MAX:
        raise Invalid(f"The envelope has {len(envelope)} bytes.", hint=hint, code="attestation")
    try:
        return _envelope.decode(envelope)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Invalid(f"This is no DSSE envelope: {error}.", hint=hint, code="attestation") from error


def named_key(envelope: bytes) -> Ed25519PublicKey:
    """The key that an envelope says it was signed with, which is a hint and no proof. Raises Invalid."""
    for each in opened_envelope(envelope).signatures:
        try:
            return Ed25519PublicKey.from_public_bytes(bytes.fromhex(each.keyid))
        except ValueError:
            continue
    raise Invalid("The envelope names no key of Ed25519.", hint="Name the verifier's key yourself.", code="attestation")


def signed_bytes(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes to sign: DSSE's pre-authentication encoding of type and payload."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def key_hex(key: Ed25519PublicKey) -> str:
    """A public key in a form that people compare: its 32 bytes in hex."""
    return key.public_bytes_raw().hex()


def _is_signed(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _base64(text: str) -> bytes:
    """DSSE permits both alphabets. Raises Invalid."""
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid(f"The envelope is not base64: {error}.", hint="Give the file as it came.") from error


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
