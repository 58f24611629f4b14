"""A copy of a home at work, used through `aura` while the original runs: each command acts on the copy alone."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.cli import Aura, homely, taken_down
from tests.clusters import open_folder
from tests.integration.house import Sample
from tests.integration.test_embedded_copies import archived

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats]

UP = ("up", "--no-model")
ON_DISK_S = 1.5
"""Rows are committed without a wait for the disk. Postgres writes them within 3 times wal_writer_delay (0.2 s)."""


@pytest.fixture
def original() -> Iterator[Aura]:
    with homely(*UP) as aura:
        yield aura.inside()


@pytest.fixture
def copy(original: Aura) -> Iterator[Aura]:
    """A copy of the running home, in a folder of its own."""
    sample = Sample()
    original.hire("kit", {"T1": [sample.right("T1")]})
    original.until(lambda: names(original) == ["kit"])
    time.sleep(ON_DISK_S)
    folder = open_folder("aura-copy-")
    archived(original.home, folder / "home")
    aura = Aura(folder).inside()
    yield aura
    stopped = taken_down(aura)
    shutil.rmtree(folder, ignore_errors=True)
    assert stopped.code == 0, stopped


@pytest.mark.slow
def test_a_copy_of_a_home_at_work_is_an_organisation_of_its_own(original: Aura, copy: Aura) -> None:
    before = facts(original)
    said = copy.run("status")
    assert (said.code, f"Nothing runs in {copy.home}" in said.err) == (69, True), said
    assert copy.text("down").startswith(f"Nothing runs in {copy.home}")
    assert names(copy) == ["kit"], "read with a Postgres of the copy's own, for the time of the command"
    copy.json(*UP)
    assert copy.status()["postgres_data"] == str(Path(copy.home) / "data" / "postgres")
    copy.hire("stray", {})
    assert names(copy) == ["kit", "stray"]
    assert facts(original) == before
    assert names(original) == ["kit"]
    assert copy.json("down")["drained"]
    assert facts(original) == before
    original.json("rename", "kit", "kim")
    assert facts(original)["last_event"] == before["last_event"] + 1, "the control: a change is seen"


def names(aura: Aura) -> list[str]:
    return sorted(one["name"] for one in aura.json("employees")["employees"])


def facts(aura: Aura) -> dict[str, Any]:
    """The last event, and the processes with their restarts."""
    data = aura.status()
    assert data["problem"] is None
    processes = [(one["name"], one["pid"], one["restarts"]) for one in data["processes"]]
    return {"last_event": data["last_event"], "processes": processes}
