"""compose.yaml as an operator runs it, on an engine of the test, with the Director's container kept open."""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from ruamel.yaml import YAML

from agents.employees.posting import Posting
from agents.workers.pool import RESCAN_S
from bus.embedded.port import free_port
from bus.embedded.programs import nats_server, postgres_bin
from tests.engine import hostnet, images
from tests.engine.daemon import Engine, compose_command
from tests.integration.house import Sample

ROOT = Path(__file__).parents[2]
SENT = ("compose.yaml", "deploy", ".dockerignore", ".env.example")
PROFILES = ("--profile", "core", "--profile", "observability")
"""Release 0.1.0 has a profile `core`. In later releases the unknown name has no effect, as CHANGELOG.md says."""
UP_WAIT_S = 240
WAIT_S = 300.0
POLL_S = 0.5
DOWNLOAD_WALL_S = 600.0
SLOW_S = 10.0
"""Extra time (s) for a scripted call beyond its expected time."""


class Stack:
    """A copy of the project's files, so that later changes are not built and no secret remains in the checkout.

    `sources`: the checkout from which they are copied.
    """

    def __init__(self, engine: Engine, folder: Path, *, sources: Path = ROOT) -> None:
        self.engine = engine
        self.sources = sources
        self.folder = folder / "project"
        self.requirements = folder / "requirements"
        self.prometheus_port = free_port()
        self.timings: dict[str, float] = {}
        self._compose = compose_command() or []
        self._director = ""

    def lay_out(self) -> None:
        """Write the files, the secrets, replacements for published images, and the image of deploy/Dockerfile."""
        self.requirements.mkdir(parents=True)
        self._copy(self.sources)
        for secret in (self.folder / "deploy" / "secrets").glob("[!.]*"):
            secret.unlink()
        make_secrets = self.folder / "deploy" / "make-secrets"
        if make_secrets.exists():  # release 0.1.0
            self.engine.ran(make_secrets)
        if not self.engine.bridges:
            hostnet.override(self.folder, self.prometheus_port)
        with self.timed("wheels"):
            wheels = self._wheels()
        with self.timed("base images"):
            self._base_images(wheels)
        self._build()

    def update(self) -> None:
        """Replace the files by the present sources, and build the image again. Secrets stay."""
        secrets = self.folder / "deploy" / "secrets"
        kept = {path.name: path.read_bytes() for path in secrets.iterdir()}
        modes = {path.name: path.stat().st_mode for path in secrets.iterdir()}
        for name in self._sent(self.folder):
            shutil.rmtree(self.folder / name) if (self.folder / name).is_dir() else (self.folder / name).unlink(
                missing_ok=True
            )
        self._copy(ROOT)
        for name, content in kept.items():
            (secrets / name).write_bytes(content)
            (secrets / name).chmod(modes[name])
        if not self.engine.bridges:
            hostnet.override(self.folder, self.prometheus_port)
        self._build()

    def _copy(self, sources: Path) -> None:
        for name in self._sent(sources):
            ignored = shutil.ignore_patterns("__pycache__")
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            if not (sources / name).exists():
                continue  # not in every release
            if (sources / name).is_dir():
                shutil.copytree(sources / name, self.folder / name, ignore=ignored, dirs_exist_ok=True)
            else:
                shutil.copy(sources / name, self.folder / name)

    @staticmethod
    def _sent(sources: Path) -> list[str]:
        lines = (sources / ".dockerignore").read_text().splitlines()
        return [*SENT, *(line[1:] for line in lines if line.startswith("!"))]

    def _build(self) -> None:
        with self.timed("build"):
            build = ("build", "--network", "none", "--tag", "aura-orchestra:0.1.0", "--file", "deploy/Dockerfile", ".")
            self.engine.ran("docker", *build, folder=self.folder)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Store how long (s) an action takes, to print it later."""
        started = time.monotonic()
        yield
        self.timings[what] = time.monotonic() - started

    def up(self, *arguments: str) -> None:
        """Wait until everything is healthy, and open the Director's container."""
        self.compose(*PROFILES, "up", "--detach", "--wait", "--wait-timeout", str(UP_WAIT_S), *arguments)

    def open(self) -> None:
        """Open a container of the service `director` for all commands. This is faster than a container per command."""
        options = ("--detach", "--rm", "--entrypoint", "sleep", "--volume", f"{self.requirements}:/requirements:ro")
        self._director = self.compose("run", *options, "director", "infinity").strip().splitlines()[-1]

    def compose(self, *arguments: str) -> str:
        """Run a Compose command in the project.

        Limits that the verifier's container cannot enforce are accepted by name.
        """
        return self.engine.ran(
            *self._compose,
            *arguments,
            folder=self.folder,
            AURA_ALLOW_DEGRADED="1",
            AURA_PROMETHEUS_PORT=str(self.prometheus_port),
        )

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return service -> its container as the engine describes it. If there are several, the last one."""
        ids = self.compose(*PROFILES, "ps", "--all", "--quiet").split()
        found: list[dict[str, Any]] = json.loads(self.engine.docker("inspect", *ids))
        kept = [one for one in found if not one["Id"].startswith(self._director)]
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in kept}

    def inside(self, service: str, *command: str) -> str:
        """Return the output of a command in a service's container."""
        return self.compose("exec", "--no-TTY", service, *command)

    def aura(self, *arguments: str) -> dict[str, Any]:
        """Return the data of a command of the Director that must succeed."""
        found: dict[str, Any] = json.loads(self._director_says("aura", *arguments, "--json"))["data"]
        return found

    def events(self) -> list[dict[str, Any]]:
        """Return the whole log."""
        return [json.loads(line) for line in self._director_says("aura", "events", "--json").splitlines()]

    def hire(self, name: str, answers: Mapping[str, Sequence[Mapping[str, str]]], *, delay_s: float = 0.0) -> None:
        """Hire a scripted employee. The employees' container reads its script from the staff folder."""
        script = f"/aura/employees/scripts/{name}"
        wall_s = delay_s + SLOW_S
        (self.requirements / f"{name}.answers").write_text(json.dumps(answers))
        self._director_says("mkdir", "-p", "/aura/employees/scripts")
        self._director_says("cp", f"/requirements/{name}.answers", script)
        hired = self.aura("hire", name, "--script", script, "--wall-s", str(wall_s))["employee"]
        posting = Posting(
            name=name, kind="scripted", hired_as=UUID(hired), script=script, delay_s=delay_s, wall_s=wall_s
        )
        (self.requirements / f"{name}.posting").write_bytes(msgspec.json.encode(posting))
        self._director_says("cp", f"/requirements/{name}.posting", f"/aura/employees/{name}.json")
        time.sleep(2 * RESCAN_S)  # its worker follows the file by now

    def submit(self, sample: Sample) -> str:
        """Submit a requirement and return the id of its run."""
        (self.requirements / "adders.md").write_bytes(sample.source)
        (self.requirements / "adders.sealed.yaml").write_bytes(sample.sealed)
        return str(self.aura("submit", "/requirements/adders.md")["run"])

    def until(self, found: Callable[[], object], wait_s: float = WAIT_S) -> Any:
        """Call a function until it returns a true value."""
        deadline = time.monotonic() + wait_s
        while not (answer := found()):
            assert time.monotonic() < deadline, self.compose(*PROFILES, "logs", "--tail", "5")
            time.sleep(POLL_S)
        return answer

    def down(self) -> None:
        self.engine.docker("rm", "--force", self._director)
        self.compose("--profile", "*", "down", "--volumes", "--timeout", "60")

    def _director_says(self, *command: str) -> str:
        return self.engine.docker("exec", self._director, *command)

    def _wheels(self) -> Path:
        """Return the locked wheels. pip downloads and checks them on this machine."""
        folder = self.folder.parent / "wheels"
        options = ("--require-hashes", "--only-binary=:all:", "--dest", folder)
        command = [sys.executable, "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check", "download"]
        lock = self.folder / "requirements" / "base.txt"
        subprocess.run([*command, *options, "--requirement", lock], check=True, timeout=DOWNLOAD_WALL_S)
        return folder

    def _base_images(self, wheels: Path) -> None:
        """Return the images under the names and tags that compose.yaml and the Dockerfile use."""
        services = YAML(typ="safe").load(self.folder / "compose.yaml")["services"]
        asked = {service["image"] for service in services.values() if "build" not in service}
        asked.add(re.findall(r"^FROM (\S+)$", (self.folder / "deploy" / "Dockerfile").read_text(), re.MULTILINE)[0])
        known = images.stand_ins(wheels, nats_server(), postgres_bin())
        for image in sorted(asked):
            root, changes = known[image.partition(":")[0]]
            tar = self.folder.parent / "image.tar"
            root.write(tar)
            self.engine.docker("import", *(word for line in changes for word in ("--change", line)), tar, image)
            tar.unlink()
