"""`aura judge` as people use it: the table of gates, the page, and a signed statement about the folder."""

import base64
import json
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from governance import signing
from tests.acceptance.cli import Aura
from tests.integration.house import Sample
from tests.unit.repositories import git, needs_git
from tests.unit.test_working_tree import put, repository
from verification.gates.pipeline import GATES

pytestmark = pytest.mark.needs_sandbox


@pytest.fixture
def aura(tmp_path: Path) -> Aura:
    return Aura(tmp_path).inside()


@pytest.fixture
def sample() -> Sample:
    return Sample(1)


def folder(aura: Aura, name: str, files: dict[str, str]) -> str:
    (aura.folder / name).mkdir()
    for path, content in files.items():
        (aura.folder / name / path).write_text(content)
    return name


def holds(text: str, number: int) -> bool:
    """Whether a text contains a number as a whole word, and not as a part of a digest."""
    return re.search(rf"\b{number}\b", text) is not None


@pytest.mark.slow
@pytest.mark.ci
def test_a_folder_is_judged_shown_and_attested(aura: Aura, sample: Sample) -> None:
    file, right = aura.requirement(sample), folder(aura, "right", sample.right("T1"))
    key = aura.folder / "my.key"
    made = Ed25519PrivateKey.generate()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key.write_bytes(made.private_bytes(pem, pkcs8, serialization.NoEncryption()))
    key.chmod(0o600)
    public = aura.folder / "my.pub"
    public.write_bytes(signing.public_pem(made.public_key()))
    (aura.folder / right / "verdict.json").write_text("{}")  # a delivery's own verdict, given before this one
    written = ("--html", "page.html", "--attest", "right/verdict.intoto.jsonl", "--key", "my.key")
    text = aura.text("judge", file, right, "--seed", "7", *written)
    header = next(line for line in text.splitlines() if line.startswith("gate "))
    assert header.split() == ["gate", "grade", "result", "seconds", "text"]
    named = [line.split()[0] for line in text.partition(header)[2].strip().splitlines() if line]
    assert named[: len(GATES)] == [gate.name for gate in GATES]
    page = (aura.folder / "page.html").read_text()
    assert "aura judge adders.md right --seed 7" in page
    assert not holds(page, 2 * sample.numbers["T1"]), "sealed values are quoted where they failed, and nowhere else"
    check = ("attestation", "verify", right, "--key", "my.pub")
    said = aura.json(*check)
    assert said["result"] in ("PASSED", "WARNED")
    judged = aura.json("judge", file, right, "--seed", "7")
    assert said["tree"] == judged["tree"]
    assert [gate["gate"] for gate in judged["gates"]] == [gate.name for gate in GATES]
    for altered, content in (
        ("verdict.json", '{"verified": true}'),
        (*sample.right("T1"), "def add(n):\n    return 1\n"),
    ):
        before = (aura.folder / "right" / altered).read_text()
        (aura.folder / "right" / altered).write_text(content)
        assert aura.json(*check, code=6)["code"] == "altered"
        (aura.folder / "right" / altered).write_text(before)
    assert aura.json(*check)["tree"] == judged["tree"]


def test_a_rejection_is_shown_and_attested_as_one(aura: Aura, sample: Sample) -> None:
    file, wrong = aura.requirement(sample), folder(aura, "wrong", sample.wrong("T1"))
    signing.load_or_create(aura.home / "keys")
    written = ("--html", "page.html", "--attest", "wrong/verdict.intoto.jsonl")
    said = aura.run("judge", file, wrong, "--json", *written)
    assert said.code == 1
    assert json.loads(said.out)["data"]["verified"] is False
    assert "Rejected" in (aura.folder / "page.html").read_text()
    envelope = json.loads((aura.folder / "wrong" / "verdict.intoto.jsonl").read_text())
    assert holds((aura.folder / "page.html").read_text(), 2 * sample.numbers["T1"]), "control: the Director's page does"
    assert not holds(base64.b64decode(envelope["payload"]).decode(), 2 * sample.numbers["T1"])
    assert aura.json("attestation", "verify", wrong, code=1)["code"] == "rejected"


def test_what_cannot_be_signed_or_written_is_told_before_or_after(aura: Aura, sample: Sample) -> None:
    file, right = aura.requirement(sample), folder(aura, "right", sample.right("T1"))
    assert "signing key" in aura.json("judge", file, right, "--attest", "x", code=3)["message"]
    assert "--attest" in aura.json("judge", file, right, "--key", "x", code=2)["hint"]
    assert "cannot be written" in aura.json("judge", file, right, "--html", "none/x.html", code=2)["message"]


@pytest.mark.slow
def test_packaging_beside_the_work_is_tried_as_it_stands(aura: Aura, sample: Sample) -> None:
    """Whoever installs the folder gets what its packaging makes of it, whether its author may write there or not."""
    file, right = aura.requirement(sample), folder(aura, "right", sample.right("T1"))
    assert aura.json("judge", file, right)["verified"] is True
    packaging = aura.folder / right / "pyproject.toml"
    head = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    packaging.write_text(
        head + '[project]\nname = "other"\nversion = "1"\n[tool.hatch.build.targets.wheel]\nonly-include = []\n'
    )
    said = json.loads(aura.run("judge", file, right, "--json").out)["data"]
    assert [each["kind"] for each in said["findings"]] == ["smoke_failed"]


@pytest.mark.slow
@pytest.mark.ci
@needs_git
def test_a_work_tree_is_judged_against_its_base(aura: Aura, sample: Sample) -> None:
    """Packaging and README lie outside the scope, and tools have left files; the control changes the README."""
    packaging = b"[build-system]\nrequires = ['hatchling']\nbuild-backend = 'hatchling.build'\n"
    packaging += b"[project]\nname = 'adders'\nversion = '1'\n"
    repository(
        aura.folder / "base", {"pyproject.toml": packaging, "README.md": b"# Adders\n", ".gitignore": b"*.log\n"}
    )
    file = Path(aura.requirement(sample))
    text = (aura.folder / file).read_text().replace("deliver: library", "deliver: library\nbase: {repo: base}", 1)
    (aura.folder / file).write_text(text)
    git(aura.folder, "clone", "-q", "base", "work")
    put(aura.folder / "work", {path: content.encode() for path, content in sample.right("T1").items()})
    put(aura.folder / "work", {"a.egg-info/PKG-INFO": b"", "x.log": b"", ".venv/bin/python": b""})
    judged = aura.json("judge", str(file), "work")
    assert judged["verified"]
    assert judged["handed_in"]["left_out"] == [".venv/", "a.egg-info/", "x.log"]
    put(aura.folder / "work", {"README.md": b"# Changed\n"})
    said = aura.run("judge", str(file), "work", "--json")
    assert said.code == 1
    found = json.loads(said.out)["data"]["findings"]
    assert [(each["kind"], each["path"]) for each in found] == [("outside_scope", "README.md")]
