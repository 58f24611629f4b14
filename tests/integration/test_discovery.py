"""`discover` against doubles of model servers: kinds, models, commands, and what goes wrong."""

import shlex
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agents.cli_agents.library import templates
from agents.employees import postings
from agents.employees.discovery import questions
from agents.employees.discovery.coding_agents import PROGRAMS
from agents.employees.posting import Posting
from agents.employees.providers.table import profile_of
from director.cli.discovery_text import discovered_text
from director.services.discovery import MODEL, PRICE, Discovered, FoundModel, discover
from director.services.hire_options import Hiring, posting_of
from director.settings import Settings
from domain.errors import Invalid
from tests.loopback import Reply, Seen, hang, loopback
from tests.wires import model_servers as doubles
from tests.wires.ollama import tags
from tests.wires.played import address
from tests.wires.wire import KEY, sends


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("AURA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    return Settings()


async def found(
    settings: Settings, reply: Reply, ending: str = "", **options: Any
) -> tuple[Discovered, str, list[Seen]]:
    """Return what is discovered at a double, its address, and the requests that it got."""
    async with loopback(reply) as server:
        there = address(server) + ending
        return await discover(settings, [there], usual={}, **options), address(server), list(server.seen)


def hiring_of(command: str) -> Hiring:
    """Return the options of an `aura hire` command."""
    program, verb, name, *words = shlex.split(command)
    assert (program, verb) == ("aura", "hire")
    options: dict[str, Any] = {"name": name}
    while words:
        option = words.pop(0).removeprefix("--").replace("-", "_")
        options[option] = True if option == "local" else words.pop(0)
    return Hiring(**options | ({"prompt_tokens": int(options["prompt_tokens"])} if "prompt_tokens" in options else {}))


KINDS: tuple[tuple[Mapping[str, Any], str, str | None, tuple[str, int | None, bool | None], str], ...] = (
    (
        doubles.OLLAMA,
        "ollama",
        "0.17.4",
        ("qwen2.5-coder:7b", 32768, True),
        "aura hire qwen2-5-coder-7b --provider ollama --base-url {root} --model qwen2.5-coder:7b",
    ),
    (
        doubles.LLAMA_CPP,
        "llama.cpp",
        "b6000-abc",
        ("SmolLM2-135M", 2048, None),
        "aura hire smollm2-135m --base-url {root}/v1 --model SmolLM2-135M --local --prompt-tokens 1024",
    ),
    (
        doubles.LM_STUDIO,
        "lm studio",
        None,
        ("qwen2.5-7b-instruct", 4096, True),
        "aura hire qwen2-5-7b-instruct --base-url {root}/v1 --model qwen2.5-7b-instruct --local --prompt-tokens 3072",
    ),
    (
        doubles.VLLM,
        "vllm",
        "0.11.0",
        ("Qwen/Qwen3-8B", 40960, None),
        "aura hire qwen3-8b --base-url {root}/v1 --model Qwen/Qwen3-8B --local",
    ),
    (
        doubles.OTHER,
        "compatible",
        None,
        ("our-model", 131072, None),
        "aura hire our-model --base-url {root}/v1 --model our-model --local",
    ),
)


@pytest.mark.parametrize("ending", ["", "/v1"], ids=["the server's address", "an API's address"])
@pytest.mark.parametrize(("answers", "kind", "version", "model", "command"), KINDS, ids=[row[1] for row in KINDS])
async def test_a_server_is_recognised_and_each_model_has_the_command_that_hires_it(
    settings: Settings,
    answers: Mapping[str, Any],
    kind: str,
    version: str | None,
    model: tuple[str, int | None, bool | None],
    command: str,
    ending: str,
) -> None:
    result, root, _ = await found(settings, doubles.serving(answers), ending)
    (server,) = result.servers
    first = server.models[0]
    assert (server.kind, server.version, result.without) == (kind, version, ())
    assert (first.name, first.context_tokens, first.tools) == model
    assert first.hire == command.format(root=root)
    posting = posting_of(hiring_of(first.hire))
    assert (posting.model, posting.kind) == (model[0], "ollama" if kind == "ollama" else "openai")
    assert profile_of(posting).call_usd_max == Decimal(0)
    assert first.hire in discovered_text(as_data(result))


async def test_a_digest_is_listed_and_a_model_of_embeddings_has_no_command(settings: Settings) -> None:
    result, _, _ = await found(settings, doubles.serving(doubles.OLLAMA))
    assert result.servers[0].models[0].digest == doubles.DIGEST
    result, _, _ = await found(settings, doubles.serving(doubles.LM_STUDIO))
    assert [model.hire != "" for model in result.servers[0].models] == [True, False]
    assert "it answers no messages" in discovered_text(as_data(result))


async def test_a_cloud_model_asks_for_its_price(settings: Settings) -> None:
    cloud = tags(("gpt-oss:120b-cloud", doubles.DIGEST), remote_host="https://ollama.com:443")
    result, _, _ = await found(settings, doubles.serving({**doubles.OLLAMA, "/api/tags": cloud}))
    (model,) = result.servers[0].models
    assert model.hire.endswith(f"--model gpt-oss:120b-cloud --price-in {PRICE} --price-out {PRICE}")
    assert "(cloud)" in discovered_text(as_data(result))


async def test_names_are_used_once_and_are_not_those_of_employees(settings: Settings) -> None:
    postings.save(settings.employees, Posting(name="m", kind="scripted", script="x.json"))
    models = [{"id": name} for name in ("a/m", "b/M:latest", "???", "x" * 90)]
    result, _, _ = await found(settings, doubles.serving({"/v1/models": doubles.listed(*models)}))
    names = [hiring_of(model.hire).name for model in result.servers[0].models]
    assert names == ["m-2", "m-3", "model", "x" * 40]


async def test_words_of_a_server_cannot_become_words_of_the_shell_or_the_terminal(settings: Settings) -> None:
    models: list[dict[str, Any]] = [
        {"id": "a; rm -rf $HOME `x`"},
        {"id": "b\nrm"},
        {"id": "c\x1b[2J"},
        {"id": "--local"},
        {"id": 5},
    ]
    answers = {
        "/v1/models": doubles.listed(*models),
        "/props": {"default_generation_settings": {}, "build_info": "\x1b]0;x"},
    }
    result, _, _ = await found(settings, doubles.serving(answers))
    first, option = result.servers[0].models
    assert hiring_of(first.hire).model == first.name == "a; rm -rf $HOME `x`"
    assert option.name == "--local"
    assert "\x1b" not in discovered_text(as_data(result))


async def test_more_models_than_the_limit_are_counted(settings: Settings) -> None:
    models = [{"id": f"m{number}"} for number in range(203)]
    result, _, _ = await found(settings, doubles.serving({"/v1/models": doubles.listed(*models)}))
    assert (len(result.servers[0].models), result.servers[0].left_out) == (200, 3)
    assert "3 more models" in discovered_text(as_data(result))


async def test_a_server_without_models_says_so(settings: Settings) -> None:
    result, _, _ = await found(settings, doubles.serving({**doubles.OLLAMA, "/api/tags": {"models": []}}))
    assert result.servers[0].models == ()
    assert "ollama pull" in discovered_text(as_data(result))


async def drops(writer: Any, seen: Seen) -> None:
    """Close the connection without an answer."""
    del writer, seen


async def picky(writer: Any, seen: Seen) -> None:
    """Never answer a path that is not known, as some servers do."""
    if seen.path != "/v1/models":
        await hang(writer, seen)
    await sends(200, doubles.OTHER["/v1/models"])(writer, seen)


@pytest.mark.parametrize(
    ("reply", "code", "reason", "hint"),
    [
        (
            sends(200, b"<html><title>Hello</title></html>"),
            "not_found",
            "answers, but has no list of models",
            "Give the",
        ),
        (sends(404, b"404 page not found"), "not_found", "It answered 404 (404 page not found)", "Give the address"),
        (sends(500, {"error": "broken"}), "not_found", "It answered 500 (broken)", "Give the address"),
        (
            sends(401, {"error": {"message": "who?"}}),
            "auth",
            "answered 401 (who?): the server wants a key",
            "--key-env",
        ),
        (sends(200, [1, 2]), "not_found", "no list of models", "Give the address"),
        (sends(200, {"data": "x", "models": 5}), "not_found", "no list of models", "Give the address"),
        (
            sends(307, b"", location="http://localhost:1/x"),
            "moved",
            "the new address is http://localhost:1/x",
            "new address",
        ),
        (drops, "connection", "connection to", "Start the server"),
        (hang, "timeout", "did not answer", ""),
    ],
    ids=["a page", "404", "500", "401", "a list", "odd values", "a redirect", "no answer", "silence"],
)
async def test_an_address_without_models_has_a_reason_and_a_next_step(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, reply: Reply, code: str, reason: str, hint: str
) -> None:
    monkeypatch.setattr(questions, "QUESTION_WALL_S", 0.3)
    result, root, _ = await found(settings, reply)
    (one,) = result.unanswered
    assert (result.servers, one.code) == ((), code)
    assert reason in one.reason
    assert root in one.reason
    assert hint in one.hint
    assert one.reason in discovered_text(as_data(result))


async def test_a_server_that_is_silent_about_other_paths_is_still_found(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "QUESTION_WALL_S", 0.3)
    result, _, _ = await found(settings, picky)
    assert [server.kind for server in result.servers] == ["compatible"]


async def test_nobody_listens_and_addresses_that_are_none(settings: Settings) -> None:
    usual = {"http://127.0.0.1:1": "Ollama"}
    result = await discover(settings, ["127.0.0.1:2", "ftp://x", "http://"], usual=usual)
    assert [one.code for one in result.without] == ["connection", "connection", "bad_settings", "bad_settings"]
    text = discovered_text(as_data(result))
    assert "No model server answers on this machine" in text
    assert "Nothing answers at the usual addresses of Ollama (http://127.0.0.1:1)" in text
    assert "http://127.0.0.1:2 cannot be reached" in text
    with pytest.raises(Invalid, match="too many"):
        await discover(settings, ["127.0.0.1:2"] * 51, usual={})


async def test_a_key_goes_to_the_given_address_alone(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    async with loopback(doubles.serving(doubles.OTHER)) as given, loopback(doubles.serving(doubles.OTHER)) as usual:
        result = await discover(settings, [address(given)], key_env="MY_KEY", usual={address(usual): "Ollama"})
    assert {seen.headers.get("authorization") for seen in given.seen} == {f"Bearer {KEY}"}
    assert {seen.headers.get("authorization") for seen in usual.seen} == {None}
    commands = [model.hire for server in result.servers for model in server.models]
    assert ["--key-env MY_KEY" in command for command in commands] == [False, True]
    assert KEY not in str(as_data(result))
    with pytest.raises(Invalid, match="NO_SUCH has no key"):
        await discover(settings, [], key_env="NO_SUCH", usual={})


async def test_another_path_of_an_api_is_kept(settings: Settings) -> None:
    result, root, _ = await found(settings, doubles.serving({"/api/v1/models": doubles.OTHER["/v1/models"]}), "/api/v1")
    assert result.servers[0].address == f"{root}/api/v1"
    result, root, seen = await found(
        settings, doubles.serving({"/openai/models": doubles.OTHER["/v1/models"]}), "/openai"
    )
    assert result.servers[0].address == f"{root}/openai"
    assert len(seen) == len(questions.PATHS)


async def test_an_agent_on_path_has_the_command_that_hires_it(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "no-programs").mkdir()
    for program in PROGRAMS:
        (tmp_path / "no-programs" / program).write_text("#!/bin/sh\necho 1.2.3\n")
        (tmp_path / "no-programs" / program).chmod(0o755)
    result = await discover(settings, usual={})
    assert [agent.version for agent in result.agents] == ["1.2.3"] * len(PROGRAMS)
    templates_of_agents = templates(settings.employees)
    for agent in result.agents:
        assert agent.hire == f"aura hire {agent.name} --cli {agent.name} --model {MODEL}"
        assert agent.name in templates_of_agents
        assert agent.hire in discovered_text(as_data(result))


def as_data(result: Discovered) -> Any:
    """Return the result as the command line gets it."""
    return msgspec.to_builtins(result)


def test_a_model_without_facts_is_shown_with_empty_cells() -> None:
    model = msgspec.structs.asdict(FoundModel(name="m", hire="aura hire m"))
    server = {"kind": "compatible", "version": None, "address": "a", "models": [model], "left_out": 0}
    assert "None" not in discovered_text({"servers": [server], "agents": [], "without": []})
