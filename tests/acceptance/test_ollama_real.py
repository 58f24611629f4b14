"""From discovery to a verified delivery with the real Ollama server and the small model."""

import re
import shlex
from pathlib import Path

import pytest

from tests.acceptance.cli import Aura, homely, the_object
from tests.ollama_server import MODEL, VERSION, needs_ollama, ollama_server

pytestmark = [
    *needs_ollama,
    pytest.mark.slow,
    pytest.mark.needs_sandbox,
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.timeout(3600),
]
EXAMPLE = Path(__file__).parents[2] / "examples" / "small-tools"
TASK, CRITERION = "T2", "A2"
ATTEMPTS_MAX = 60
"""The model solves this function in 27 of 150 tries (examples/small-tools/pass-rates.md). All 60 fail in one of 150,000
runs.
"""


def of_one_task(folder: Path) -> str:
    """Write the demonstration's requirement with one of its functions, and return the name of its file."""
    text = (EXAMPLE / "small-tools.md").read_text()
    text = re.sub(rf"^  - \{{id: T(?!{TASK[1:]},).*\n", "", text, flags=re.M)
    head, mark, acceptance = text.partition("```yaml acceptance\n")
    (folder / "one-tool.md").write_text(f"{head}{mark}{criterion_of(acceptance)}```\n")
    sealed = (EXAMPLE / "small-tools.sealed.yaml").read_text()
    (folder / "one-tool.sealed.yaml").write_text(criterion_of(sealed))
    return "one-tool.md"


def criterion_of(text: str) -> str:
    """Return the part of a list of criteria that belongs to the criterion."""
    (part,) = re.findall(rf"^- id: {CRITERION}\n(?:  .*\n)+", text, flags=re.M)
    return str(part)


def probe_of(aura: Aura, name: str) -> str:
    """Return the result of a probe. It may be a failure."""
    people = the_object(aura.run("employees", "--probe", "--json"))["data"]["employees"]
    return next(str(person["probe"]) for person in people if person["name"] == name)


def test_the_real_server_is_discovered_hired_and_delivers_a_verified_function(tmp_path: Path) -> None:
    with ollama_server(tmp_path) as server, homely("up", "--no-model") as started:
        aura = started.inside()
        found = aura.json("hire", "--discover", server.address)
        (there,) = [each for each in found["servers"] if each["address"] == server.address]
        (model,) = there["models"]
        assert (there["kind"], f"v{there['version']}") == ("ollama", VERSION)
        assert (model["name"], model["context_tokens"], model["tools"]) == (f"{MODEL}:latest", 8192, False)
        program, *command = shlex.split(model["hire"])
        assert program == "aura"
        limits = ("--prompt-tokens", "1024", "--output-tokens", "96", "--wall-s", "300")
        hired = aura.json(*command, *limits)
        assert (hired["note"], hired["call_usd_max"]) == ("", "0")
        delivered = aura.json("submit", of_one_task(aura.folder), "--wait", "--attempts", str(ATTEMPTS_MAX))
        assert delivered["phase"] == "delivered"
        shown = aura.json("run", "show", delivered["run"])
        attempts = shown["attempts"]
        print(f"{len(attempts)} attempts, {sum(attempt['tokens'] for attempt in attempts)} tokens")
        assert {attempt["employee_name"] for attempt in attempts} == {hired["name"]}
        server.create(MODEL, "PARAMETER temperature 0.2")  # another model under the same name
        silent = aura.answer("employees", "--probe", code=1)
        assert "no longer the model that was hired" in str(silent["data"])
        assert aura.json("hire", hired["name"], "--update")["version"] != hired["version"]
        assert aura.until(lambda: probe_of(aura, hired["name"]).startswith("ok"))  # the model is loaded again first
