"""`aura diff`: the changes of a run as a diff that git can apply, and a proof as notes on a commit."""

import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from msgspec.structs import replace

from agents.delivery.commit_plan import BaseClone, ProofPlan
from agents.delivery.proof import LOCK, NAMES, notes_of, proof_beside, proof_files, proof_in_notes, proof_manifest
from agents.delivery.repository import build_repository
from director.services.changes import _file_diff, _what
from domain.tree import DELETED, Entry, Tree
from tests.unit.repositories import git, needs_git, plan
from tests.unit.test_attestation import requirement
from verification.requirements.model import BaseTestChange, Case, Criterion, Step

BEFORE = Tree({"a.py": b"a\nb\n", "gone.py": b"g\n", "run.sh": b"r\n", "end.txt": b"x"}, links={"l": "a.py"})
AFTER = Tree(
    {"a.py": b"a\nB\n", "new.py": b"n\n", "run.sh": b"r\n", "end.txt": b"y", "empty": b""},
    executable=frozenset({"run.sh"}),
    links={"l": "new.py"},
)


def diff() -> str:
    before, after = BEFORE.manifest(), AFTER.manifest()
    parts = [
        "".join(_file_diff(path, before.get(path, DELETED), after.get(path, DELETED), BEFORE, AFTER))
        for path in sorted({*before, *after})
        if before.get(path) != after.get(path)
    ]
    return "".join(parts)


@needs_git
def test_git_takes_the_diff_and_makes_the_same_of_it(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    for path, content in BEFORE.items():
        (tmp_path / path).write_bytes(content)
    (tmp_path / "l").symlink_to("a.py")
    git(tmp_path, "add", "-A")
    (tmp_path / "change.diff").write_text(diff())
    git(tmp_path, "apply", "--index", "change.diff")
    files = {path: (tmp_path / path).read_bytes() for path in AFTER}
    assert files == dict(AFTER)
    assert not (tmp_path / "gone.py").exists()
    assert ((tmp_path / "l").readlink(), (tmp_path / "run.sh").stat().st_mode & 0o111) == (Path("new.py"), 0o111)


def test_it_says_what_became_of_each_path() -> None:
    file = Entry(kind="file", digest="1" * 64)
    assert (_what(DELETED, file), _what(file, DELETED), _what(file, replace(file, kind="executable"))) == (
        "added",
        "deleted",
        "changed",
    )
    binary = Tree({"b": b"\0"})
    assert "Binary files /dev/null and b/b differ\n" in list(
        _file_diff("b", DELETED, binary.manifest()["b"], Tree({}), binary)
    )


def asked() -> dict[str, bytes]:
    case = Case(steps=(Step(action="call", target="slug:slug", args=("a",)),), line=3)
    visible = Criterion(id="A1", says="it makes slugs", cases=(case,))
    of = replace(requirement(), criteria=(visible,), lock=b"slug==1 --hash=sha256:0\n")
    assert set(proof_manifest(of)) == {f"proof:{path}" for path in proof_files(of, b"{}", "Done.", None, "notes")} - {
        f"proof:{NAMES.readme}",
        f"proof:{NAMES.verdict}",
    }
    return proof_files(of, b"{}", "Done.", None, "notes")


def test_notes_hold_the_whole_proof_and_the_same_proof_is_the_same_bytes() -> None:
    proof = asked()
    assert {NAMES.readme, NAMES.verdict, LOCK, "tests/acceptance/test_acceptance.py"} <= proof.keys()
    notes = notes_of(proof)
    assert set(notes) == {"aura", "aura-verdict", "aura-tests"}
    assert proof_in_notes(notes) == proof
    assert notes == notes_of(dict(reversed(proof.items())))


def laid_over() -> dict[str, bytes]:
    """Return the proof of a requirement that only replaces tests of the base. Some of its tests are sealed."""
    long = f"tests/{'long' * 40}/test_b.py"
    shown = BaseTestChange(files={"tests/test_a.py": b"a\n", long: b"b\n"}, must_pass=("tests/test_a.py::test_it",))
    sealed = BaseTestChange(files={"tests/test_c.py": b"c\n"}, must_pass=("tests/test_c.py::test_it",))
    one = Criterion(id="A1", says="it is so", cases=(), over_base=shown, sealed_over_base=sealed)
    proof = proof_files(replace(requirement(), criteria=(one,)), b"{}", "Done.", None, "notes")
    assert proof_in_notes(notes_of(proof)) == proof
    return proof


def test_tests_that_are_laid_over_the_bases_come_with_the_proof_and_sealed_ones_do_not() -> None:
    proof = laid_over()
    long = f"changed-tests/tests/{'long' * 40}/test_b.py"
    assert proof.keys() == {NAMES.readme, NAMES.verdict, "changed-tests/tests/test_a.py", long}
    assert proof["changed-tests/tests/test_a.py"] == b"a\n"


def test_the_prose_names_the_tests_that_there_are() -> None:
    laid, cases = laid_over()[NAMES.readme].decode(), asked()[NAMES.readme].decode()
    assert "cp -R changed-tests/. .\npython -m pytest tests/test_a.py\n" in laid
    assert "tests/acceptance" not in laid
    assert "python -m pytest tests/acceptance\n" in cases
    assert "changed-tests" not in cases
    nothing = replace(requirement(), criteria=(Criterion(id="A1", says="it is so", cases=()),))
    proof = proof_files(nothing, b"{}", "Done.", None, "notes")
    assert proof.keys() == {NAMES.readme, NAMES.verdict}
    assert "aura-tests" not in proof[NAMES.readme].decode()


def test_an_archive_of_strangers_brings_plain_files_alone() -> None:
    written = BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for name, kind in (("ok", tarfile.REGTYPE), ("l", tarfile.SYMTYPE), ("d", tarfile.DIRTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    assert proof_in_notes({"aura-tests": written.getvalue()}) == {"ok": b""}


@needs_git
@pytest.mark.parametrize("place", ["notes", "branch"])
def test_a_proof_is_put_beside_the_commit_and_found_there(tmp_path: Path, place: str) -> None:
    site = tmp_path / "site"
    site.mkdir()
    git(site, "init", "-q", "-b", "main")
    (site / "a.py").write_text("a\n")
    git(site, "add", "-A")
    git(site, "commit", "-q", "-m", "one")
    proof = asked()
    put = ProofPlan(notes=notes_of(proof)) if place == "notes" else ProofPlan(files=proof, branch="aura/1-proof")
    folder, base = tmp_path / "delivery", BaseClone(repo=site, ref="main")
    commit = build_repository(folder, (plan({"b.py": b""}),), branch="aura/1", base=base, proof=put)
    assert proof_beside(folder) == proof
    assert git(folder, "diff", "--name-only", "origin/main", commit).split() == ["b.py"]
    git(folder, "fsck", "--strict", "--full")
    plain = tmp_path / "plain"
    build_repository(plain, (plan({"b.py": b""}),), branch="aura/1", base=base)
    assert proof_beside(plain) == {}, "control"
    assert proof_beside(tmp_path / "nowhere") == {}


@needs_git
def test_notes_of_two_deliveries_stand_side_by_side_and_each_commit_has_its_own(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    git(site, "init", "-q", "-b", "main")
    (site / "a.py").write_text("a\n")
    git(site, "add", "-A")
    git(site, "commit", "-q", "-m", "one")
    proofs = {name: {**asked(), NAMES.verdict: name.encode()} for name in ("one", "two")}
    for name, proof in proofs.items():
        base, put = BaseClone(repo=site, ref="main"), ProofPlan(notes=notes_of(proof))
        commits = (plan({f"{name}.py": b""}),)
        build_repository(tmp_path / name, commits, branch=f"aura/{name}", base=base, proof=put)
    for name in proofs:
        git(site, "fetch", "-q", str(tmp_path / name), f"aura/{name}", f"refs/notes/aura*:refs/notes/{name}/aura*")
        git(site, "checkout", "-q", "FETCH_HEAD")
        assert proof_beside(site) == proofs[name]
        assert git(site, "notes", f"--ref={name}/aura-verdict", "show") == name
