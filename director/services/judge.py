"""Behind `aura judge`: a folder as a tree, the verdict on it, and how it is shown."""

import secrets
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agents.delivery.packaging import delivered_tree, proof_names
from director.reports.junit import junit_xml
from director.reports.remarks import Places
from director.reports.sarif import sarif_json
from director.reports.verdict_html import verdict_page
from director.reports.verdict_view import VerdictView
from director.reports.workflow_commands import workflow_commands
from director.services.judged_source import Judged, Source, read_source
from director.settings import Settings
from director.terminal.escape import visible
from director.terminal.output import Door
from domain.errors import Failed, Invalid
from domain.tree import Entry, Tree, digest_of, manifest_of
from governance import signing
from verification.gates.base import Origin
from verification.judge import judge
from verification.packages.base_preparation import prepared
from verification.packages.libraries import libraries_of, lock_of
from verification.requirements.base_tree import BaseTree
from verification.requirements.model import Requirement
from verification.requirements.parser import read_requirement
from verification.sandbox.choice import open_sandbox
from verification.verdict.attestation import Basis, key_hex, sign, statement_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SEED_MAX = 2**31


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The options of a verdict. `html`, `attest`: files to write; `key`: signs, instead of the home's.

    `format`: of the answer, a key of FORMATS; else text or JSON, as the door has it.
    """

    seed: int | None = None
    format: str = "text"
    allow_degraded: bool = False
    html: Path | None = None
    attest: Path | None = None
    key: Path | None = None


async def judge_source(settings: Settings, source: Source, door: Door, wanted: Wanted) -> None:
    """Judge a folder or a commit. Raises Failed (exit 1) when it is rejected."""
    signer = _signer(settings, wanted)
    source.check()
    requirement = read_requirement(source.file)
    if requirement.dependencies:  # as it is delivered
        lock = await lock_of(requirement, settings.libraries, door.note)
        requirement = msgspec.structs.replace(requirement, lock=lock)
    judged = read_source(requirement, source)
    for note in judged.notes:
        door.note(visible(note))
    requirement, base, tree = judged.requirement, judged.base, judged.tree()
    box = open_sandbox(settings.boxes())
    try:
        if base is not None:
            requirement = await prepared(
                requirement,
                base,
                libraries=settings.libraries,
                kept=settings.base_builds,
                sandbox=box,
                say=door.note,
            )
        installed = await libraries_of(requirement, settings.libraries, door.note)
        verdict = await judge(
            requirement,
            tree,
            sandbox=box,
            seed=secrets.randbelow(SEED_MAX) if wanted.seed is None else wanted.seed,
            base=None if base is None else base.files,
            origin=None if base is None else _origin(requirement, base, settings),
            libraries=installed,
            packaged=_packaged(requirement, tree, judged),
            allow_degraded=wanted.allow_degraded,
        )
    finally:
        await box.close()
    view = VerdictView(
        verdict=verdict,
        requirement=requirement,
        about=judged.about,
        again=again(*judged.words, seed=verdict.seed, degraded=wanted.allow_degraded),
        handed_in=judged.data,
        signer=key_hex(signer.public_key()) if signer else "",
        base_commit=base.commit if base else None,
    )
    if signer is not None and wanted.attest is not None:
        basis = Basis(
            evidence=digest_of(msgspec.json.encode(verdict, order="sorted")),
            files=manifest_of(tree),
            delivered=_around(judged.whole, tree),
            base_commit=base.commit if base else None,
        )
        write_file(wanted.attest, sign(statement_of(verdict, requirement, basis), signer) + b"\n")
    if wanted.html is not None:
        write_file(wanted.html, verdict_page(view).encode())
    _answer(view, door, wanted.format, Places(str(source.file), judged.below))


def _origin(requirement: Requirement, base: BaseTree, settings: Settings) -> Origin:
    return Origin(
        files=base.files,
        described=requirement.described,
        generated=requirement.generated,
        outcomes=settings.base_outcomes,
    )


FORMATS: dict[str, Callable[[VerdictView, Places], str]] = {
    "junit": junit_xml,
    "sarif": sarif_json,
    "github": workflow_commands,
}
"""Forms of the answer for CI systems; what they say is what an author may be told."""


def _answer(view: VerdictView, door: Door, form: str, places: Places) -> None:
    verdict = view.verdict
    if verdict.not_held:
        door.note(f"Degraded: this machine's sandbox does not hold {', '.join(verdict.not_held)}.")
    text = FORMATS[form](view, places) if form in FORMATS else view.text()
    if verdict.verified:
        door.answer(view.data(), text)
        return
    if not door.as_json:
        door.say(text)
    kinds = ", ".join(dict.fromkeys(finding.kind for finding in verdict.findings))
    door.fail(Failed(f"Rejected: {kinds}.", hint="The findings say where.", code="rejected"), view.data())


def _signer(settings: Settings, wanted: Wanted) -> "Ed25519PrivateKey | None":
    """The key to sign with, read before anything is judged. Raises Invalid, NotFound, Forbidden."""
    if wanted.attest is None:
        if wanted.key is not None:
            raise Invalid("--key signs what --attest writes.", hint="Add --attest FILE, or leave --key out.")
        return None
    return signing.load(wanted.key or settings.keys / signing.VERIFIER)


def _around(whole: Tree, tree: Tree) -> dict[str, Entry]:
    """Return the files that a delivery has put around the tree, without its own verdict: that is another one."""
    names = proof_names(tree.paths())
    without = {*tree.paths(), names.readme, names.statement, names.key}
    return whole.kept(lambda path: path not in without).manifest()


def _packaged(requirement: Requirement, tree: Tree, judged: Judged) -> Tree | None:
    """Return the tree with the packaging of its delivery. A delivery on a base adds none: it holds the fix alone."""
    if judged.base is not None:
        return None
    return delivered_tree(requirement, tree).with_tree(judged.whole)  # what stands there is what will be installed


def again(*words: str, seed: int, degraded: bool) -> str:
    """The command that judges the same with the same seed; `words` name what is judged."""
    given = ["aura", "judge", *words, "--seed", str(seed)]
    return shlex.join(given + (["--allow-degraded"] if degraded else []))


def write_file(path: Path, content: bytes) -> None:
    """Write what a person asked for. Raises Invalid."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Invalid(
            f"{path} cannot be written: {error.strerror}.", hint="Name a file in a folder of yours."
        ) from error
