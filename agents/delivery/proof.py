"""The proof of a delivery on a base: verdict, statement, key, acceptance tests and text. It is not part of the fix."""

import io
import shlex
import shutil
import tarfile
from collections.abc import Collection, Mapping
from pathlib import Path

from agents.delivery.acceptance_tests import acceptance_files
from agents.delivery.atomic_rename import put
from agents.delivery.override_names import override_names
from agents.delivery.packaging import Signed, proof_names
from agents.delivery.property_tests import property_files
from domain.run_messages import Proof
from domain.tree import Entry, manifest_of
from verification.requirements.model import BaseTestChange, Requirement

PROOF_FOLDER = ".proof"
"""Suffix of the folder that contains the proof. The folder is next to the delivery's repository."""
PROOF_BRANCH = "-proof"
"""Suffix of a proof branch: `NAME-proof` contains the proof of the branch `NAME`."""
PREFIX = "proof:"
"""Prefix of a proof file's path in a statement. The statement lists the files of the fix and the tests of the proof."""
TESTS = "tests/acceptance"
CHANGED_TESTS = "changed-tests"
"""Folder of a proof for tests that the requirement adds to the base or changes there. They keep their project paths."""
LOCK = "requirements.lock"
NAMES = proof_names(())
OVERRIDE_NAMES = override_names(())
NOTES: Mapping[str, str] = {
    NAMES.readme: "aura",
    NAMES.verdict: "aura-verdict",
    NAMES.statement: "aura-statement",
    NAMES.key: "aura-key",
    OVERRIDE_NAMES.verdict: "aura-override",
    OVERRIDE_NAMES.statement: "aura-override-statement",
    OVERRIDE_NAMES.key: "aura-override-key",
}
"""Proof file -> the ref below refs/notes that contains it. All other files are one archive in the ref TESTS_NOTE."""
TESTS_NOTE = "aura-tests"
_STATEMENT = """
{statement} is signed by the verifier (in-toto, DSSE) and is about exactly the files of the delivered
commit. If Aura is installed, this command checks in a checkout of it whether each file is the judged file:
```
aura attestation verify .
```
The key came with the delivery, so it does not prove who signed. Give a key that you trust with `--key`.
"""
_CASES = f"""
The acceptance cases are tests that run anywhere. Put `{TESTS}` into a copy of the code, then:
```
python -m pytest {TESTS}
```
"""
_CHANGED = f"""
`{CHANGED_TESTS}` has the tests that the requirement adds to the project or changes. The fix does not contain them.
These commands copy the tests into a checkout of the fix and run them:
```
cp -R {CHANGED_TESTS}/. .
python -m pytest {{files}}
```
"""
_WHERE: Mapping[Proof, str] = {
    "notes": """This text, the verdict, the signed statement, its key and the tests are git notes on the delivered
commit:
```
git notes --ref=aura-verdict show
git notes --ref=aura-statement show
git notes --ref=aura-key show
{unpack}```
`git fetch` gets notes only if you name them. Store them under a NAME for each delivery, so that none is overwritten:
`git fetch REPOSITORY 'refs/notes/aura*:refs/notes/NAME/aura*'`, and then `git notes --ref=NAME/aura-verdict show`.
""",
    "folder": "The verdict, the signed statement, its key and the tests are the files beside this one.\n",
    "branch": "The verdict, the signed statement, its key and the tests are the files of this branch.\n",
}


def proof_files(
    requirement: Requirement, verdict_json: bytes, summary: str, signed: Signed | None, place: Proof
) -> dict[str, bytes]:
    """Return all files of the proof by path. `summary`: one paragraph for the text of the proof."""
    tests = _tests(requirement)
    files = {NAMES.verdict: verdict_json, NAMES.readme: _prose(requirement, summary, signed, place, tests)}
    if signed is not None:
        files |= {NAMES.statement: signed.statement, NAMES.key: signed.key}
    return files | tests


def write_folder(folder: Path, proof: Mapping[str, bytes]) -> None:
    """Create a folder that contains the proof. An existing folder is not changed. This function blocks."""
    if folder.exists():
        return
    building = folder.with_name(f".{folder.name}.building")
    shutil.rmtree(building, ignore_errors=True)  # remains of a process that was killed
    for path, content in proof.items():
        (building / path).parent.mkdir(parents=True, exist_ok=True)
        (building / path).write_bytes(content)
    put(building, folder)


def proof_beside(folder: Path) -> dict[str, bytes]:
    """Return the proof of a delivery that is checked out in a folder. The function searches notes, folder and branch.
    It returns {} if there is no proof.
    """
    from agents.delivery import proof_objects

    place = folder.absolute()
    beside = place.with_name(f"{place.name}{PROOF_FOLDER}")
    if notes := proof_in_notes(proof_objects.notes_on_head(folder)):
        return notes
    if beside.is_dir():
        return {path.relative_to(beside).as_posix(): path.read_bytes() for path in beside.rglob("*") if _plain(path)}
    return proof_objects.proof_branch(folder, PROOF_BRANCH)


def _plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def proof_manifest(requirement: Requirement) -> dict[str, Entry]:
    """Return the parts of the proof that a statement names: its tests and its lock."""
    return {f"{PREFIX}{path}": entry for path, entry in manifest_of(_tests(requirement)).items()}


def notes_of(proof: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return name of a notes ref -> its note on the delivered commit."""
    notes = {NOTES[path]: content for path, content in proof.items() if path in NOTES}
    others = {path: content for path, content in proof.items() if path not in NOTES}
    return notes | ({TESTS_NOTE: _archive(others)} if others else {})


def proof_in_notes(notes: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of a proof from its notes. Only regular files are read from the archive."""
    files = {path: notes[name] for path, name in NOTES.items() if name in notes}
    if TESTS_NOTE in notes:
        with tarfile.open(fileobj=io.BytesIO(notes[TESTS_NOTE])) as archive:
            for member in archive.getmembers():
                content = archive.extractfile(member) if member.isreg() else None
                if content is not None:
                    files.setdefault(member.name, content.read())
    return files


def _archive(files: Mapping[str, bytes]) -> bytes:
    """Return the files as a tar archive. The same files give the same bytes. File names may have any length."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(files):
            member = tarfile.TarInfo(path)
            member.size = len(files[path])
            archive.addfile(member, io.BytesIO(files[path]))
    return written.getvalue()


def _laid_over(requirement: Requirement) -> list[BaseTestChange]:
    """Return the visible tests that the requirement adds to the base or changes there."""
    return [change for each in requirement.criteria for sealed, change in each.changes if not sealed]


def _tests(requirement: Requirement) -> dict[str, bytes]:
    """Return the tests of the proof, and its lock. This function reads no sealed cases."""
    criteria = requirement.criteria
    files = {} if requirement.lock is None else {LOCK: requirement.lock}
    files |= {
        f"{CHANGED_TESTS}/{path}": content
        for change in _laid_over(requirement)
        for path, content in change.files.items()
    }
    if any(each.cases or each.suite or each.properties for each in criteria):
        files |= acceptance_files(requirement, TESTS, "test_acceptance.py")
        files |= property_files(requirement, TESTS, "test_properties.py")
    return files


def _prose(
    requirement: Requirement, summary: str, signed: Signed | None, place: Proof, tests: Collection[str]
) -> bytes:
    criteria = "\n".join(f"- {criterion.id}: {' '.join(criterion.says.split())}" for criterion in requirement.criteria)
    where = _WHERE[place].format(unpack=f"git notes --ref={TESTS_NOTE} show | tar -x\n" if tests else "")
    statement = _STATEMENT.format(statement=f"`{NAMES.statement}`") if signed else ""
    cases = _CASES if any(path.startswith(f"{TESTS}/") for path in tests) else ""
    changes = _laid_over(requirement)
    named = {test.partition("::")[0] for change in changes for test in (*change.must_pass, *change.keep_passing)}
    changed = _CHANGED.format(files=" ".join(map(shlex.quote, sorted(named)))) if changes else ""
    return f"""# {" ".join(requirement.title.split())}

{summary.strip()}

## What it does
{criteria}

## Proof
{where}{statement}{cases}{changed}""".encode()
