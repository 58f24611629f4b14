"""compose.yaml for an engine that cannot make bridge networks: all containers use the machine's own network.

An override file gives each server and each role a separate port on loopback. Files that contain addresses are changed
in the copy of the project. Several containers of one role cannot share a port.
"""

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bus.embedded.port import free_port

LOOPBACK = "127.0.0.1"
RESET = "!reset null"
METRICS = "9464"


def override(project: Path, prometheus_port: int) -> None:
    """Write compose.override.yaml, which Compose reads automatically, and change the addresses that depend on it."""
    services: dict[str, Any] = YAML(typ="safe").load(project / "compose.yaml")["services"]
    taken: set[int] = {prometheus_port}
    ports = {name: _free(taken) for name in services} | {"prometheus": prometheus_port}
    http = _free(taken)
    lines = ["services:"]
    for name, service in services.items():
        if name == "secrets":
            addresses = {server: f"{LOOPBACK}:{ports[server]}" for server in ("nats", "postgres")}
            lines += ["  secrets:", "    environment:"]
            lines += [f'      AURA_{server.upper()}_ADDRESS: "{address}"' for server, address in addresses.items()]
            continue
        lines += [f"  {name}:", "    network_mode: host", f"    networks: {RESET}", f"    ports: {RESET}"]
        test = service.get("healthcheck", {}).get("test", [])
        if name == "nats":
            where = ("--addr", LOOPBACK, "--port", str(ports[name]), "--http_port", str(http))
            lines += _listed("command", [*service["command"], *where])
            test = [part.replace(":8222/", f":{http}/") for part in test]
        elif name == "postgres":
            lines += _listed("command", ["postgres", "-c", f"listen_addresses={LOOPBACK}", "-c", f"port={ports[name]}"])
            test = [*test, "-p", str(ports[name])]
            lines += ["    environment:", f'      PGPORT: "{ports[name]}"']
        elif name == "prometheus":
            listen = f"--web.listen-address={LOOPBACK}:{prometheus_port}"
            lines += _listed("command", [*service["command"], listen])
            test = [part.replace(":9090", f":{prometheus_port}") for part in test]
        else:
            lines += ["    environment:", f"      AURA_METRICS_HOST: {LOOPBACK}"]
            lines += [f'      AURA_METRICS_PORT: "{ports[name]}"']
            if name != "http":
                continue
            lines += _listed("command", [*service["command"], "--port", str(ports[name])])
            test = [str(ports[name]) if part == "8000" else part for part in test]
        lines += ["    healthcheck:", *(f"  {line}" for line in _listed("test", test))]
    (project / "compose.override.yaml").write_text("\n".join(lines) + "\n")
    secrets = project / "deploy" / "secrets"
    if (secrets / "nats_url").exists():  # release 0.1.0
        _rewrite(secrets / "nats_url", "@nats:4222", f"@{LOOPBACK}:{ports['nats']}")
        _rewrite(secrets / "postgres_dsn", "@postgres:5432", f"@{LOOPBACK}:{ports['postgres']}")
    _scrape(project / "deploy" / "prometheus" / "prometheus.yml", ports)


def _scrape(settings: Path, ports: dict[str, int]) -> None:
    """Return the scrape settings: every role at its port. The manager needs it, too, as no server knows its name."""
    text = settings.read_text().partition("    # Of managers")[0]
    text = re.sub(rf'"(\w+):{METRICS}"', lambda found: f'"{LOOPBACK}:{ports[found[1]]}"', text)
    manager = f'      - {{targets: ["{LOOPBACK}:{ports["manager"]}"], labels: {{role: manager, name: manager}}}}\n'
    settings.write_text(text.replace("    static_configs:\n", f"    static_configs:\n{manager}"))


def _free(taken: set[int]) -> int:
    port = free_port(frozenset(taken))
    taken.add(port)
    return port


def _listed(key: str, words: list[str]) -> list[str]:
    return [f"    {key}:", *(f"      - {word!r}" for word in words)]


def _rewrite(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text, file
    file.write_text(text.replace(old, new))
