"""Compares a folder with the statement that the verifier has signed about it."""

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import structs

from agents.delivery.override_names import override_names
from agents.delivery.packaging import ProofNames, proof_names
from agents.delivery.proof import NAMES, OVERRIDE_NAMES, PREFIX, proof_beside
from director.services.judged_source import SKIPPED, read_tree
from domain.errors import Differs, Failed, Invalid, NotFound
from domain.tree import FORMER_ALGORITHM, Entry, Manifest, algorithm_of, contents_of, manifest_of, tree_digest
from domain.wording import counted
from governance import signing
from verification.verdict.attestation import key_hex, verify
from verification.verdict.override import OverridePredicate, is_override, verify_override
from verification.verdict.statement import Statement

STATEMENT_NAMES = (
    *("aura-verdict.intoto.jsonl", "verdict.intoto.jsonl"),
    *("aura-override.intoto.jsonl", "override.intoto.jsonl"),
)
"""File names of a statement in a delivery. A name with aura- is used if the code itself has a file without it."""
SHOWN_MAX = 20
"""The maximum number of differences that a message names."""


@dataclass(frozen=True, kw_only=True)
class FolderCheck:
    """A folder to check. `key`: the public key to trust, instead of the home's. `statement`: the signed statement."""

    folder: Path
    key: Path | None = None
    statement: Path | None = None


@dataclass(frozen=True)
class Trust:
    """The key that checks a statement, and the reason to trust this key."""

    key: Ed25519PublicKey
    why: str


@dataclass(frozen=True, kw_only=True)
class CheckedFolder:
    """A folder that has exactly the files that a statement names. `trust`: the reason to trust the key.

    `not_covered`: files that no signature covers. `not_looked_at`: folders, such as caches, that were not checked,
    because they are not part of a tree. `override`: set if a person released the files without a verdict.
    """

    statement: Statement
    key: str
    trust: str
    override: OverridePredicate | None = None
    not_covered: tuple[str, ...] = ()
    not_looked_at: tuple[str, ...] = ()

    def data(self) -> dict[str, Any]:
        """Return the attested facts, and the files that no signature covers, for --json."""
        said = self.statement
        return {
            "result": said.predicate.result if self.override is None else "OVERRIDDEN",
            "override": self.override,
            "tree": said.tree(),
            "key": self.key,
            "trust": self.trust,
            "files": contents_of(said.files()),
            "delivered": contents_of(said.delivered()),
            "not_covered": list(self.not_covered),
            "not_looked_at": list(self.not_looked_at),
            "tests": {
                "passed": said.predicate.passed_tests,
                "warned": said.predicate.warned_tests,
                "failed": said.predicate.failed_tests,
            },
            "configuration": said.predicate.configuration,
            "on_base": said.base(),
        }

    def refusal(self) -> Failed | None:
        """Return the error for genuine files that the verifier rejected or never verified; None for verified files."""
        if self.override is not None:
            return Failed(
                f"These files are not verified: released by override. Reason: {self.override.reason}",
                hint=f"Run {self.override.run} released work of run {self.override.overrides}: aura run show RUN",
                code="overridden",
            )
        if self.statement.predicate.result != "FAILED":
            return None
        failed = ", ".join(self.statement.predicate.failed_tests)
        return Failed(f"The verifier rejected these files: {failed}.", hint="Do not use them.", code="rejected")


@dataclass(frozen=True, kw_only=True)
class VerifierKey:
    """The public key of a home's verifier. `key`: its bytes in hex."""

    file: Path
    key: str
    pem: str


@dataclass(frozen=True)
class _Found:
    """A statement that is not verified yet. `proof`: the delivered proof files, if they are outside the judged tree."""

    envelope: bytes
    keys: Callable[[], Ed25519PublicKey]  # reads the key that was delivered with the statement
    proof: Mapping[str, bytes]


def check_folder(check: FolderCheck, keys: Path) -> CheckedFolder:
    """Compare a folder with its signed statement. `keys` is the home's folder of keys.

    Raises Differs if the files, the key or the signature differ. Raises NotFound if there is no statement, and Invalid
    if the statement names no files.
    """
    folder = check.folder
    files = _files(folder)
    found = _found(folder, files, check.statement)
    envelope = found.envelope.strip()
    by_override = is_override(envelope)
    trust = _trust(keys, found, check.key, signing.OVERRIDES if by_override else signing.VERIFIER)
    overridden = verify_override(envelope, trust.key) if by_override else None
    said = overridden.as_files() if overridden is not None else verify(envelope, trust.key)
    if not said.files():
        raise Invalid(
            "This statement names no files: it is about one task's work, or about a tree that is too large to list.",
            hint="Use a delivery's statement, verdict.intoto.jsonl: it is about the merged tree.",
        )
    naming = override_names if by_override else proof_names
    names = _apart(naming(())) if found.proof else naming(said.files())
    files |= _named_caches(folder, said.files().keys() - files.keys())
    files = _with_submodules(folder, said.files(), files)
    if different := differences(said, {**files, **_prefixed(found.proof)}, names):
        shown = ", ".join(different[:SHOWN_MAX])
        raise Differs(
            f"{counted(len(different), 'difference')} from the signed files: {shown}.",
            hint="Get the delivery again from its source, or look at the changes: git status.",
            code="altered",
        )
    return CheckedFolder(
        statement=said,
        key=key_hex(trust.key),
        trust=trust.why,
        override=overridden.predicate if overridden is not None else None,
        not_covered=(names.readme, *((names.verdict,) if by_override else ()))
        if names.readme in files or found.proof
        else (),
        not_looked_at=tuple(_left_out(folder)),
    )


def differences(said: Statement, files: Manifest, names: ProofNames) -> list[str]:
    """Return the differences between a statement and a folder, in words."""
    judged = said.files()
    beside = any(path.startswith(PREFIX) for path in files)  # otherwise the statement has no proof files
    around = {path: entry for path, entry in said.delivered().items() if beside or not path.startswith(PREFIX)}
    expected = {**around, **judged}
    algorithm = algorithm_of(said.tree())
    if algorithm == FORMER_ALGORITHM:  # this digest does not cover file modes
        files = {path: structs.replace(entry, kind="file") if entry.is_file else entry for path, entry in files.items()}
    verdict = said.configured("verdict")
    if verdict is not None and names.verdict in files.keys() - expected.keys():
        expected[names.verdict] = Entry(kind="file", digest=verdict.digest.get("sha256", ""))
    found = [f"{path} is missing" for path in sorted(expected) if path not in files]
    found += [f"{path} was altered" for path in sorted(expected) if files.get(path, expected[path]) != expected[path]]
    known = expected.keys() | set(names)
    found += [f"{path} was added" for path in sorted(files) if path not in known]
    if tree_digest(judged, algorithm) != said.tree():
        found.append("the digest of the files in the statement is not the digest of its tree")
    return found


def verifier_key(keys: Path) -> VerifierKey:
    """Return the public key of the verifier of this folder of keys. Raises NotFound."""
    file = signing.public_file(keys)
    if not file.exists():
        raise NotFound(f"There is no verifier's key in {keys}.", hint="Run `aura up`: it makes the key.")
    key = signing.load_public(file)
    return VerifierKey(file=file, key=key_hex(key), pem=signing.public_pem(key).decode())


def _files(folder: Path) -> dict[str, Entry]:
    try:
        return manifest_of(read_tree(folder))
    except Invalid as error:  # an unsafe link or a special file, which no judged tree has
        raise Differs(error.message, hint="Get the delivery again from its source.", code="altered") from error


def _named_caches(folder: Path, missing: Collection[str]) -> dict[str, Entry]:
    """Return the missing files that are in skipped folders. Files of a base in such a folder were judged, too."""
    found = [path for path in missing if SKIPPED & set(path.split("/")) and (folder / path).is_file()]
    return manifest_of({path: (folder / path).read_bytes() for path in found})


def _apart(names: ProofNames) -> ProofNames:
    """Return the names that a statement gives to the files of a proof outside the tree."""
    return ProofNames(*(f"{PREFIX}{name}" for name in names))


def _prefixed(proof: Mapping[str, bytes]) -> dict[str, Entry]:
    return {f"{PREFIX}{path}": entry for path, entry in manifest_of(proof).items()}


def _with_submodules(folder: Path, judged: Manifest, files: Manifest) -> dict[str, Entry]:
    """Return the folder's files with its submodules. A folder at a submodule's path counts as the submodule.

    Files inside a submodule were never judged.
    """
    there = {path: entry for path, entry in judged.items() if entry.kind == "submodule" and (folder / path).is_dir()}
    inside = tuple(f"{path}/" for path in there)
    return {path: entry for path, entry in files.items() if not path.startswith(inside)} | there


def _found(folder: Path, files: Manifest, named: Path | None) -> _Found:
    """Return the named statement, else the statement in the commit's proof, else the statement file in the folder."""
    proof = proof_beside(folder)
    for names in (NAMES, OVERRIDE_NAMES) if named is None else ():
        if names.statement in proof:
            content = proof.get(names.key, b"")
            return _Found(proof[names.statement], partial(signing.public_of, content, names.key), proof)
    file = named or _statement_file(folder, files)
    own = "override.pub" if "override." in file.name else "verifier.pub"
    key = file.parent / (f"aura-{own}" if file.name.startswith("aura-") else own)
    return _Found(_content(file), lambda: signing.load_public(key), {})


def _statement_file(folder: Path, files: Manifest) -> Path:
    for name in STATEMENT_NAMES:
        if name in files:
            return folder / name
    raise NotFound(
        f"There is no signed statement in {folder}.",
        hint="A delivery has the file verdict.intoto.jsonl, or git notes. Fetch its notes with: git fetch REPOSITORY "
        "'refs/notes/aura*:refs/notes/NAME/aura*'. Or name the statement: --statement FILE.",
    )


def _trust(keys: Path, found: _Found, key: Path | None, name: str) -> Trust:
    """Return the named key, else the home's key, else the key that was delivered with the statement."""
    if key is not None:
        return Trust(signing.load_public(key), "you named it")
    own = signing.public_file(keys, name)
    if own.exists():
        whose = "it is the key of this home's verifier" if name == signing.VERIFIER else "it is this home's key"
        return Trust(signing.load_public(own), whose)
    return Trust(found.keys(), "it came with the files, so a person who altered the files could also replace the key")


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}.", hint="Name the signed statement.") from error


def _left_out(folder: Path) -> list[str]:
    """Return the folders, except .git, that were not checked because they are not part of a tree."""
    found: list[str] = []
    for place, folders, _ in os.walk(folder):
        skipped = [name for name in folders if name in SKIPPED]
        found += [str((Path(place) / name).relative_to(folder)) for name in skipped if name != ".git"]
        folders[:] = [name for name in folders if name not in SKIPPED]
    return sorted(found)
