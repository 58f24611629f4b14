"""The services that judge, check and look up verdicts: they take values, return structs, and print nothing."""

import os
from pathlib import Path

import pytest

from director.services.attestations import FolderCheck, check_folder, verifier_key
from director.services.judge import JudgeRequest, judge_source
from director.services.judged_source import Source, read_source
from director.services.verdicts import recorded_verdict
from director.settings import Settings
from domain.errors import Differs, Invalid, NotFound, Unavailable
from governance import signing
from tests.unit.test_attestation import KEY, verdict
from tests.unit.test_attested_folder import delivered
from verification.requirements.parser import read_requirement
from verification.verdict.attestation import verify

REQUIREMENT = """---
aura: 1
title: Double
deliver: library
scope: ["double.py"]
budget: {usd: "0", tokens: 0, minutes: 5}
---
```yaml acceptance
- id: A1
  says: it doubles
  cases:
    - {call: "double:double", args: [2], returns: 4}
    - {call: "double:double", args: [3], returns: 6}
```
"""


def test_what_is_printed_is_seen(capfd: pytest.CaptureFixture[str]) -> None:
    """Control of the other tests."""
    os.write(1, b"control")
    assert said(capfd) == "control"


def said(capfd: pytest.CaptureFixture[str]) -> str:
    """Return all text that was written to stdout and stderr."""
    return "".join(capfd.readouterr())


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith("AURA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AURA_HOME", str(tmp_path / "home"))
    return Settings()


def source(folder: Path, code: str | None) -> Source:
    file, tree = folder / "double.md", folder / "work"
    file.write_text(REQUIREMENT)
    tree.mkdir(exist_ok=True)
    if code is not None:
        (tree / "double.py").write_text(code)
    return Source(file=file, folder=tree)


@pytest.mark.needs_sandbox
async def test_judge_returns_the_verdict_and_the_signed_statement(
    tmp_path: Path, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    key = signing.load_or_create(settings.keys)
    progress: list[str] = []
    request = JudgeRequest(source=source(tmp_path, None), seed=7, allow_degraded=True, attest=True)
    judged = await judge_source(request, settings, progress.append)
    view = judged.view
    assert (view.verdict.verified, view.verdict.seed) == (False, 7)
    assert [reason.findings for reason in view.reasons] == [(0, 1)], "the module is missing: one reason"
    assert view.places.requirement == str(tmp_path / "double.md")
    assert judged.statement is not None
    assert verify(judged.statement.strip(), key.public_key()).predicate.result == "FAILED"
    request = JudgeRequest(source=source(tmp_path, "def double(n):\n    return 2 * n\n"), allow_degraded=True)
    right = await judge_source(request, settings, progress.append)
    assert right.view.verdict.verified, right.view.verdict.findings
    assert (right.view.reasons, right.statement) == ((), None), "control"
    assert said(capfd) == ""


async def test_what_cannot_be_judged_is_an_error(
    tmp_path: Path, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    given = source(tmp_path, None)
    with pytest.raises(Invalid, match="--attest"):
        await judge_source(JudgeRequest(source=given, key=tmp_path / "key"), settings)
    with pytest.raises(NotFound):
        await judge_source(JudgeRequest(source=given, attest=True), settings)
    with pytest.raises(NotFound):
        await judge_source(JudgeRequest(source=Source(file=given.file, folder=tmp_path / "none")), settings)
    assert said(capfd) == ""


def test_a_source_is_read_as_a_tree(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    given = source(tmp_path, "x = 1\n")
    judged = read_source(read_requirement(given.file), given)
    assert judged.tree() == {"double.py": b"x = 1\n"}
    assert said(capfd) == ""


def test_a_folder_is_checked_and_a_key_is_read(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    keys, folder = tmp_path / "keys", delivered(tmp_path / "delivery")
    checked = check_folder(FolderCheck(folder=folder), keys)
    assert (checked.refusal(), checked.not_covered) == (None, ("README.md",))
    assert checked.data()["result"] == "PASSED"
    rejected = check_folder(FolderCheck(folder=delivered(tmp_path / "rejected", verdict(verified=False))), keys)
    assert "criterion:A1" in str(rejected.refusal())
    (folder / "slug.py").write_bytes(b"")
    with pytest.raises(Differs, match=r"slug\.py was altered"):
        check_folder(FolderCheck(folder=folder), keys)
    with pytest.raises(NotFound):
        verifier_key(keys)
    made = signing.load_or_create(keys)
    assert verifier_key(keys).key == made.public_key().public_bytes_raw().hex() != checked.key
    assert checked.key == KEY.public_key().public_bytes_raw().hex()
    assert said(capfd) == ""


async def test_a_verdict_of_an_organisation_that_does_not_run_is_an_error(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    """`integration/test_attested.py` looks up a verdict that is there."""
    with pytest.raises(Unavailable):
        await recorded_verdict(settings, "last")
    assert said(capfd) == ""
