"""`aura hire --discover` as a user runs it, without an organisation. The server is a double of Ollama."""

from pathlib import Path

import pytest

from tests.acceptance.cli import Aura, Server
from tests.wires.model_servers import DIGEST, OLLAMA, serving
from tests.wires.played import address


@pytest.fixture
def aura(tmp_path: Path) -> Aura:
    return Aura(tmp_path, PATH="/nothing").inside()


def test_models_are_listed_with_the_command_that_hires_them(aura: Aura) -> None:
    with Server(serving(OLLAMA)) as server:
        where = address(server)
        data = aura.json("hire", "--discover", where)
        said = aura.run("hire", "--discover", where)
    there = next(each for each in data["servers"] if each["address"] == where)
    (model,) = there["models"]
    assert (there["kind"], there["version"], model["digest"]) == ("ollama", "0.17.4", DIGEST)
    command = f"--provider ollama --base-url {where} --model qwen2.5-coder:7b"
    assert model["hire"].endswith(command)
    assert said.code == 0
    assert command in said.out
    assert not aura.home.exists(), "a discovery changes nothing"


def test_an_address_without_a_server_fails_with_the_next_step(aura: Aura) -> None:
    error = aura.json("hire", "--discover", "127.0.0.1:1", code=69)
    assert "127.0.0.1:1" in error["message"]
    assert "Start the server" in error["hint"]


def test_a_hire_has_one_name(aura: Aura) -> None:
    for names in ((), ("ada", "bert")):
        error = aura.json("hire", *names, "--model", "m", code=2)
        assert "one name" in error["message"]
        assert "aura hire --discover" in error["hint"]
