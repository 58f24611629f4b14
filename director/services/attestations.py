"""A folder compared with what the verifier has signed about it."""

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import structs

from agents.delivery.packaging import ProofNames, proof_names
from agents.delivery.proof import NAMES, PREFIX, proof_beside
from director.services.judged_source import SKIPPED, read_tree
from domain.errors import Differs, Failed, Invalid, NotFound
from domain.tree import FORMER_ALGORITHM, Entry, Manifest, algorithm_of, contents_of, manifest_of, tree_digest
from governance import signing
from verification.verdict.attestation import key_hex, verify
from verification.verdict.statement import Statement

STATEMENT_NAMES = ("aura-verdict.intoto.jsonl", "verdict.intoto.jsonl")
"""As a delivery calls it; the first where the code has a file of the second's name."""
SHOWN_MAX = 20
"""Differences that a message names."""


@dataclass(frozen=True, kw_only=True)
class FolderCheck:
    """A folder to check. `key`: the public key to trust, instead of the home's. `statement`: the signed statement."""

    folder: Path
    key: Path | None = None
    statement: Path | None = None


@dataclass(frozen=True)
class Trust:
    """The key that a statement is checked with, and why it is believed."""

    key: Ed25519PublicKey
    why: str


@dataclass(frozen=True, kw_only=True)
class CheckedFolder:
    """A folder whose files are those that a statement names. `trust`: why the key is believed.

    `not_covered`: files that no signature covers. `not_looked_at`: folders that are no part of a tree.
    """

    statement: Statement
    key: str
    trust: str
    not_covered: tuple[str, ...] = ()
    not_looked_at: tuple[str, ...] = ()

    def data(self) -> dict[str, Any]:
        """For machines: what is attested, and what no signature covers."""
        said = self.statement
        return {
            "result": said.predicate.result,
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
        """Return the error for files that are genuine and were rejected; None for verified ones."""
        if self.statement.predicate.result != "FAILED":
            return None
        failed = ", ".join(self.statement.predicate.failed_tests)
        return Failed(
            f"It is signed that these files were rejected: {failed}.", hint="Do not use them.", code="rejected"
        )


@dataclass(frozen=True, kw_only=True)
class VerifierKey:
    """The public key of a home's verifier. `key`: its bytes in hex."""

    file: Path
    key: str
    pem: str


@dataclass(frozen=True)
class _Found:
    """A statement as it was found. `proof`: the files that it came with, where these are apart from what was judged."""

    envelope: bytes
    keys: Callable[[], Ed25519PublicKey]  # the key that came with it
    proof: Mapping[str, bytes]


def check_folder(check: FolderCheck, keys: Path) -> CheckedFolder:
    """Compare a folder with what is signed about it; `keys` is the home's folder of keys.

    Raises Differs for other files, key or signature, NotFound without a statement, and Invalid for one that names none.
    """
    folder = check.folder
    files = _files(folder)
    found = _found(folder, files, check.statement)
    trust = _trust(keys, found, check.key)
    said = verify(found.envelope.strip(), trust.key)
    if not said.files():
        raise Invalid(
            "This statement names no files: it is about one task's share, or about a tree too large to be listed.",
            hint="A delivery's statement is about the merged tree: verdict.intoto.jsonl.",
        )
    names = _apart(proof_names(())) if found.proof else proof_names(said.files())
    files |= _named_caches(folder, said.files().keys() - files.keys())
    files = _with_submodules(folder, said.files(), files)
    if different := differences(said, {**files, **_prefixed(found.proof)}, names):
        shown = ", ".join(different[:SHOWN_MAX])
        raise Differs(
            f"{len(different)} differences from what was signed: {shown}.",
            hint="Take the delivery again from where it came, or look at what was changed: git status.",
            code="altered",
        )
    return CheckedFolder(
        statement=said,
        key=key_hex(trust.key),
        trust=trust.why,
        not_covered=(names.readme,) if names.readme in files or found.proof else (),
        not_looked_at=tuple(_left_out(folder)),
    )


def differences(said: Statement, files: Manifest, names: ProofNames) -> list[str]:
    """Return the differences between a statement and a folder, in words."""
    judged = said.files()
    beside = any(path.startswith(PREFIX) for path in files)  # else there is a statement alone, without its proof
    around = {path: entry for path, entry in said.delivered().items() if beside or not path.startswith(PREFIX)}
    expected = {**around, **judged}
    algorithm = algorithm_of(said.tree())
    if algorithm == FORMER_ALGORITHM:  # it says nothing of modes
        files = {path: structs.replace(entry, kind="file") if entry.is_file else entry for path, entry in files.items()}
    verdict = said.configured("verdict")
    if verdict is not None and names.verdict in files.keys() - expected.keys():
        expected[names.verdict] = Entry(kind="file", digest=verdict.digest.get("sha256", ""))
    found = [f"{path} is missing" for path in sorted(expected) if path not in files]
    found += [f"{path} was altered" for path in sorted(expected) if files.get(path, expected[path]) != expected[path]]
    known = expected.keys() | set(names)
    found += [f"{path} was added" for path in sorted(files) if path not in known]
    if tree_digest(judged, algorithm) != said.tree():
        found.append("the files that it names are not the tree that it names")
    return found


def verifier_key(keys: Path) -> VerifierKey:
    """Return the public key of the verifier whose folder of keys this is. Raises NotFound."""
    file = signing.public_file(keys)
    if not file.exists():
        raise NotFound(f"There is no verifier's key in {keys}.", hint="The verifier makes it: `aura up`.")
    key = signing.load_public(file)
    return VerifierKey(file=file, key=key_hex(key), pem=signing.public_pem(key).decode())


def _files(folder: Path) -> dict[str, Entry]:
    try:
        return manifest_of(read_tree(folder))
    except Invalid as error:  # a link or a special file: no verdict is about such a tree
        raise Differs(error.message, hint="Take the delivery again from where it came.", code="altered") from error


def _named_caches(folder: Path, missing: Collection[str]) -> dict[str, Entry]:
    """Files in folders that are left out otherwise: a base may hold them, and then they were judged."""
    found = [path for path in missing if SKIPPED & set(path.split("/")) and (folder / path).is_file()]
    return manifest_of({path: (folder / path).read_bytes() for path in found})


def _apart(names: ProofNames) -> ProofNames:
    """The names that the files of a proof have in a statement when they are apart from the tree."""
    return ProofNames(*(f"{PREFIX}{name}" for name in names))


def _prefixed(proof: Mapping[str, bytes]) -> dict[str, Entry]:
    return {f"{PREFIX}{path}": entry for path, entry in manifest_of(proof).items()}


def _with_submodules(folder: Path, judged: Manifest, files: Manifest) -> dict[str, Entry]:
    """The folder's files with its submodules: a folder in the place of one. What is in it was never judged."""
    there = {path: entry for path, entry in judged.items() if entry.kind == "submodule" and (folder / path).is_dir()}
    inside = tuple(f"{path}/" for path in there)
    return {path: entry for path, entry in files.items() if not path.startswith(inside)} | there


def _found(folder: Path, files: Manifest, named: Path | None) -> _Found:
    """The statement that was named, else the one of the proof beside the commit, else the one in the folder."""
    proof = proof_beside(folder)
    if named is None and NAMES.statement in proof:
        return _Found(proof[NAMES.statement], lambda: signing.public_of(proof.get(NAMES.key, b""), NAMES.key), proof)
    file = named or _statement_file(folder, files)
    key = file.parent / ("aura-verifier.pub" if file.name.startswith("aura-") else "verifier.pub")
    return _Found(_content(file), lambda: signing.load_public(key), {})


def _statement_file(folder: Path, files: Manifest) -> Path:
    for name in STATEMENT_NAMES:
        if name in files:
            return folder / name
    raise NotFound(
        f"There is no signed statement in {folder}.",
        hint=f"A delivery has {STATEMENT_NAMES[1]}, or notes on its commit (git fetch REPOSITORY "
        "'refs/notes/aura*:refs/notes/NAME/aura*'); or name it: --statement.",
    )


def _trust(keys: Path, found: _Found, key: Path | None) -> Trust:
    """The key that was named, that of the home, or the one that came with the statement."""
    if key is not None:
        return Trust(signing.load_public(key), "you named it")
    own = signing.public_file(keys)
    if own.exists():
        return Trust(signing.load_public(own), "it is the key of this home's verifier")
    return Trust(found.keys(), "it came with the files, so whoever altered them could have replaced it")


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}.", hint="Name the signed statement.") from error


def _left_out(folder: Path) -> list[str]:
    """Folders that are no part of a tree and were not looked at, but for git's."""
    found: list[str] = []
    for place, folders, _ in os.walk(folder):
        skipped = [name for name in folders if name in SKIPPED]
        found += [str((Path(place) / name).relative_to(folder)) for name in skipped if name != ".git"]
        folders[:] = [name for name in folders if name not in SKIPPED]
    return sorted(found)
