"""compose.yaml without an engine: each service runs as a process with its own command, settings and folders."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from ruamel.yaml import YAML

from bus.embedded.home import Home
from bus.embedded.port import free_port
from bus.embedded.servers import nats_at, postgres_at
from governance.authority import WORKER_RIGHTS
from tests.acceptance.cli import Aura, homely
from tests.integration.house import Sample

pytestmark = [
    pytest.mark.slow,
    pytest.mark.ci,
    pytest.mark.needs_sandbox,
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
]

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "compose.yaml"
IMAGE_ROOT = "/opt/aura/"
HOME = "/aura/"
SECRETS = "/run/secrets/"
SERVERS = {"nats", "postgres", "secrets"}
"""Services that the test itself provides before the first role starts."""
HEALTHY_WAIT_S = 180.0
STOP_WAIT_S = 180.0


class Project:
    """The services as processes. Each has a separate home, in which only its volumes are shared."""

    def __init__(self, folder: Path, secrets: dict[str, str]) -> None:
        self.folder = folder
        self.services: dict[str, Any] = YAML(typ="safe").load(COMPOSE)["services"]
        self.running: dict[str, subprocess.Popen[str]] = {}
        self.ports = {name: str(free_port()) for name in self.services}
        (folder / "secrets").mkdir()
        for name, value in secrets.items():
            (folder / "secrets" / name).write_text(f"{value}\n")

    def container(self, name: str) -> Aura:
        """Return `aura` with the environment and the folders of a service."""
        service = self.services[name]
        home = self.folder / name / "aura"
        (home / "run").mkdir(parents=True, exist_ok=True)
        for volume in service["volumes"]:
            source, target, *_ = volume.split(":")
            if f"{target}/" in (SECRETS, HOME):
                continue  # a home that is a volume of one service is the folder itself
            shared = self.folder / "volumes" / source
            shared.mkdir(parents=True, exist_ok=True, mode=0o700 if source.startswith("keys-") else 0o755)
            if not (home / target.removeprefix(HOME)).exists():
                (home / target.removeprefix(HOME)).symlink_to(shared)
        environment = {
            variable: value.replace(SECRETS, f"{self.folder}/secrets/")
            .replace("${AURA_ALLOW_DEGRADED:-0}", "1")
            .replace("${AURA_HTTP_ADDRESS:-}", "")
            .replace("${AURA_MACHINE:-compose}", "compose")
            for variable, value in service["environment"].items()
            if value is not None
        }
        if "AURA_ALLOW_DEGRADED" not in environment:
            environment["AURA_ALLOW_DEGRADED"] = "0"
        environment |= {"AURA_METRICS_HOST": "127.0.0.1", "AURA_METRICS_PORT": self.ports[name]}
        return Aura(self.folder / name, AURA_HOME=str(home), **environment)

    def up(self) -> None:
        """Start each service that is not a server, when the services that it depends on have started."""
        done = set(SERVERS)
        waiting = {name: service for name, service in self.services.items() if "profiles" not in service}
        waiting = {name: service for name, service in waiting.items() if name not in SERVERS}
        while waiting:
            free = [name for name, service in waiting.items() if set(service["depends_on"]) <= done]
            assert free, f"wait for each other: {list(waiting)}"
            for name in free:
                self._begin(name, waiting.pop(name))
            for name in free:
                self._healthy(name)
            done.update(free)

    def _begin(self, name: str, service: dict[str, Any]) -> None:
        port = ["--port", self.ports[name]] if name == "http" else []
        self.running[name] = self.container(name).begin(*service["command"], *port, "--json")

    def _healthy(self, name: str) -> None:
        service, process = self.services[name], self.running[name]
        deadline = time.monotonic() + HEALTHY_WAIT_S
        if service["healthcheck"].get("disable"):
            assert process.wait(HEALTHY_WAIT_S) == 0, process.communicate()
            return
        _, _, *rest = service["healthcheck"]["test"]
        rest = [self.ports[name] if part == "8000" else part for part in rest]
        command = [sys.executable, *(part.replace(IMAGE_ROOT, f"{ROOT}/") for part in rest)]
        environment = {"AURA_METRICS_PORT": self.ports[name]}
        while (
            asked := subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        ).returncode:
            assert process.poll() is None, (name, process.communicate())
            assert time.monotonic() < deadline, (name, asked)
            time.sleep(0.05)

    def down(self) -> None:
        for process in self.running.values():
            process.terminate()
        for name, process in self.running.items():
            out, err = process.communicate(timeout=STOP_WAIT_S)
            assert process.returncode == 0, (name, out, err)
        self.running.clear()

    def kill(self) -> None:
        for process in self.running.values():
            process.kill()
            process.communicate()


@contextmanager
def servers(folder: Path) -> Iterator[dict[str, str]]:
    database, stream = postgres_at(Home(folder / "servers")), nats_at(folder / "servers" / "nats", WORKER_RIGHTS)
    database.start_and_wait()
    stream.start_and_wait()
    try:
        yield {
            "nats_url": stream.url,
            "nats_worker_url": stream.worker_url,
            "postgres_dsn": database.url,
            "openai_api_key": "",
        }
    finally:
        stream.stop()
        database.stop()


def _pages_are_served(project: Project, director: Aura) -> None:
    """Sign in by a link at the service `http`, and pause as this user. The service knows loopback hosts only."""
    director.json("user", "add", "anna", "--role", "director", "--no-password")
    link = director.json("open", "anna")["url"]
    assert link.startswith("http://127.0.0.1:8000/auth/link/"), "the published port"
    url = f"http://127.0.0.1:{project.ports['http']}"
    with httpx2.Client(base_url=url, trust_env=False, timeout=60) as client:
        assert client.get("/healthz", headers={"Host": "http:8000"}).status_code == 421
        assert client.get(link.removeprefix("http://127.0.0.1:8000")).status_code == 303
        csrf = client.get("/api/me").json()["csrf"]
        headers = {"X-CSRF-Token": csrf, "Idempotency-Key": str(uuid4())}
        paused = client.post("/api/organisation/pause", json={"reason": "a test"}, headers=headers)
        assert paused.status_code == 200, paused.text
        director.json("resume", "--reason", "a test")


def _notifications_are_sent(project: Project) -> None:
    """Start the service `notify` with a receiver that nobody serves: it runs, and it has no key and no NATS."""
    service = project.services["notify"]
    assert set(service["environment"]) == {"AURA_POSTGRES_DSN_FILE"}
    home = project.folder / "notify" / "aura"
    process = project.container("notify").begin(*service["command"], "--json")
    assert process.wait(HEALTHY_WAIT_S) != 0, "control: without its file it ends"
    process.communicate()
    (home / "notify.toml").write_text(
        f'[[receiver]]\nkind = "webhook"\nname = "pager"\nsecret_file = "key"\nurl = "http://127.0.0.1:{free_port()}"\n'
    )
    (home / "key").write_text("k\n")
    project.running["notify"] = project.container("notify").begin(*service["command"], "--json")
    deadline = time.monotonic() + HEALTHY_WAIT_S
    while not (home / "notify" / "pager.json").exists():
        assert project.running["notify"].poll() is None, project.running["notify"].communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_services_deliver_a_run_with_nothing_but_what_each_is_given() -> None:
    with homely() as home, servers(home.folder) as secrets:
        project = Project(home.folder, secrets)
        try:
            project.up()
            director = project.container("director")
            sample = Sample()
            director.hire("anna", {"T1": [sample.wrong("T1"), sample.right("T1")]})
            line = director.json("submit", director.requirement(sample), "--wait")
            assert line["phase"] == "delivered"
            assert director.json("approve", line["run"])["outcome"] == "delivered"
            _pages_are_served(project, director)
            _notifications_are_sent(project)
            principals = {one["envelope"]["role"]: one["envelope"]["principal"] for one in director.lines("events")}
            assert set(principals) == {"director", "manager", "verifier", "user"}
            assert len(set(principals.values())) == 4, "each role under its own key"
            project.down()
            assert director.json("replay", "--check")["differences"] == []
        finally:
            project.kill()
        for name, service in project.services.items():
            if service.get("command", [""])[0] == "serve":
                own = {path.name for path in (home.folder / name / "aura" / "keys").glob("*")}
                signs = {"verifier.ed25519", "verifier.ed25519.pub"} if name == "verifier" else set()
                assert own <= {name} | signs, f"{name} holds no other key"
                assert not own or name not in ("employees", "http", "notify"), f"{name} has no key"
