"""The result of `aura hire --discover` as text."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from director.terminal.escape import visible
from director.terminal.text import table

DIGEST_CHARS = 12  # of a digest, as Ollama's own command line shows it
NOTHING = (
    "No model server answers on this machine. Start one (for example `ollama serve`), or give its address:\n"
    "aura hire --discover http://host:port. A hosted model needs no discovery: `aura hire --help` shows how to hire it."
)


def discovered_text(data: Mapping[str, Any]) -> str:
    """Return the servers with their models, the agents, and the addresses that have no models."""
    parts = [_server(server) for server in data["servers"]] or [NOTHING]
    parts += [text for text in (_agents(data["agents"]), _without(data["without"])) if text]
    return "\n\n".join(parts)


def _server(server: Mapping[str, Any]) -> str:
    version = f" {visible(server['version'])}" if server["version"] else ""
    kind = "OpenAI-compatible server" if server["kind"] == "compatible" else server["kind"]
    head = f"{kind}{version} at {visible(server['address'])}"
    if not server["models"]:
        more = " `ollama pull NAME` gets one." if server["kind"] == "ollama" else " Load one in the server."
        return f"{head}: it has no models.{more}"
    lines = [_model(model) for model in server["models"]]
    left_out = f"\n{server['left_out']} more models are not listed." if server["left_out"] else ""
    return f"{head}\n{table(('model', 'context', 'tools', 'digest', 'to hire it'), lines)}{left_out}"


def _model(model: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the cells of a model. What the server does not say is empty."""
    return (
        visible(model["name"]) + (" (cloud)" if model["cloud"] else ""),
        model["context_tokens"],
        {True: "yes", False: "no", None: None}[model["tools"]],
        visible((model["digest"] or "")[:DIGEST_CHARS]) or None,
        visible(model["hire"]) or "(it answers no messages)",
    )


def _agents(agents: Sequence[Mapping[str, Any]]) -> str:
    if not agents:
        return ""
    lines = [
        (agent["name"], visible(agent["version"] or agent["problem"]), visible(agent["path"]), visible(agent["hire"]))
        for agent in agents
    ]
    said = table(("agent", "version", "program", "to hire it"), lines)
    return f"Coding agents on PATH\n{said}\nA session does not use these programs: `aura toolbox` installs its own."


def _without(addresses: Sequence[Mapping[str, Any]]) -> str:
    """Return the lines about addresses without models. Usual addresses that do not answer share one line."""
    silent = [one for one in addresses if one["usual"] and one["code"] == "connection"]
    lines = list(_told(one for one in addresses if one not in silent))
    if silent:
        usual = ", ".join(f"{one['usual']} ({one['address']})" for one in silent)
        lines.append(f"Nothing answers at the usual addresses of {usual}.")
    return "\n".join(lines)


def _told(addresses: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    for one in addresses:
        yield f"{visible(one['reason'])} {visible(one['hint'])}"
