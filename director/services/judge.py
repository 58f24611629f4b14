"""Judges a folder or a commit with the whole verdict pipeline, without servers."""

import secrets
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from agents.delivery.packaging import delivered_tree, proof_names
from director.reports.places import Places
from director.reports.verdict_view import VerdictView
from director.services.degraded import require_limits
from director.services.judged_source import Judged, Source, read_source
from director.settings import Settings
from director.terminal.degraded_text import degraded_text
from domain.errors import Invalid
from domain.tree import Entry, Tree, digest_of, manifest_of
from governance import signing
from verification.gates.base import Origin
from verification.judge import Candidate, judge
from verification.packages.base_preparation import prepared
from verification.packages.libraries import libraries_of, lock_of
from verification.requirements.base_tree import BaseTree
from verification.requirements.model import Requirement
from verification.requirements.parser import read_requirement
from verification.sandbox.base import Sandbox
from verification.sandbox.choice import open_sandbox
from verification.verdict.attestation import Basis, key_hex, sign, statement_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SEED_MAX = 2**31
Progress = Callable[[str], None]
"""Called with each line of progress. A line may quote text from outside Aura."""


@dataclass(frozen=True, kw_only=True)
class JudgeRequest:
    """A request to judge. `seed` None: a new seed. `attest`: make a statement, signed with `key` or the home's key.

    `allow_degraded`: judge even if the sandbox cannot hold every limit.
    """

    source: Source
    seed: int | None = None
    allow_degraded: bool = False
    attest: bool = False
    key: Path | None = None


@dataclass(frozen=True, kw_only=True)
class JudgedTree:
    """The verdict on a tree. `statement`: the signed statement as one line; None if it was not requested."""

    view: VerdictView
    statement: bytes | None = None


async def judge_source(request: JudgeRequest, settings: Settings, progress: Progress = lambda _: None) -> JudgedTree:
    """Judge a folder or a commit. A rejection is a result, not an error.

    Raises Invalid, NotFound and LimitReached for a tree that cannot be judged or signed, Unavailable without a sandbox,
    and Refused if this machine's sandbox cannot hold every limit and the missing limits are not accepted.
    """
    signer = _signer(request, settings)
    request.source.check()
    requirement = read_requirement(request.source.file)
    if requirement.dependencies:  # judge with the lock that a delivery would have
        lock = await lock_of(requirement, settings.libraries, progress)
        requirement = msgspec.structs.replace(requirement, lock=lock)
    judged = read_source(requirement, request.source)
    for note in judged.notes:
        progress(note)
    box = open_sandbox(settings.boxes())
    try:
        not_held = (await box.probe()).not_held
        await require_limits(settings, not_held, allow_degraded=request.allow_degraded)
        requirement = await _prepared(judged, settings, box, progress)
        libraries = await libraries_of(requirement, settings.libraries, progress)
        verdict = await judge(
            _candidate(requirement, judged, settings, libraries),
            sandbox=box,
            seed=secrets.randbelow(SEED_MAX) if request.seed is None else request.seed,
            allow_degraded=True,  # `require_limits` has checked it
        )
    finally:
        await box.close()
    view = VerdictView(
        verdict=verdict,
        requirement=requirement,
        about=judged.about,
        again=again(*judged.words, seed=verdict.seed, degraded=request.allow_degraded),
        handed_in=judged.data,
        signer=key_hex(signer.public_key()) if signer else "",
        base_commit=judged.base.commit if judged.base else None,
        places=Places(str(request.source.file), judged.below),
        degraded=degraded_text(verdict.not_held, {} if request.allow_degraded else {settings.machine_id: ""}),
    )
    return JudgedTree(view=view, statement=_statement(view, judged, signer) if signer else None)


async def _prepared(judged: Judged, settings: Settings, box: Sandbox, progress: Progress) -> Requirement:
    """Return the requirement with the dependencies of its base and the files that a build of the base generates."""
    if judged.base is None:
        return judged.requirement
    return await prepared(
        judged.requirement,
        judged.base,
        libraries=settings.libraries,
        kept=settings.base_builds,
        sandbox=box,
        say=progress,
    )


def _candidate(requirement: Requirement, judged: Judged, settings: Settings, libraries: Path | None) -> Candidate:
    """Return the tree to judge, with its base if it has one."""
    tree = judged.tree()
    return Candidate(
        requirement=requirement,
        tree=tree,
        base=judged.base.files if judged.base else None,
        origin=_origin(requirement, judged.base, settings) if judged.base else None,
        libraries=libraries,
        packaged=_packaged(requirement, tree, judged),
    )


def _origin(requirement: Requirement, base: BaseTree, settings: Settings) -> Origin:
    return Origin(
        files=base.files,
        described=requirement.described,
        generated=requirement.generated,
        outcomes=settings.base_outcomes,
    )


def _signer(request: JudgeRequest, settings: Settings) -> "Ed25519PrivateKey | None":
    """Read the signing key before anything is judged; None without --attest. Raises Invalid, NotFound, Forbidden."""
    if not request.attest:
        if request.key is not None:
            raise Invalid("--key needs --attest.", hint="Add --attest FILE, or leave --key out.")
        return None
    return signing.load(request.key or settings.keys / signing.VERIFIER)


def _statement(view: VerdictView, judged: Judged, signer: "Ed25519PrivateKey") -> bytes:
    """Return the signed statement about the verdict, as one line."""
    tree = judged.tree()
    basis = Basis(
        evidence=digest_of(msgspec.json.encode(view.verdict, order="sorted")),
        files=manifest_of(tree),
        delivered=_around(judged.whole, tree),
        base_commit=view.base_commit,
    )
    return sign(statement_of(view.verdict, view.requirement, basis), signer) + b"\n"


def _around(whole: Tree, tree: Tree) -> dict[str, Entry]:
    """Return the files that a delivery has added to the tree, without the files of its earlier verdict."""
    names = proof_names(tree.paths())
    without = {*tree.paths(), names.readme, names.statement, names.key}
    return whole.kept(lambda path: path not in without).manifest()


def _packaged(requirement: Requirement, tree: Tree, judged: Judged) -> Tree | None:
    """Return the tree with the packaging of its delivery; None with a base, because no packaging is added to a base."""
    if judged.base is not None:
        return None
    return delivered_tree(requirement, tree).with_tree(judged.whole)  # existing files replace generated ones


def again(*words: str, seed: int, degraded: bool) -> str:
    """Return the command that judges the same tree with the same seed. `words` are the arguments that name the tree."""
    given = ["aura", "judge", *words, "--seed", str(seed)]
    return shlex.join(given + (["--allow-degraded"] if degraded else []))
