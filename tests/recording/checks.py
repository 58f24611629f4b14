"""Checks of the recorded log. Each returns its violations, so a control can alter one event and expect a violation."""

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha1
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from dulwich.repo import Repo

from agents.delivery.packaging import proof_names
from bus import codec
from bus.subjects import subject_of
from director.services.attestations import STATEMENT_NAMES
from director.services.attestations import differences as attested_differences
from domain.errors import AuraError
from domain.law import Standing, matters, void
from domain.message import NAMESPACE, Envelope, Erased
from domain.tree import digest_of, manifest_of
from tests.recording.fixture import Kept
from tests.recording.handlers import Rule
from verification.verdict.attestation import verify

INDEX_MAX = 64
"""Limit for the number of a handler's commands, of a command's events, and of a run's steps."""
VERDICTS = ("task.verified", "task.rejected", "run.verified", "run.rejected")
Log = Sequence[Kept]


def commitments(log: Log) -> list[str]:
    """Return payloads that do not match the commitments in their envelopes."""
    return [
        f"event {kept.seq}: another payload"
        for kept, envelope in _events(log)
        if codec.commitment(kept.salt, kept.payload or b"") != envelope.commitment
    ]


def encodings(log: Log) -> list[str]:
    """Return events of a present version that are other bytes after decoding and encoding."""
    found = []
    for kept, envelope in _events(log):
        event = kept.recorded().event
        if isinstance(event, Erased) or event.version != envelope.version:
            continue
        origin = codec.Origin(
            command=envelope.command,
            cause=envelope.cause,
            principal=envelope.principal,
            role=envelope.role,
            at=envelope.occurred_at,
            policy=envelope.policy,
        )
        data, _ = codec.encode(event, id=envelope.id, origin=origin, salt=kept.salt)
        body = codec.split(data)
        parts = (bytes(body.envelope), bytes(body.payload), bytes.fromhex(body.salt), body.blobs)
        if parts != (kept.envelope, kept.payload, kept.salt, kept.blobs):
            found.append(f"event {kept.seq}: other bytes")
    return found


def unread(log: Log) -> list[int]:
    """Return the sequences of events that this release cannot read."""
    return [kept.seq for kept, _ in _events(log) if isinstance(kept.recorded().event, Erased)]


def voids(log: Log) -> list[str]:
    """Return events whose recorded mark differs from the mark by the law."""
    standing, seen, found = Standing(), set[UUID](), []
    for kept in log:
        reason: str | None = codec.ALIEN
        if kept.payload is not None:
            envelope = codec.envelope_of(kept.envelope)
            fits = kept.subject == subject_of(envelope)
            reason = void(envelope, kept.seq, standing, subject_fits=fits, seen=envelope.id in seen)
            seen.add(envelope.id)
            if reason is None and matters(envelope.type):
                standing.fold(envelope, kept.seq)
        if reason != kept.void:
            found.append(f"event {kept.seq}: {reason} instead of {kept.void}")
    return found


def ids(log: Log, rules: Sequence[Rule]) -> list[str]:
    """Return events of the staff with a wrong id. The ids follow from cause to command to event."""
    found = []
    for kept, envelope in _events(log):
        payload = json.loads(kept.payload or b"{}")
        if envelope.id not in _of_command(envelope, kept.seq):
            found.append(f"event {kept.seq}: its id does not follow from its command")
        elif envelope.role != "director" and all(
            command != envelope.command.bytes for _, command in _of_causes(envelope, payload, rules)
        ):
            found.append(f"event {kept.seq} ({envelope.type}): its command follows from no cause")
    return found


def rules_of_permits(log: Log) -> list[Rule]:
    """Return the rules of commands that a worker's message leads to: permits, and the ends of attempts without work."""
    rules: list[Rule] = [{"of": "order", "path": ["reception.attempt_ended"]}]
    for kept, envelope in _events(log):
        if envelope.type == "task.call_started":
            payload = json.loads(kept.payload or b"{}")
            asked = f"permit/{payload['index']}/{payload['claim']}"
            rules += [{"of": "order", "path": [f"{asked}/{ask}"]} for ask in range(INDEX_MAX)]
    return rules


def _of_command(envelope: Envelope, seq: int) -> set[UUID]:
    if envelope.type != "refusal.refused":
        return {uuid5(envelope.command, str(index)) for index in range(INDEX_MAX)}
    return {uuid5(envelope.command, name) for name in ("refused", *(f"refused/{last}" for last in range(seq)))}


def handlers(log: Log, rules: Sequence[Rule]) -> set[str]:
    """Return the ways (handlers) from a cause to a command that occur in the staff's events of a log."""
    return {
        "/".join(rule["path"])
        for kept, envelope in _events(log)
        if envelope.role != "director"
        for rule, command in _of_causes(envelope, json.loads(kept.payload or b"{}"), rules)
        if command == envelope.command.bytes
    }


def _of_causes(envelope: Envelope, payload: Mapping[str, Any], rules: Sequence[Rule]) -> Iterator[tuple[Rule, bytes]]:
    """Yield each rule with the ids of the commands to which it leads, as bytes."""
    run = envelope.run or payload.get("for_run")
    beginnings = {
        "cause": envelope.cause,
        "run": run and UUID(str(run)),
        "order": UUID(payload["order"]) if "order" in payload else None,
        "principal": UUID(payload["principal"]) if "principal" in payload else None,
        "system": NAMESPACE,
    }
    for rule in rules:
        begin = beginnings[rule["of"]]
        if begin is not None:
            yield from ((rule, command) for command in _walked([begin.bytes], rule["path"], envelope.occurred_at))


def _walked(begins: Sequence[bytes], path: Sequence[str], at: int) -> Sequence[bytes]:
    for step in path:
        named = step.replace("@", str(at))
        names = [named.replace("#", str(index)).encode() for index in range(INDEX_MAX if "#" in named else 1)]
        begins = [_uuid5(begin, name) for begin in begins for name in names]
    return begins


def _uuid5(namespace: bytes, name: bytes) -> bytes:
    """Return the bytes of `uuid5`. A log needs a million ids, and most of the time of `uuid5` makes UUID objects."""
    digest = bytearray(sha1(namespace + name, usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return bytes(digest)


def causes(log: Log) -> dict[str, list[int]]:
    """Return command -> the sequences of its events."""
    found: dict[str, list[int]] = {}
    for kept, envelope in _events(log):
        found.setdefault(str(envelope.command), []).append(kept.seq)
    return found


def statements(log: Log, blobs: Mapping[str, bytes], key: Ed25519PublicKey) -> list[str]:
    """Return verdicts that differ from the statement that the verifier has signed."""
    found = []
    for kept, envelope in _events(log):
        if envelope.type not in VERDICTS:
            continue
        told = json.loads(kept.payload or b"{}")["judgement"]
        try:
            said = verify(blobs[told["attestation"]], key)
        except AuraError as error:
            found.append(f"event {kept.seq}: {error.code}")
            continue
        verdict = said.configured("verdict")
        assert verdict is not None
        failed = not told["verified"] or any(gate["result"] == "failed" for gate in told["gates"])
        same = (told["tree"], told["evidence"], told["seed"], failed) == (
            said.tree(),
            verdict.digest["sha256"],
            verdict.annotations["seed"],
            said.predicate.result == "FAILED",
        )
        found += [] if same else [f"event {kept.seq}: another verdict was signed"]
    return found


def named_blobs(log: Log, blobs: Mapping[str, bytes]) -> list[str]:
    """Return blobs that are missing or do not match their digests."""
    missing = [f"event {kept.seq}: {digest}" for kept in log for digest in kept.blobs if digest not in blobs]
    return missing + [f"blob {digest}" for digest, content in blobs.items() if digest_of(content) != digest]


def delivered(log: Log, deliveries: Mapping[str, Mapping[str, bytes]], key: Ed25519PublicKey) -> list[str]:
    """Return differences between deliveries, their signed statements, and the log."""
    told = {str(envelope.run): json.loads(kept.payload or b"{}") for kept, envelope in _events(log, "run.delivered")}
    trees = {str(envelope.run): json.loads(kept.payload or b"{}") for kept, envelope in _events(log, "run.verified")}
    found = [f"{run}: no delivery" for run in told.keys() ^ deliveries.keys()]
    for run, whole in deliveries.items():
        files = {path: content for path, content in whole.items() if not path.startswith(".git/")}
        source = next(name for name in STATEMENT_NAMES if name in files)
        try:
            said = verify(files[source].strip(), key)
        except AuraError as error:
            found.append(f"{run}: {error.code}")
            continue
        names = proof_names(said.files())
        found += [f"{run}: {line}" for line in attested_differences(said, manifest_of(files), names)]
        if said.tree() != trees[run]["judgement"]["tree"]:
            found.append(f"{run}: another tree was judged")
    return found


def commits(log: Log, deliveries: Mapping[str, Mapping[str, bytes]], folder: Path) -> list[str]:
    """Return repositories, unpacked into a folder, whose commit or release is not the one on the log."""
    found = []
    for kept, envelope in _events(log, "run.delivered"):
        run, told = str(envelope.run), json.loads(kept.payload or b"{}")
        for path, content in deliveries[run].items():
            (folder / run / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / run / path).write_bytes(content)
        for name in ("refs/heads", "refs/tags", "objects"):
            (folder / run / ".git" / name).mkdir(parents=True, exist_ok=True)
        with Repo(str(folder / run)) as repository:
            refs = {name.decode(): value.decode() for name, value in repository.get_refs().items()}
            held = told["commit"].encode() in repository
        released = [
            json.loads(one.payload or b"{}") for one, other in _events(log, "run.released") if other.run == envelope.run
        ]
        wanted = {f"refs/heads/{told['branch']}": told["commit"]} | {one["ref"]: one["commit"] for one in released}
        found += [f"{run}: {name} is {refs.get(name)}" for name, commit in wanted.items() if refs.get(name) != commit]
        found += [] if held else [f"{run}: the commit is not there"]
    return found


def _events(log: Log, *types: str) -> Iterator[tuple[Kept, Envelope]]:
    """Yield the events, void or not, without messages that are not events."""
    for kept in log:
        if kept.payload is not None:
            envelope = codec.envelope_of(kept.envelope)
            if not types or envelope.type in types:
                yield kept, envelope
