"""A worker with a credential of its own, through the command line: it works in another home with nothing else."""

import shutil
from pathlib import Path

import pytest

from tests.acceptance.cli import homely
from tests.integration.house import Sample

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats]


@pytest.mark.slow
@pytest.mark.ci
def test_a_worker_in_another_home_works_with_its_credential_alone() -> None:
    with homely("up", "--no-model", "--processes") as home:
        aura, sample = home.inside(), Sample()
        aura.hire("anna", {"T1": [sample.right("T1")]})
        added = aura.json("worker", "add", "far", "--employee", "anna")
        assert [one["name"] for one in aura.json("worker", "list")["workers"]] == ["workers", "far"]
        assert aura.json("worker", "add", "far", code=5)["hint"]
        assert aura.json("worker", "remove", "workers", code=7)["hint"]
        assert "WORKER_workers" in aura.json("worker", "accounts")["accounts"]
        other = home.folder / "other"
        shutil.copytree(Path(aura.environment["AURA_HOME"]) / "employees", other / "employees")
        far = aura.begin(
            "serve",
            "employee",
            "anna",
            "--json",
            AURA_HOME=str(other),
            AURA_WORKER_NATS_URL_FILE=added["file"],
        )
        try:
            aura.until(lambda: (other / "run" / "employee-anna.json").exists())
            probed = aura.json("employees", "--probe")["employees"]
            assert probed[0]["probe"].startswith("ok")
            assert aura.json("submit", aura.requirement(sample), "--wait")["phase"] == "delivered"
            aura.json("worker", "remove", "far")
            assert [one["name"] for one in aura.json("worker", "list")["workers"]] == ["workers"]
            assert not Path(added["file"]).exists()
        finally:
            far.terminate()
            far.communicate()
