"""Behind `aura judge`: a folder as a tree, the verdict on it, and how it is shown."""

import os
import secrets
import shlex
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import msgspec

from agents.delivery.packaging import delivered_tree, packaging_files, proof_names
from director.reports.junit import junit_xml
from director.reports.remarks import Places
from director.reports.sarif import sarif_json
from director.reports.verdict_html import verdict_page
from director.reports.verdict_view import VerdictView
from director.reports.workflow_commands import workflow_commands
from director.settings import Settings
from director.terminal.output import Door
from domain.errors import Failed, Invalid, LimitReached, NotFound
from domain.tree import Entry, Tree, digest_of, manifest_of
from governance import signing
from verification.gates.base import Origin
from verification.judge import judge
from verification.packages.libraries import libraries_of, lock_of
from verification.requirements.base_tree import base_of
from verification.requirements.link_rules import text_fault
from verification.requirements.model import Requirement
from verification.requirements.parser import read_requirement
from verification.requirements.scope import in_scope
from verification.sandbox.choice import open_sandbox
from verification.tree_limits import TREE_BYTES_MAX, TREE_FILES_MAX
from verification.verdict.attestation import Basis, key_hex, sign, statement_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SEED_MAX = 2**31
SKIPPED = frozenset({".git", "__pycache__", ".pytest_cache", ".venv"})


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a person asks of a verdict. `html`, `attest`: files to write; `key`: signs, instead of the home's.

    `format`: of the answer, a key of FORMATS; else text or JSON, as the door has it.
    """

    seed: int | None = None
    format: str = "text"
    allow_degraded: bool = False
    html: Path | None = None
    attest: Path | None = None
    key: Path | None = None


async def judge_folder(settings: Settings, file: Path, folder: Path, door: Door, wanted: Wanted) -> None:
    """Judge a folder. Raises Failed (exit 1) when it is rejected."""
    signer = _signer(settings, wanted)
    requirement = read_requirement(file)
    whole = read_tree(folder)
    if requirement.dependencies:  # as it is delivered
        lock = await lock_of(requirement, settings.libraries, door.note)
        requirement = msgspec.structs.replace(requirement, lock=lock)
    tree = own_files(requirement, whole)
    base = base_of(requirement, file.parent)
    installed = await libraries_of(requirement, settings.libraries, door.note)
    box = open_sandbox(settings.boxes())
    try:
        verdict = await judge(
            requirement,
            tree,
            sandbox=box,
            seed=secrets.randbelow(SEED_MAX) if wanted.seed is None else wanted.seed,
            base=None if base is None else base.files,
            origin=None if base is None else Origin(files=base.files, outcomes=settings.base_outcomes),
            libraries=installed,
            packaged=delivered_tree(requirement, tree).with_tree(whole),  # what stands there is what will be installed
            allow_degraded=wanted.allow_degraded,
        )
    finally:
        await box.close()
    view = VerdictView(
        verdict=verdict,
        requirement=requirement,
        about=f"The folder {folder}",
        again=again(file, folder, verdict.seed, degraded=wanted.allow_degraded),
        signer=key_hex(signer.public_key()) if signer else "",
        base_commit=base.commit if base else None,
    )
    if signer is not None and wanted.attest is not None:
        basis = Basis(
            evidence=digest_of(msgspec.json.encode(verdict, order="sorted")),
            files=manifest_of(tree),
            delivered=_around(whole, tree),
            base_commit=base.commit if base else None,
        )
        write_file(wanted.attest, sign(statement_of(verdict, requirement, basis), signer) + b"\n")
    if wanted.html is not None:
        write_file(wanted.html, verdict_page(view).encode())
    _answer(view, door, wanted.format, Places(str(file), _below_here(folder)))


FORMATS: dict[str, Callable[[VerdictView, Places], str]] = {
    "junit": junit_xml,
    "sarif": sarif_json,
    "github": workflow_commands,
}
"""Forms of the answer for CI systems; what they say is what an author may be told."""


def _below_here(folder: Path) -> str:
    """The way from the working directory to a folder below it, with which the paths of a report begin."""
    here = Path.cwd()
    return folder.absolute().relative_to(here).as_posix() if folder.absolute().is_relative_to(here) else ""


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
    """What a delivery has put around the tree: its own verdict too, which is another one than this."""
    names = proof_names(tree.paths())
    without = {*tree.paths(), names.readme, names.statement, names.key}
    return whole.kept(lambda path: path not in without).manifest()


def again(file: str | Path, folder: str | Path, seed: int, *, degraded: bool) -> str:
    """The command that judges the same with the same seed."""
    words = ["aura", "judge", str(file), str(folder), "--seed", str(seed)]
    return shlex.join(words + (["--allow-degraded"] if degraded else []))


def write_file(path: Path, content: bytes) -> None:
    """Write what a person asked for. Raises Invalid."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Invalid(
            f"{path} cannot be written: {error.strerror}.", hint="Name a file in a folder of yours."
        ) from error


def read_tree(folder: Path) -> Tree:
    """The tree of a folder. No link is followed; links that lead out of it and specials are refused.

    Caches and .git are left out.
    """
    if not folder.is_dir():
        raise NotFound(f"There is no folder {folder}.", hint="Name the folder that holds the code.")
    files: dict[str, bytes] = {}
    links: dict[str, str] = {}
    executable: set[str] = set()
    total = 0
    for place, folders, names in os.walk(folder, onerror=_cannot_read):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in sorted(names) + [name for name in folders if (Path(place) / name).is_symlink()]:
            path = Path(place) / name
            inside, status = path.relative_to(folder).as_posix(), path.lstat()
            _may_be_named(path)
            total += status.st_size
            if len(files) + len(links) >= TREE_FILES_MAX or total > TREE_BYTES_MAX:
                raise LimitReached(
                    f"{folder} holds more than {TREE_FILES_MAX} files or {TREE_BYTES_MAX} bytes: {path} is too much.",
                    hint="Judge the project alone, without its environment and data.",
                )
            try:
                if stat.S_ISLNK(status.st_mode):
                    links[inside] = os.readlink(path)
                elif stat.S_ISREG(status.st_mode):
                    files[inside] = _content(path)
                    executable |= {inside} if status.st_mode & stat.S_IXUSR else set()
                else:
                    raise Invalid(f"{path} is not a regular file.", hint="Remove special files from the tree.")
            except OSError as error:
                _cannot_read(error)
    tree = Tree(files, executable=frozenset(executable), links=links)
    for inside in sorted(links):
        if (fault := text_fault(inside, tree)) is not None:
            raise Invalid(f"{folder / inside} {fault}.", hint="Remove the link, or make it lead to a path of the tree.")
    return tree


def _may_be_named(path: Path) -> None:
    """Raise Invalid for a path whose name is not UTF-8."""
    if any("\udc80" <= sign <= "\udcff" for sign in path.name):
        shown = os.fsencode(path).decode(errors="replace")
        raise Invalid(f"{shown} has a name that is not UTF-8.", hint="Rename it, or remove it from the tree.")


def _content(path: Path) -> bytes:
    """The bytes of a regular file, and never of what a link leads to."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        return file.read()


def _cannot_read(error: OSError) -> NoReturn:
    """What is there and cannot be read must not be missing from what is judged."""
    raise Invalid(
        f"{error.filename} cannot be read: {error.strerror}.", hint="Let this user read the whole folder."
    ) from error


def own_files(requirement: Requirement, tree: Tree) -> Tree:
    """The tree without what a delivery adds (packaging, lock, README, acceptance cases, verdict): it is not judged."""
    written = [path for path in tree.paths() if in_scope(path, requirement.scope)]
    added = (packaging_files(requirement, written).keys() | set(proof_names(written))) - set(written)
    return tree.kept(lambda path: path not in added)
