"""Verdicts on the log and beside the delivery, signed by the verifier alone."""

from pathlib import Path

import msgspec
import pytest

from domain import run_messages, task
from domain.tree import digest_of, manifest_of
from governance import signing
from tests.integration.house import House, Sample, of
from verification.attestation import verify

pytestmark = pytest.mark.needs_sandbox


async def test_every_verdict_is_signed_and_the_delivery_carries_the_last_one(house: House) -> None:
    sample = Sample(1)
    (path,) = sample.right("T1")
    await house.hire("anna", {"T1": [sample.wrong("T1"), sample.right("T1")]})
    async with house.running():
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
    twice = str(2 * sample.numbers["T1"]).encode()
    assert twice in sample.sealed, "control"
    assert twice not in msgspec.json.encode(list(said.values()))
