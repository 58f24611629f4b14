"""Which process gets which address of NATS: only staff gets the address of the log."""

from pathlib import Path

import pytest

from bus.embedded.endpoints import Endpoints
from bus.embedded.home import Home
from bus.embedded.spec import plan
from director.deployment import processes
from director.deployment.serve import Serving, serve_roles
from director.settings import Settings
from runtime.composition import Organisation
from runtime.process_config import Setup

CORE, WORKER, DSN = "nats://aura:c@h:1", "nats://workers:w@h:1", "postgresql://h/aura"


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    for name in ("AURA_NATS_URL", "AURA_WORKER_NATS_URL", "AURA_POSTGRES_DSN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AURA_HOME", str(tmp_path))
    return Settings()


def environments(settings: Settings, endpoints: Endpoints) -> dict[str, dict[str, str]]:
    """Return the environment of each supervised process."""
    specs = [*processes.apart(settings), *processes.together(settings)]
    return {spec.name: plan(spec, Home(settings.root), endpoints, frozenset()).env for spec in specs}


def test_of_the_supervised_processes_only_staff_gets_the_address_of_the_log(settings: Settings) -> None:
    found = environments(settings, Endpoints(CORE, DSN, WORKER))
    assert CORE not in found["employees"].values()
    assert found["employees"]["AURA_WORKER_NATS_URL"] == WORKER
    for name in {*found} - {"employees"}:
        assert found[name]["AURA_NATS_URL"] == CORE, name
        assert (WORKER in found[name].values()) == (name == "organisation"), name


def test_without_an_address_for_workers_they_use_the_only_one(settings: Settings) -> None:
    assert environments(settings, Endpoints(CORE, DSN))["employees"]["AURA_WORKER_NATS_URL"] == CORE


class Noted(Exception):
    """Ends `serve_roles` with the configuration that it made."""


async def setup_of(*roles: str) -> Setup:
    def make(setup: Setup) -> Organisation:
        raise Noted(setup)

    with pytest.raises(Noted) as noted:
        await serve_roles(Settings(), Serving(roles=roles), make=make)
    setup: Setup = noted.value.args[0]
    return setup


async def test_a_served_worker_has_no_address_of_the_log(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    del settings
    for name, value in (("AURA_NATS_URL", CORE), ("AURA_WORKER_NATS_URL", WORKER), ("AURA_POSTGRES_DSN", DSN)):
        monkeypatch.setenv(name, value)
    worker, whole = await setup_of("employees"), await setup_of("all")
    assert (worker.nats_url, worker.postgres_dsn, worker.worker_nats_url) == ("", "", WORKER)
    assert (whole.nats_url, whole.postgres_dsn, whole.worker_nats_url) == (CORE, DSN, WORKER)
    monkeypatch.delenv("AURA_NATS_URL")
    assert (await setup_of("employees")).worker_nats_url == WORKER, "it needs no other address"
    monkeypatch.delenv("AURA_WORKER_NATS_URL")
    monkeypatch.setenv("AURA_NATS_URL", CORE)
    assert (await setup_of("employees")).worker_nats_url == CORE, "your own server without accounts"
