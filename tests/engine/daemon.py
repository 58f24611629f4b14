"""A Docker engine of the test: it has its own socket and data, and is ended by the process id that was started."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

START_WAIT_S = 60.0
STOP_WAIT_S = 60.0
COMMAND_WALL_S = 300.0
POLL_S = 0.2
PROGRAMS = ("docker", "dockerd", "docker-init", "docker-proxy", "dpkg", "ldd", "prometheus", "promtool", "setpriv")
"""The required programs. In Debian they are in docker.io, tini, dpkg, libc-bin, prometheus and util-linux."""
COMPOSE_MAJOR = 2
POOL = "base=10.213.0.0/16,size=24"
"""The addresses of its networks, which differ from an engine's default addresses."""
CGROUP = "aura-test-engine"
HOST_NETWORK = "AURA_TEST_HOST_NETWORK"
"""If this variable is set, the tests treat the engine as one that cannot make bridges."""


class EngineFailed(Exception):
    """The engine cannot start here. The end of its log gives the reason."""


def compose_command() -> list[str] | None:
    """Return Compose as .ci/docker-compose builds it, or as it is installed.

    None if version 2 or newer is not available.
    """
    for command in ([str(Path(sys.executable).with_name("docker-compose"))], ["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) is None:
            continue
        said = subprocess.run([*command, "version", "--short"], capture_output=True, text=True, check=False)
        major = said.stdout.strip().removeprefix("v").partition(".")[0]
        if said.returncode == 0 and major.isdecimal() and int(major) >= COMPOSE_MAJOR:
            return command
    return None


def missing() -> list[str]:
    """Name the things that an engine needs and that this machine does not have."""
    found = [program for program in PROGRAMS if shutil.which(program) is None]
    if compose_command() is None:
        found.append("docker compose 2 (.ci/docker-compose builds it)")
    if os.geteuid() != 0:
        found.append("root")
    if Path(sys.base_prefix) == Path("/usr"):
        found.append("a Python in a folder of its own")
    return found


class Engine:
    """dockerd with all its data in `folder`. It ends when this process dies, and it changes no packet filter."""

    def __init__(self, folder: Path, *, networks: bool = True) -> None:
        """Prepare the engine. `networks`: whether tests will use networks."""
        self.folder = folder
        self._networks = networks
        self._cgroup = f"{CGROUP}-{os.getpid()}-{secrets.token_hex(2)}"
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("DOCKER_", "COMPOSE_", "AURA_"))
            },
            "DOCKER_HOST": f"unix://{folder}/docker.sock",
            "DOCKER_CONFIG": str(folder / "client"),
            "DOCKER_BUILDKIT": "0",  # the builder inside the engine: it takes a base image that is in no registry
        }
        self.bridges = True
        """Whether the engine can make its own networks."""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the engine. Raises EngineFailed."""
        (self.folder / "client").mkdir(parents=True)
        (self.folder / "daemon.json").write_text("{}\n")
        command: list[str | Path] = [
            *(
                "setpriv",
                "--pdeathsig",
                "TERM",
                "dockerd",
                "--config-file",
                self.folder / "daemon.json",
                "-H",
                f"unix://{self.folder}/docker.sock",
            ),
            *("--data-root", self.folder / "data", "--exec-root", self.folder / "exec"),
            *("--pidfile", self.folder / "docker.pid", "--group", str(os.getgid()), "--cgroup-parent", self._cgroup),
            *("--bridge=none", "--iptables=false", "--ip-forward=false", "--default-address-pool", POOL),
            *("--exec-opt", "native.cgroupdriver=cgroupfs"),
        ]
        with (self.folder / "dockerd.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env=self.environment, start_new_session=True
            )
        deadline = time.monotonic() + START_WAIT_S
        while self._run("docker", "version").returncode != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise EngineFailed((self.folder / "dockerd.log").read_text()[-1000:])
            time.sleep(POLL_S)
        if not self._networks:
            return
        made = self._run("docker", "network", "create", "tried")
        self.bridges = made.returncode == 0 and HOST_NETWORK not in os.environ
        self._run("docker", "network", "rm", "tried")

    def docker(self, *arguments: str | Path) -> str:
        """Return the output of a docker command that must succeed."""
        return self.ran("docker", *arguments)

    def ran(self, *command: str | Path, folder: Path | None = None, **environment: str) -> str:
        """Return the output of a command of any client of this engine."""
        done = self._run(*command, folder=folder, **environment)
        assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    def close(self) -> None:
        """Remove containers, volumes and networks, so that nothing of them stays on the machine.

        Then end the engine.
        """
        if self._process is None:
            return
        if self._process.poll() is None:
            self._each(("docker", "ps", "--all", "--quiet"), ("docker", "rm", "--force", "--volumes"))
            self._each(("docker", "network", "ls", "--quiet", "--filter", "type=custom"), ("docker", "network", "rm"))
            self._process.terminate()
            try:
                self._process.wait(STOP_WAIT_S)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait(STOP_WAIT_S)
        for mount in reversed(_mounts_below(self.folder)):
            subprocess.run(["umount", "--lazy", mount], check=False)
        for group in Path("/sys/fs/cgroup").glob(f"**/{self._cgroup}"):
            group.rmdir()
        shutil.rmtree(self.folder)

    def _each(self, listing: Sequence[str], command: Sequence[str]) -> None:
        if found := self._run(*listing).stdout.split():
            self._run(*command, *found)

    def _run(
        self, *command: str | Path, folder: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_WALL_S,
            check=False,
        )


def _mounts_below(folder: Path) -> list[str]:
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return [place for line in lines if (place := line.split()[4]).startswith(f"{folder}/")]
