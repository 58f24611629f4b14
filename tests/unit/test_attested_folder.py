"""`aura attestation verify`: an honest folder is genuine. An altered folder, statement or key is detected."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.delivery.packaging import Signed, delivery_files, packaging_manifest
from domain.tree import contents_of, digest_of, manifest_of, tree_digest
from governance import signing
from tests.acceptance.cli import Aura
from tests.unit.test_attestation import KEY, OTHER, TREE, requirement, verdict
from verification.verdict.attestation import Basis, sign, statement_of
from verification.verdict.model import Verdict

VERDICT = b"{}"


def delivered(folder: Path, given: Verdict | None = None, tree: dict[str, bytes] = TREE) -> Path:
    """Return a delivery as the manager builds it."""
    basis = Basis(
        evidence=digest_of(VERDICT), files=manifest_of(tree), delivered=packaging_manifest(requirement(), tree)
    )
    signed = Signed(
        statement=sign(statement_of(given or verdict(), requirement(), basis), KEY) + b"\n",
        key=signing.public_pem(KEY.public_key()),
    )
    for path, content in (tree | delivery_files(requirement(), tree, VERDICT, "Done.", signed)).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return delivered(tmp_path / "delivery")


@pytest.fixture
def aura(tmp_path: Path) -> Aura:
    return Aura(tmp_path).inside()


def verified(aura: Aura, folder: Path, *options: str, code: int = 0) -> dict[str, Any]:
    return aura.json("attestation", "verify", str(folder), *options, code=code)


def test_an_honest_delivery_is_genuine(aura: Aura, folder: Path) -> None:
    said = verified(aura, folder)
    assert said["result"] == "PASSED"
    assert said["files"] == contents_of(manifest_of(TREE))
    assert said["not_covered"] == ["README.md"]
    assert "it came with the files" in said["trust"]
    assert "criterion:A1" in said["tests"]["passed"]
    text = aura.text("attestation", "verify", str(folder))
    assert "Genuine: 2 files are exactly as judged" in text
    assert "aura attestation verify ." in (folder / "README.md").read_text()


def write(path: str, content: bytes) -> Callable[[Path], None]:
    def altered(folder: Path) -> None:
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)

    return altered


def without(path: str) -> Callable[[Path], None]:
    return lambda folder: (folder / path).unlink()


def linked(folder: Path) -> None:
    (folder / "slug.py").rename(folder.parent / "slug.py")
    (folder / "slug.py").symlink_to(folder.parent / "slug.py")


def linked_inside(folder: Path) -> None:
    (folder / "slug.py").rename(folder / "copy")
    (folder / "slug.py").symlink_to("copy")


def runnable(folder: Path) -> None:
    (folder / "slug.py").chmod(0o755)


def payload(folder: Path) -> None:
    file = folder / "verdict.intoto.jsonl"
    opened = json.loads(file.read_bytes())
    place = len(opened["payload"]) // 2 // 4 * 4
    sign_ = "A" if opened["payload"][place] != "A" else "B"
    opened["payload"] = opened["payload"][:place] + sign_ + opened["payload"][place + 1 :]
    file.write_text(json.dumps(opened))


ALTERED = [
    (write("slug.py", TREE["slug.py"] + b"# one more\n"), "slug.py was altered"),
    (without("slug.py"), "slug.py is missing"),
    (write("json.py", b"import os\n"), "json.py was added"),
    (write("conftest.py", b""), "conftest.py was added"),
    (write("pyproject.toml", b"[build-system]\n"), "pyproject.toml was altered"),
    (write("tests/acceptance/test_acceptance.py", b""), "test_acceptance.py was altered"),
    (write("verdict.json", b"[]"), "verdict.json was altered"),
    (linked, "link to an absolute path"),
    (linked_inside, "slug.py was altered"),
    (runnable, "slug.py was altered"),
    (payload, "signature"),
    (write("verifier.pub", signing.public_pem(OTHER.public_key())), "signature"),
]


@pytest.mark.parametrize(("alter", "said"), ALTERED)
def test_an_altered_delivery_is_not(aura: Aura, folder: Path, alter: Callable[[Path], None], said: str) -> None:
    verified(aura, folder)
    alter(folder)
    assert said in verified(aura, folder, code=6)["message"]


def test_what_is_covered_by_nothing_may_change(aura: Aura, folder: Path) -> None:
    (folder / "README.md").write_text("Another one.\n")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "slug.cpython-311.pyc").write_bytes(b"")
    said = verified(aura, folder)
    assert said["not_covered"] == ["README.md"]
    assert said["not_looked_at"] == ["__pycache__"]
    assert "Delete these folders before you run" in aura.text("attestation", "verify", str(folder))


def test_the_key_that_is_named_counts_and_then_that_of_the_home(aura: Aura, folder: Path, tmp_path: Path) -> None:
    keys = {"right": KEY, "other": OTHER}
    for name, key in keys.items():
        (tmp_path / name).write_bytes(signing.public_pem(key.public_key()))
    assert verified(aura, folder, "--key", str(tmp_path / "right"))["trust"] == "you named it"
    assert verified(aura, folder, "--key", str(tmp_path / "other"), code=6)["code"] == "signature"
    signing.load_or_create(aura.home / "keys")
    assert verified(aura, folder, code=6)["code"] == "signature"
    (aura.home / "keys" / "verifier.ed25519.pub").write_bytes((tmp_path / "right").read_bytes())
    assert "this home" in verified(aura, folder)["trust"]


def test_a_delivery_that_was_signed_again_by_a_stranger_is_caught_by_a_named_key(aura: Aura, folder: Path) -> None:
    basis = Basis(
        evidence=digest_of(VERDICT), files=manifest_of(TREE), delivered=packaging_manifest(requirement(), TREE)
    )
    forged = sign(statement_of(verdict(), requirement(), basis), OTHER)
    (folder / "verdict.intoto.jsonl").write_bytes(forged)
    (folder / "verifier.pub").write_bytes(signing.public_pem(OTHER.public_key()))
    trusted = folder.parent / "trusted.pub"
    trusted.write_bytes(signing.public_pem(KEY.public_key()))
    assert "could also replace the key" in verified(aura, folder)["trust"]
    assert verified(aura, folder, "--key", str(trusted), code=6)["code"] == "signature"


def test_a_signed_rejection_is_no_verified_delivery(aura: Aura, tmp_path: Path) -> None:
    rejected = delivered(tmp_path / "rejected", verdict(verified=False))
    said = verified(aura, rejected, code=1)
    assert "criterion:A1" in said["message"]


def test_a_tree_with_files_of_the_same_names_keeps_them(aura: Aura, tmp_path: Path) -> None:
    tree = TREE | {"verdict.intoto.jsonl": b"mine\n", "verifier.pub": b"mine\n", "README.md": b"mine\n"}
    given = verdict()
    fields = {name: getattr(given, name) for name in given.__struct_fields__}
    own = delivered(tmp_path / "own", Verdict(**fields | {"tree": tree_digest(manifest_of(tree))}), tree)
    assert (own / "verdict.intoto.jsonl").read_bytes() == b"mine\n"
    assert verified(aura, own)["not_covered"] == ["DELIVERY.md"]
    (own / "README.md").write_bytes(b"yours\n")
    assert "README.md was altered" in verified(aura, own, code=6)["message"]


def test_what_a_base_has_in_a_folder_of_caches_is_looked_at(aura: Aura, tmp_path: Path) -> None:
    tree = TREE | {"pkg/__pycache__/old.pyc": b"kept by the base\n"}
    fields = {name: getattr(verdict(), name) for name in verdict().__struct_fields__}
    folder = delivered(tmp_path / "based", Verdict(**fields | {"tree": tree_digest(manifest_of(tree))}), tree)
    assert verified(aura, folder)["files"] == contents_of(manifest_of(tree))
    (folder / "pkg/__pycache__/old.pyc").write_bytes(b"another\n")
    assert "old.pyc was altered" in verified(aura, folder, code=6)["message"]


def test_a_folder_without_a_statement_is_told_so(aura: Aura, folder: Path, tmp_path: Path) -> None:
    os.rename(folder / "verdict.intoto.jsonl", tmp_path / "elsewhere")
    assert verified(aura, folder, code=3)["code"] == "not_found"
    pub = str(folder / "verifier.pub")
    assert verified(aura, folder, "--statement", str(tmp_path / "elsewhere"), "--key", pub)["result"] == "PASSED"


def test_the_homes_key_is_told(aura: Aura) -> None:
    assert aura.json("attestation", "key", code=3)["code"] == "not_found"
    made = signing.load_or_create(aura.home / "keys")
    said = aura.json("attestation", "key")
    assert said["key"] == made.public_key().public_bytes_raw().hex()
    assert said["pem"].encode() == signing.public_pem(made.public_key())


def test_the_lines_of_the_page_do_it_with_python_alone(folder: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "verdict.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"^```python verify\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(lines.splitlines()) <= 18

    def run() -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-I", "-c", lines, str(folder), str(folder / "verifier.pub")]
        return subprocess.run(argv, capture_output=True, text=True, check=False)

    said = run()
    assert said.returncode == 0, said.stderr
    assert said.stdout.split()[1:3] == ["PASSED", "criterion:A1"]
    honest = (folder / "slug.py").read_bytes()
    (folder / "slug.py").write_bytes(honest + b"\n")
    assert (run().returncode, run().stderr) == (1, "slug.py was altered\n")
    (folder / "slug.py").write_bytes(honest)
    payload(folder)
    assert "InvalidSignature" in run().stderr
