"""Verdicts on the log and in a delivery. Only the verifier signs them."""

import asyncio
import re
import shlex
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from director.services.verdicts import recorded_verdict
from director.settings import Settings
from domain import run_messages, task
from domain.message import Recorded
from domain.tree import digest_of, manifest_of
from governance import signing
from tests.acceptance.cli import Aura
from tests.integration.house import House, Sample, of
from verification.judge import judge
from verification.verdict.attestation import verify

pytestmark = pytest.mark.needs_sandbox


async def test_every_verdict_is_signed_and_the_delivery_carries_the_last_one(
    house: House, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    sample = Sample(1)
    (path,) = sample.right("T1")
    await house.hire("anna", {"T1": [sample.wrong("T1"), sample.right("T1")]})
    async with house.running(judge=judge):
        run = await house.submit(sample)
        log = await house.until_type(run, "run.delivered")
    key = signing.load_public(signing.public_file(house.home / "keys"))
    said = {}
    for kind in ("task.rejected", "task.verified", "run.verified"):
        (recorded,) = of(log, run, kind)
        assert isinstance(recorded.event, task.Verified | task.Rejected | run_messages.Verified)
        told = recorded.event.judgement
        said[kind] = verify(await house.blobs.get(told.attestation), key)
        assert said[kind].tree() == told.tree
        kept = said[kind].configured("verdict")
        assert kept is not None
        assert kept.digest == {"sha256": told.evidence}
        assert kept.annotations["seed"] == told.seed
    assert {kind: each.predicate.result == "FAILED" for kind, each in said.items()} == {
        "task.rejected": True,
        "task.verified": False,
        "run.verified": False,
    }
    last = said["run.verified"]
    (delivered,) = of(log, run, "run.delivered")
    assert isinstance(delivered.event, run_messages.Delivered)
    folder = Path(delivered.event.folder)
    beside = (folder / "verdict.intoto.jsonl").read_bytes()
    assert beside.endswith(b"}\n")
    assert verify(beside, signing.load_public(folder / "verifier.pub")) == last
    files = {name: (folder / name).read_bytes() for name in (*last.files(), *last.delivered())}
    assert manifest_of(files) == last.files() | last.delivered()
    assert set(last.files()) == {path}
    assert {"pyproject.toml", "tests/acceptance/test_acceptance.py"} <= set(last.delivered())
    kept = last.configured("verdict")
    assert kept is not None
    assert kept.digest == {"sha256": digest_of((folder / "verdict.json").read_bytes())}
    sealed = last.configured("sealed cases")
    assert sealed is not None
    assert sealed.digest == {"sha256": digest_of(sample.sealed)}
    twice = re.compile(rb"\b%d\b" % (2 * sample.numbers["T1"]))
    assert twice.search(sample.sealed), "control"
    assert not twice.search(msgspec.json.encode(list(said.values())))
    assert not twice.search((folder / "verdict.json").read_bytes())
    await _looked_up(house, log, run, monkeypatch, capfd)


async def _looked_up(
    house: House,
    log: list[Recorded],
    run: UUID,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Check that the service of `aura verdict` returns each verdict and prints nothing."""
    for name, value in (("HOME", house.home), ("NATS_URL", house.nats_url), ("POSTGRES_DSN", house.postgres_dsn)):
        monkeypatch.setenv(f"AURA_{name}", str(value))
    (rejected,), (merged,) = of(log, run, "task.rejected"), of(log, run, "run.verified")
    assert isinstance(merged.event, run_messages.Verified)
    capfd.readouterr()
    last = await recorded_verdict(Settings(), str(run))
    former = await recorded_verdict(Settings(), str(rejected.seq))
    assert "".join(capfd.readouterr()) == ""
    assert (last.view.recorded["event"], last.view.reasons) == (merged.seq, ())
    assert last.signed().strip() == await house.blobs.get(merged.event.judgement.attestation)
    assert (former.view.recorded["type"], len(former.view.reasons)) == ("task.rejected", 2)
    assert former.view.reasons[0].place.startswith("criterion A1, at line ")


class Told:
    """`aura` in this process, on the servers of the test organisation."""

    def __init__(self, house: House, folder: Path) -> None:
        self.aura = Aura(folder).inside()
        self.aura.home = house.home
        self.aura.environment |= {
            "AURA_HOME": str(house.home),
            "AURA_NATS_URL": house.nats_url,
            "AURA_POSTGRES_DSN": house.postgres_dsn,
        }

    async def json(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        return await asyncio.to_thread(self.aura.json, *arguments, code=code)

    async def text(self, *arguments: str) -> str:
        return await asyncio.to_thread(self.aura.text, *arguments)


@pytest.mark.slow
@pytest.mark.ci
async def test_a_verdict_on_record_is_shown_whole(house: House, tmp_path: Path) -> None:
    sample, aura = Sample(1), Told(house, tmp_path)
    await house.hire("anna", {"T1": [sample.wrong("T1"), sample.right("T1")]})
    async with house.running(judge=judge):
        run = await house.submit(sample)
        log = await house.until_type(run, "run.delivered")
    (rejected,), (merged,) = of(log, run, "task.rejected"), of(log, run, "run.verified")
    assert isinstance(merged.event, run_messages.Verified)
    page, line = tmp_path / "verdict.html", tmp_path / "verdict.intoto.jsonl"
    said = await aura.json("verdict", str(run)[:13], "--html", str(page), "--attest", str(line))
    kept = msgspec.json.decode(await house.blobs.get(merged.event.judgement.evidence))
    assert {name: said[name] for name in kept} == kept
    assert said["recorded"]["event"] == merged.seq
    assert (
        said["recorded"]["signer"] == signing.load_or_create(house.home / "keys").public_key().public_bytes_raw().hex()
    )
    assert kept["tree"] in page.read_text()
    assert line.read_bytes().strip() == await house.blobs.get(merged.event.judgement.attestation)
    for which in (str(rejected.seq), str(rejected.envelope.id)):
        said = await aura.json("verdict", which)
        assert (said["verified"], said["recorded"]["type"]) == (False, "task.rejected")
    text = await aura.text("verdict", str(rejected.seq))
    assert "T1, anna" in text
    assert [line.split()[:2] for line in text.splitlines() if line.startswith("cases ")] == [["cases", "C"]]
    assert (await aura.json("verdict", "1", code=2))["code"] == "invalid"
    assert (await aura.json("verdict", "99999", code=3))["code"] == "not_found"
    assert f"aura verdict {str(run)[:13]}" in await aura.text("run", "show", str(run))
    assert f"aura verdict {merged.seq}" in await aura.text("why", str(merged.seq))
    (delivered,) = of(log, run, "run.delivered")
    assert isinstance(delivered.event, run_messages.Delivered)
    assert "this home" in (await aura.json("attestation", "verify", delivered.event.folder))["trust"]
    again = (await aura.text("verdict")).partition("To repeat this verdict: ")[2].splitlines()[0]
    (tmp_path / "REQUIREMENT.md").write_bytes(sample.source)
    (tmp_path / "REQUIREMENT.sealed.yaml").write_bytes(sample.sealed)
    repeated = await aura.json(*shlex.split(again)[1:])
    assert _results(repeated) == _results(kept)
    assert repeated["tree"] == kept["tree"]


def _results(data: dict[str, Any]) -> list[tuple[str, str]]:
    return [(gate["gate"], gate["result"]) for gate in data["gates"]]


async def test_only_the_verifier_has_the_key(house: House) -> None:
    key = house.home / "keys" / signing.VERIFIER
    async with house.running(judge=judge, roles=("recorder", "manager", "auditor", "accountant", "hr", "employees")):
        assert not key.exists()
    async with house.running(judge=judge, roles=("recorder", "verifier")):
        assert key.exists()
