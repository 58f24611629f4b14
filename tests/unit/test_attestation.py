"""The signed statement: its content, the absence of sealed data, and the detection of every alteration."""

import base64
import json
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import structs

from domain.errors import AuraError, Differs, Forbidden, Invalid, NotFound
from domain.tree import FORMER_ALGORITHM, Entry, Tree, digest_of, from_version_1, hex_of, manifest_of, tree_digest
from governance import signing
from verification.requirements.model import Budget, Case, Criterion, Requirement, Step
from verification.verdict import attestation
from verification.verdict.attestation import Basis, named_key, sign, statement_of, verify
from verification.verdict.model import CriterionResult, Finding, GateResult, Verdict
from verification.verdict.statement import Resource, Statement

SECRET = "sealed-input-81c2"
TREE = {"slug.py": b"def slug(text):\n    return text\n", "tree": b"a file of that name\n"}
LATEST = {"auraKind": "link", "target": "slug.py"}
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


def requirement() -> Requirement:
    case = Case(steps=(Step(action="call", target="slug:slug", args=(SECRET,)),), line=3)
    return Requirement(
        title="Slugs",
        deliver="library",
        language="python",
        scope=("slug.py",),
        budget=Budget(usd=1, tokens=1, minutes=1),  # type: ignore[arg-type]  # of no account here
        criteria=(Criterion(id="A1", says="it makes slugs", cases=(), sealed=(case,)),),
        tasks=(),
        prose="",
        source=b"the requirement",
        sealed_source=SECRET.encode(),
        sealed_fixtures={f"fixtures/{SECRET}": SECRET.encode()},
    )


def verdict(*, verified: bool = True, noted: bool = False) -> Verdict:
    found = Finding(kind="sealed_failed", criterion="A1", detail=f"expected {SECRET}", for_author="criterion A1 failed")
    return Verdict(
        verified=verified,
        tree=tree_digest(manifest_of(TREE)),
        grade="C",
        criteria=(
            CriterionResult(
                id="A1", passed=verified, visible_passed=0, visible_total=0, sealed_passed=0, sealed_total=1
            ),
        ),
        findings=() if verified else (found,),
        seed=7,
        sandbox="bubblewrap 0.11.0",
        not_held=("tree memory",),
        wall_s=1.5,
        gates=(
            GateResult(gate="form", grade="C", result="passed", seconds=0.1),
            GateResult(gate="cases", grade="C", result="passed" if verified else "failed", seconds=0.1, text=SECRET),
            GateResult(gate="own_tests", grade="A", result="noted" if noted else "not_run", seconds=0.1),
        ),
        image="1" * 64,
    )


def basis() -> Basis:
    return Basis(
        evidence="2" * 64,
        files=manifest_of(TREE),
        delivered=from_version_1({"pyproject.toml": "3" * 64}),
        base_commit="4" * 40,
    )


def envelope(statement: Statement | None = None) -> dict[str, Any]:
    opened: dict[str, Any] = json.loads(sign(statement or statement_of(verdict(), requirement(), basis()), KEY))
    return opened


def payload(opened: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(opened["payload"]))
    return found


def test_the_statement_has_the_form_of_the_specification() -> None:
    opened = envelope()
    assert set(opened) == {"payload", "payloadType", "signatures"}
    assert opened["payloadType"] == "application/vnd.in-toto+json"
    said = payload(opened)
    assert said["_type"] == "https://in-toto.io/Statement/v1"
    assert said["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert said["subject"] == [
        {"name": "tree", "digest": {"auraTree2": hex_of(verdict().tree)}},
        {"name": "slug.py", "digest": {"sha256": digest_of(TREE["slug.py"])}},
        {"name": "tree", "digest": {"sha256": digest_of(TREE["tree"])}},
    ]
    predicate = said["predicate"]
    assert predicate["result"] == "PASSED"
    assert predicate["passedTests"] == ["criterion:A1", "gate:form", "gate:cases"]
    assert (predicate["warnedTests"], predicate["failedTests"]) == ([], [])
    assert predicate["auraDelivery"] == [{"name": "pyproject.toml", "digest": {"sha256": "3" * 64}}]
    configured = {each["name"]: each for each in predicate["configuration"]}
    assert list(configured) == ["requirement", "sealed cases", "sealed fixtures", "base", "image", "verdict"]
    assert configured["requirement"]["digest"] == {"sha256": digest_of(b"the requirement")}
    assert configured["base"]["digest"] == {"gitCommit": "4" * 40}
    told = configured["verdict"]["annotations"]
    assert (told["seed"], told["notHeld"], told["notRun"]) == (7, ["tree memory"], ["own_tests"])
    assert (told["grade"], told["criteria"]) == ("C", {"A1": "C"})
    assert told["grades"] == {"form": "C", "cases": "C", "own_tests": "A"}


def test_its_result_is_that_of_the_verdict() -> None:
    def result(given: Verdict) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        said = statement_of(given, requirement(), basis()).predicate
        return said.result, said.warned_tests, said.failed_tests

    assert result(verdict()) == ("PASSED", (), ())
    assert result(verdict(noted=True)) == ("WARNED", ("gate:own_tests",), ())
    rejected = ("FAILED", ("gate:own_tests",), ("criterion:A1", "gate:cases"))
    assert result(verdict(verified=False, noted=True)) == rejected


def test_the_verdict_on_a_tasks_share_names_no_files() -> None:
    said = statement_of(verdict(), requirement(), Basis(evidence="2" * 64))
    assert said.files() == {}
    assert said.tree() == verdict().tree
    assert statement_of(verdict(), requirement(), basis()).files() == manifest_of(TREE), "control"


def test_a_statement_says_what_stands_at_each_path() -> None:
    tree = Tree(TREE, executable=frozenset({"slug.py"}), links={"latest": "slug.py"}, submodules={"lib": "5" * 40})
    said = statement_of(verdict(), requirement(), Basis(evidence="2" * 64, files=tree.manifest()))
    assert said.files() == tree.manifest()
    assert [payload(envelope(said))["subject"][at] for at in (1, 2, 3)] == [
        {"name": "latest", "digest": {"auraLink": digest_of(b"slug.py")}, "annotations": LATEST},
        {"name": "lib", "digest": {"gitCommit": "5" * 40}, "annotations": {"auraKind": "submodule"}},
        {
            "name": "slug.py",
            "digest": {"sha256": digest_of(TREE["slug.py"])},
            "annotations": {"auraKind": "executable"},
        },
    ]


def test_a_link_whose_text_is_not_the_one_of_its_digest_is_no_entry_of_any_tree() -> None:
    link = Resource(name="latest", digest={"auraLink": digest_of(b"slug.py")}, annotations=LATEST)
    for annotations, target in ((LATEST, "slug.py"), ({**LATEST, "target": "/etc/passwd"}, "")):
        said = statement_of(verdict(), requirement(), basis())
        said = structs.replace(said, subject=(structs.replace(link, annotations=annotations),))
        assert said.files() == {"latest": Entry(kind="link", target=target)}


def test_a_statement_of_before_names_its_tree_by_the_former_algorithm() -> None:
    former = tree_digest(manifest_of(TREE), FORMER_ALGORITHM)
    said = statement_of(structs.replace(verdict(), tree=former), requirement(), basis())
    assert said.tree() == former
    assert said.subject[0].digest == {"auraTree": former}
    present = statement_of(verdict(), requirement(), basis())
    assert (present.tree(), present.files()) == (verdict().tree, said.files()), "control"


def test_a_tree_too_large_to_be_listed_is_named_by_its_digest() -> None:
    """The envelope must fit into a blob, or no verdict could be kept."""
    many = {f"{number}/" + "x" * 250 + ".py": "5" * 64 for number in range(attestation.FILES_BYTES_MAX // 370)}
    for extra, listed in (({}, True), ({f"y{number}.py": "5" * 64 for number in range(9000)}, False)):
        said = statement_of(verdict(), requirement(), Basis(evidence="2" * 64, files=from_version_1(many | extra)))
        assert bool(said.files()) is listed
        signed = sign(said, KEY)
        assert len(signed) <= attestation.ENVELOPE_BYTES_MAX
        assert verify(signed, KEY.public_key()).tree() == verdict().tree


def test_nothing_sealed_is_in_it() -> None:
    rejected = verdict(verified=False)
    said = msgspec.json.encode(statement_of(rejected, requirement(), basis()))
    assert SECRET.encode() in msgspec.json.encode(rejected), "control: it is in the verdict"
    assert SECRET.encode() not in said
    assert b"A1" in said


def test_what_was_signed_is_read_again() -> None:
    statement = statement_of(verdict(), requirement(), basis())
    signed = sign(statement, KEY)
    assert b"\n" not in signed
    assert verify(signed, KEY.public_key()) == statement
    assert named_key(signed) == KEY.public_key()
    urlsafe = json.loads(signed)
    urlsafe["payload"] = urlsafe["payload"].replace("+", "-").replace("/", "_")
    urlsafe["signatures"][0]["sig"] = urlsafe["signatures"][0]["sig"].replace("+", "-").replace("/", "_")
    assert verify(json.dumps(urlsafe).encode(), KEY.public_key()) == statement


def test_the_bytes_that_are_signed_are_those_of_the_specification() -> None:
    """The example of DSSE's protocol, version 1.0.0."""
    encoded = attestation.signed_bytes("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_another_key_is_refused() -> None:
    signed = sign(statement_of(verdict(), requirement(), basis()), KEY)
    with pytest.raises(Differs, match="signature"):
        verify(signed, OTHER.public_key())
    verify(signed, KEY.public_key())


def test_the_key_that_an_envelope_names_is_believed_by_nobody() -> None:
    forged = envelope()
    forged["signatures"][0]["keyid"] = KEY.public_key().public_bytes_raw().hex()
    forged["signatures"][0]["sig"] = json.loads(sign(statement_of(verdict(), requirement(), basis()), OTHER))[
        "signatures"
    ][0]["sig"]
    with pytest.raises(Differs):
        verify(json.dumps(forged).encode(), KEY.public_key())


def test_every_altered_byte_of_the_payload_is_found() -> None:
    honest = envelope(statement_of(verdict(verified=False), requirement(), basis()))
    content = base64.b64decode(honest["payload"])
    for place in range(0, len(content), 7):
        altered = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        with pytest.raises(Differs):
            verify(json.dumps({**honest, "payload": base64.b64encode(altered).decode()}).encode(), KEY.public_key())
    assert content.count(b"FAILED") == 1
    passed = base64.b64encode(content.replace(b"FAILED", b"PASSED")).decode()
    with pytest.raises(Differs):
        verify(json.dumps({**honest, "payload": passed}).encode(), KEY.public_key())
    assert verify(json.dumps(honest).encode(), KEY.public_key()).predicate.result == "FAILED"


def resigned(kind: str, body: bytes) -> bytes:
    sig = base64.b64encode(KEY.sign(attestation.signed_bytes(kind, body))).decode()
    whole = {"payload": base64.b64encode(body).decode(), "payloadType": kind, "signatures": [{"sig": sig}]}
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        (b"", Invalid),
        (b"{}", Invalid),
        (b"[]", Invalid),
        (json.dumps({**envelope(), "payload": "%%%"}).encode(), Invalid),
        (json.dumps({**envelope(), "payload": "ä"}).encode(), Invalid),
        (json.dumps({**envelope(), "signatures": []}).encode(), Differs),
        (json.dumps({**envelope(), "signatures": [{"sig": ""}]}).encode(), Differs),
        (json.dumps({**envelope(), "payloadType": "text/plain"}).encode(), Differs),
        (resigned("text/plain", base64.b64decode(envelope()["payload"])), Invalid),
        (resigned(attestation.PAYLOAD_TYPE, b"{}"), Invalid),
        (resigned(attestation.PAYLOAD_TYPE, b"\xff"), Invalid),
        (
            resigned(attestation.PAYLOAD_TYPE, base64.b64decode(envelope()["payload"]).replace(b"/v0.1", b"/v9.1")),
            Invalid,
        ),
        (
            resigned(attestation.PAYLOAD_TYPE, base64.b64decode(envelope()["payload"]).replace(b'"PASSED"', b'"FINE"')),
            Invalid,
        ),
        (b" " * (attestation.ENVELOPE_BYTES_MAX + 1), Invalid),
    ],
)
def test_what_is_no_statement_is_refused(broken: bytes, kind: type[AuraError]) -> None:
    with pytest.raises(kind):
        verify(broken, KEY.public_key())
    verify(resigned(attestation.PAYLOAD_TYPE, base64.b64decode(envelope()["payload"])), KEY.public_key())


def test_fields_of_others_are_ignored() -> None:
    said = payload(envelope())
    more = {**said, "later": 1, "predicate": {**said["predicate"], "url": "https://example.com", "more": []}}
    signed = resigned(attestation.PAYLOAD_TYPE, json.dumps(more).encode())
    assert verify(signed, KEY.public_key()) == statement_of(verdict(), requirement(), basis())


def test_the_key_is_made_once_and_is_the_verifiers_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    first = signing.load_or_create(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["verifier.ed25519", "verifier.ed25519.pub"]
    private, public = folder / signing.VERIFIER, signing.public_file(folder)
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert b"PRIVATE" not in public.read_bytes()
    assert signing.load_public(public) == first.public_key() == signing.load_or_create(folder).public_key()
    private.chmod(0o644)
    with pytest.raises(Forbidden, match="Other users can read"):
        signing.load(private)
    private.chmod(0o600)
    public.write_bytes(b"stale")
    signing.load_or_create(folder)
    assert signing.load_public(public) == first.public_key()


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no signing key"):
        signing.load(tmp_path / "none")
    with pytest.raises(NotFound, match="cannot be read"):
        signing.load_public(tmp_path / "none")
    wrong = tmp_path / "wrong"
    of_another_kind = generate_private_key(SECP256R1())
    for content in (b"", b"key", signing.public_pem(KEY.public_key())):
        wrong.write_bytes(content)
        wrong.chmod(0o600)
        with pytest.raises(Invalid, match="not a private key"):
            signing.load(wrong)
    pem = serialization.Encoding.PEM
    wrong.write_bytes(
        of_another_kind.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    with pytest.raises(Invalid, match="Ed25519"):
        signing.load(wrong)
    wrong.write_bytes(of_another_kind.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(Invalid, match="Ed25519"):
        signing.load_public(wrong)
    wrong.write_bytes(signing.public_pem(KEY.public_key()))
    assert signing.load_public(wrong) == KEY.public_key()
