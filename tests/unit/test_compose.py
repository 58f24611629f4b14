"""The text of compose.yaml: its form, its commands, the rights of each container, and the absence of secrets."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bus.embedded import nats
from bus.embedded.programs import nats_server
from bus.worker_accounts import CORE, configuration_text
from director.deployment import container_secrets
from governance.authority import WORKER_RIGHTS
from runtime.process_config import STAFF_ROLES
from tests.acceptance.cli import Inside
from verification.sandbox.syscalls import _REFUSED

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = ROOT / "compose.yaml"
CONTAINER_HOME = "/aura"
IMAGE_ROOT = "/opt/aura"
METRICS_PORT = "9464"
BWRAP_NEEDS = {"mount", "umount2", "pivot_root", "unshare"}
"""The system calls of bubblewrap in its own user namespace. The verifier's filter differs from a box's table only in
these."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(COMPOSE)
    return loaded


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = compose["services"]
    return found


def ours(services: dict[str, Any]) -> dict[str, Any]:
    return {name: service for name, service in services.items() if service["image"].startswith("aura-orchestra:")}


def checked(file: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("check-jsonschema")
    return subprocess.run(
        [program, "--builtin-schema", "vendor.compose-spec", file], capture_output=True, text=True, check=False
    )


def test_the_form_is_that_of_the_compose_specification(tmp_path: Path) -> None:
    said = checked(COMPOSE)
    assert said.returncode == 0, said.stdout + said.stderr
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(COMPOSE.read_text().replace("healthcheck:", "healthchek:"))
    assert checked(wrong).returncode == 1, "control: a key that is not one is found"


def test_every_command_exists_and_every_role_has_one_container(services: dict[str, Any], tmp_path: Path) -> None:
    aura = Inside(tmp_path)
    for name, service in ours(services).items():
        if name == "secrets":
            continue  # its program is a file of its own, tried below
        command, *arguments = service["command"]
        said = aura.run(command, "--help")
        assert said.code == 0, (name, said)
        if command == "serve":
            assert arguments == [name]
    assert aura.run("serv", "--help").code == 2, "control: a command that does not exist is found"
    serving = {
        service["command"][1] for service in ours(services).values() if service.get("command", [""])[0] == "serve"
    }
    assert serving == {*STAFF_ROLES, "employees", "http", "notify"}


def test_every_container_is_confined(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service.get("cap_add", []) == (["DAC_READ_SEARCH"] if name == "secrets" else []), name
        assert "privileged" not in service, name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["pids_limit"] > 0, name
        assert service["mem_limit"], name
        assert not any("docker.sock" in str(volume) for volume in service.get("volumes", [])), name
    wider = {name for name, service in services.items() if service["security_opt"] != ["no-new-privileges:true"]}
    assert wider == {"verifier"}
    profile = next(option for option in services["verifier"]["security_opt"] if option.startswith("seccomp="))
    assert (ROOT / profile.removeprefix("seccomp=")).is_file()


def test_nothing_is_published_but_on_the_loopback_address(services: dict[str, Any], compose: dict[str, Any]) -> None:
    for name, service in services.items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert service.get("network_mode") == ("none" if name == "secrets" else None), name
    assert compose["networks"]["core"] == {"internal": True}
    assert {name for name, service in services.items() if service.get("networks", ["core"]) != ["core"]} <= {
        "director",  # `submit` fetches what a requirement depends on
        "employees",
        "http",  # publishes a port, and asks an OpenID provider
        "notify",
        "prometheus",
    }
    assert services["http"]["ports"] == ["127.0.0.1:8000:8000"]
    assert services["http"]["environment"]["AURA_HTTP_PUBLISHED_ON"] == "127.0.0.1"
    assert {name for name, service in services.items() if "ports" in service} == {"http", "prometheus"}


def test_images_bear_exact_tags(services: dict[str, Any]) -> None:
    base = re.search(r"^FROM (\S+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert base is not None
    for image in (*(service["image"] for service in services.values()), base[1]):
        assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+(\.\d+)?(-[a-z-]+)?", image), image


def test_prometheus_has_its_settings_and_rules(compose: dict[str, Any], services: dict[str, Any]) -> None:
    settings = YAML(typ="safe").load(ROOT / compose["configs"]["prometheus"]["file"])
    mounted = {config["target"] for config in services["prometheus"]["configs"]}
    assert mounted == {f"/etc/prometheus/{name}" for name in ("prometheus.yml", *settings["rule_files"])}
    assert services["prometheus"]["profiles"] == ["observability"]


def test_only_what_the_image_needs_is_sent_to_the_engine() -> None:
    sent = [line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"]
    copied = re.findall(r"^COPY (.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert sorted(sent) == sorted(source for line in copied for source in line.split())


def mounted(service: dict[str, Any], target: str) -> list[str]:
    """Return the volumes that a service has at a path."""
    volumes = [str(volume).split(":") for volume in service.get("volumes", [])]
    return [source for source, path, *_ in volumes if path == target]


def test_no_container_has_a_secret_in_its_environment(compose: dict[str, Any], services: dict[str, Any]) -> None:
    assert "secrets" not in compose
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if any(part in variable for part in ("PASSWORD", "URL", "DSN", "KEY", "SECRET")):
                assert value.startswith("/run/secrets"), name
        assert "env_file" not in service, name


def test_each_container_has_the_secrets_and_keys_that_it_needs_and_no_others(services: dict[str, Any]) -> None:
    keys = {name: mounted(service, f"{CONTAINER_HOME}/keys") for name, service in ours(services).items()}
    assert keys.pop("employees") == keys.pop("secrets") == keys.pop("http") == keys.pop("notify") == []
    assert keys.pop("founding") == ["keys-director"]
    assert keys == {name: [f"keys-{name}"] for name in (*STAFF_ROLES, "director")}
    secrets = {name: mounted(service, "/run/secrets") for name, service in services.items()}
    assert secrets.pop("secrets") == secrets.pop("prometheus") == []
    own = {name: [f"secrets-{name}"] for name in ("nats", "postgres", "employees", "notify")}
    assert secrets == {name: ["secrets-roles"] for name in ("founding", *STAFF_ROLES, "http", "director")} | own
    assert container_secrets.MOUNTED["notify"] == ("postgres_dsn",)
    filled = {volume.split(":")[0] for volume in services["secrets"]["volumes"][1:]}
    assert filled == {f"secrets-{volume}" for volume in container_secrets.MOUNTED}
    assert "postgres_dsn" not in container_secrets.MOUNTED["employees"]
    for name, service in services.items():
        volume = (secrets.get(name) or [""])[0].removeprefix("secrets-")
        for value in service.get("environment", {}).values():
            if str(value).startswith("/run/secrets/"):
                assert Path(value).name in container_secrets.MOUNTED[volume], name


def test_each_waits_for_what_it_needs_and_says_when_it_serves(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for other, wait in service.get("depends_on", {}).items():
            once = services[other].get("restart") == "no"
            wanted = "service_completed_successfully" if once else "service_healthy"
            assert wait == {"condition": wanted}, (name, other)
            assert once or "test" in services[other]["healthcheck"], (name, other)
        if service.get("command", [""])[0] == "serve" and name != "notify":
            assert service["healthcheck"]["test"] == [
                "CMD",
                "python",
                "-IS",
                f"{IMAGE_ROOT}/director/deployment/container_healthcheck.py",
                *(("8000", "/healthz") if name == "http" else ()),
            ], name
            assert (service["environment"]["AURA_METRICS_HOST"], service["environment"]["AURA_METRICS_PORT"]) == (
                "0.0.0.0",
                METRICS_PORT,
            ), name
            assert {"nats", "postgres"} <= set(service["depends_on"]), name
        if name in ("nats", "postgres"):
            assert "secrets" in service["depends_on"], name


@pytest.mark.needs_nats
def test_the_server_of_the_log_reads_its_settings(tmp_path: Path) -> None:
    """The real server, its files laid out as in the container; the same limits as the embedded one has."""
    (tmp_path / "etc" / "nats").mkdir(parents=True)
    (tmp_path / "run" / "secrets").mkdir(parents=True)
    shutil.copy(DEPLOY / "nats" / "nats.conf", tmp_path / "etc" / "nats")
    secret = tmp_path / "run" / "secrets" / "nats_passwords"
    command: list[Path | str] = [nats_server(), "-t", "--config", tmp_path / "etc" / "nats" / "nats.conf"]
    secret.write_text(container_secrets.nats_passwords("1e5", "x") + "\n")
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    secret.unlink()
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0, "control: without its secret"
    text = (DEPLOY / "nats" / "nats.conf").read_text()
    assert f"max_payload: {nats.PAYLOAD_BYTES_MAX}\n" in text
    assert f"max_memory_store: {nats.MEMORY_STORE_BYTES_MAX}\n" in text
    assert "sync_interval: always\n" in text
    assert text.endswith(configuration_text(WORKER_RIGHTS)), "write the accounts anew: aura worker accounts"


def test_streams_of_an_older_release_move_before_the_server_starts(services: dict[str, Any], tmp_path: Path) -> None:
    """The start of the container's server, with another folder and without the server itself."""
    shell, option, script = services["nats"]["entrypoint"]
    assert "exec nats-server --config /etc/nats/nats.conf\n" in script
    script = script.replace("$$", "$").replace("/data", str(tmp_path)).replace("exec nats-server", "echo starts")
    kept = tmp_path / "jetstream" / nats.GLOBAL_ACCOUNT / "streams" / "AURA"
    for folder in (kept, kept):
        folder.mkdir(parents=True)
        said = subprocess.run([shell, option, script], capture_output=True, text=True, check=True).stdout
        assert said.startswith("starts")
        assert (tmp_path / "jetstream" / CORE / "streams" / "AURA").is_dir()
    assert kept.is_dir(), "control: nothing moves over streams of CORE"
    empty = script.replace(str(tmp_path), str(tmp_path / "new"))
    assert subprocess.run([shell, option, empty], check=True, capture_output=True).stdout.startswith(b"starts")


def test_the_verifiers_filter_is_the_boxes_own_but_for_what_bubblewrap_calls() -> None:
    profile = json.loads((DEPLOY / "seccomp" / "verifier.json").read_text())
    assert profile["defaultAction"] == "SCMP_ACT_ALLOW"
    (rule,) = profile["syscalls"]
    assert (rule["action"], rule["errnoRet"]) == ("SCMP_ACT_ERRNO", 1)
    assert set(rule["names"]) == set(_REFUSED) - BWRAP_NEEDS


def test_the_image_copies_what_there_is() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert all((ROOT / source).exists() for line in copied for source in line.split())
    packages = {line for line in copied if (ROOT / line).is_dir()}
    wheel = re.search(r"^packages = (\[.+\])$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert wheel is not None
    assert packages == set(json.loads(wheel[1]))
