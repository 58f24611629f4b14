"""The delivery of an override: one commit that says that nobody verified it, and a signed statement of its own type."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from agents.delivery.commit_plan import CommitPlan
from agents.delivery.override_names import override_names
from agents.delivery.packaging import ProofNames, packaging_files
from agents.delivery.proof import OVERRIDE_NAMES
from agents.run_content import tree_of
from bus.blobs import Blobs
from domain.message import Recorded
from domain.run import RunState
from domain.run_act_messages import Overridden
from domain.tree import Entry, Manifest, manifest_of
from governance import signing
from verification.requirements.model import Requirement
from verification.verdict.attestation import sign
from verification.verdict.override import OverridePredicate, OverrideStatement, WorkRecord, override_statement
from verification.verdict.statement import resources

NOT_VERIFIED = "NOT VERIFIED: RELEASED BY OVERRIDE"
TRAILER_OF, TRAILER_EVENT = "Aura-Override-Of", "Aura-Override"


class SignedOverride(NamedTuple):
    """The signed statement (one line), and the public key that verifies it (PEM)."""

    statement: bytes
    key: bytes


Sign = Callable[[OverrideStatement], SignedOverride]


def signer(folder: Path) -> Sign:
    """Return a function that signs with the manager's key for overrides. The first override creates the key."""

    def signed(statement: OverrideStatement) -> SignedOverride:
        key = signing.load_or_create(folder, signing.OVERRIDES)
        return SignedOverride(sign(statement, key) + b"\n", signing.public_pem(key.public_key()))

    return signed


class OverrideDelivery(NamedTuple):
    """The only commit of an override, and its proof by path if the proof is not part of the commit."""

    commit: CommitPlan
    proof: dict[str, bytes]


async def override_delivery(
    requirement: Requirement, recorded: Recorded, state: RunState, manifest: Manifest, blobs: Blobs, signed: Sign
) -> OverrideDelivery:
    """Return the delivery of an override. `recorded`: its event. `manifest`: the whole tree."""
    override = recorded.event
    assert isinstance(override, Overridden)
    assert state.submitted is not None
    written = await tree_of(override.files, blobs)
    inside = state.submitted.proof == "inside"
    names = override_names(manifest.keys()) if inside else OVERRIDE_NAMES
    added: dict[str, bytes] = packaging_files(requirement, manifest.keys()) if inside else {}
    predicate = predicate_of(recorded, override, manifest_of(added))
    statement = signed(override_statement(override.tree, manifest, predicate))
    proof = {
        names.readme: _text(requirement, override, recorded, names),
        names.verdict: msgspec.json.format(msgspec.json.encode(predicate), indent=2) + b"\n",
        names.statement: statement.statement,
        names.key: statement.key,
    }
    commit = CommitPlan(
        files=written.with_files({**added, **proof}) if inside else written,
        deleted=frozenset(path for path, entry in override.files.items() if entry.kind == "deleted"),
        message=f"{NOT_VERIFIED}: {_line(requirement.title)}\n\n{_message(override)}",
        trailers=(
            ("Aura-Run", str(override.run)),
            (TRAILER_OF, str(override.of)),
            (TRAILER_EVENT, str(recorded.envelope.id)),
            ("Aura-Tree", override.tree),
        ),
        at_us=recorded.envelope.occurred_at,
    )
    return OverrideDelivery(commit, {} if inside else proof)


def predicate_of(recorded: Recorded, override: Overridden, delivered: Mapping[str, Entry]) -> OverridePredicate:
    """Return what the statement says about the override."""
    envelope = recorded.envelope
    return OverridePredicate(
        run=str(override.run),
        overrides=str(override.of),
        event=str(envelope.id),
        principal=str(envelope.principal),
        role=envelope.role,
        at=envelope.occurred_at,
        reason=override.reason,
        work=tuple(
            WorkRecord(task=part.name, attempt=part.attempt, employee=str(part.employee), verdict=part.verdict)
            for part in override.work
        ),
        missing=override.missing,
        aura_delivery=tuple(resources(delivered)),
    )


def _message(override: Overridden) -> str:
    lines = [f"Reason: {_line(override.reason)}", "", "The verifier did not verify this tree. The released work:"]
    lines += [f"- task {part.name}, attempt {part.attempt}: verdict {part.verdict}" for part in override.work]
    lines += [f"- task {name}: no work" for name in override.missing]
    return "\n".join(lines)


def _text(requirement: Requirement, override: Overridden, recorded: Recorded, names: ProofNames) -> bytes:
    day = datetime.fromtimestamp(recorded.envelope.occurred_at / 1_000_000, UTC).date().isoformat()
    criteria = "\n".join(f"- {each.id}: {_line(each.says)}" for each in requirement.criteria)
    return f"""# {NOT_VERIFIED}

A person released this work of "{_line(requirement.title)}" on {day} without a verdict.
Run {override.run} names run {override.of}, whose work it is.

{_message(override)}

## The work should do this, and nobody has proved it
{criteria}

`{names.verdict}` is the record of the override. `{names.statement}` is its signed statement (in-toto, DSSE).
If Aura is installed, this command compares the files with the statement, and says that they are not verified:
```
aura attestation verify .
```
`{names.key}` came with the delivery, so it does not prove who signed. Give a key that you trust with `--key`.
""".encode()


def _line(text: str) -> str:
    return " ".join(text.split())
