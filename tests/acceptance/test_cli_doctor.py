"""`aura doctor` as a person runs it: with nothing running, with reachable servers, and with unreachable servers."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.cli import Aura, homely

PARTS = ("python", "event-loop", "home", "scratch", "cgroup", "bubblewrap", "docker", "nats-server", "postgres")
SECRET = "sk-very-secret-0123456789"


@pytest.fixture
def aura() -> Iterator[Aura]:
    with homely() as made:
        yield made


def parts(whole: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {part["name"]: part for part in whole["data"]["parts"]}


def test_with_nothing_running(aura: Aura) -> None:
    said = aura.run("doctor", "--json", OPENAI_API_KEY=SECRET)
    found = parts(json.loads(said.out))
    assert set(PARTS) <= set(found)
    assert said.code == (69 if found["bubblewrap"]["state"] == found["docker"]["state"] == "missing" else 0)
    assert re.search(r"\d+\.\d+", found["nats-server"]["says"])
    assert re.search(r"\d+\.\d+", found["postgres"]["says"])
    assert found["OPENAI_API_KEY"]["says"].startswith("set")
    assert SECRET not in said.out + said.err
    assert all(bool(part["remedy"]) == (part["state"] != "ok") for part in found.values())
    assert not aura.home.exists()


def test_for_people_each_part_has_a_line_and_each_fault_a_remedy(aura: Aura) -> None:
    said = aura.inside().run("doctor", AURA_DOCKER_HOST=f"unix://{aura.folder}/none")
    lines = said.out.splitlines()
    for name in PARTS:
        (at,) = (number for number, line in enumerate(lines) if line.split()[1] == name)
        assert lines[at].split()[0] in ("ok", "degraded", "missing")
        assert (at + 1 < len(lines) and lines[at + 1].strip().startswith("->")) == (lines[at].split()[0] != "ok")


def test_servers_that_are_named_and_do_not_answer(aura: Aura) -> None:
    named = {
        "AURA_NATS_URL": "nats://someone:very-secret@127.0.0.1:1",
        "AURA_POSTGRES_DSN": "postgresql://someone:very-secret@127.0.0.1:1/aura",
    }
    said = aura.inside().run("doctor", "--json", **named)
    whole = json.loads(said.out)
    assert said.code == 69
    assert "nats-server, postgres" in whole["error"]["message"]
    for name, setting in (("nats-server", "AURA_NATS_URL"), ("postgres", "AURA_POSTGRES_DSN")):
        assert parts(whole)[name]["state"] == "missing"
        assert setting in parts(whole)[name]["remedy"]
    assert "very-secret" not in said.out + said.err


def test_a_key_that_an_employee_needs(aura: Aura) -> None:
    (aura.home / "employees").mkdir(parents=True)
    posting = {"name": "coder", "kind": "openai", "model": "m", "api_key_env": "SOME_API_KEY"}
    (aura.home / "employees" / "coder.json").write_text(json.dumps(posting))
    without = parts(json.loads(aura.inside().run("doctor", "--json").out))["SOME_API_KEY"]
    assert without["state"] == "missing"
    assert "SOME_API_KEY" in without["remedy"]
    given = parts(json.loads(aura.inside().run("doctor", "--json", SOME_API_KEY=SECRET).out))["SOME_API_KEY"]
    assert given["state"] == "ok"


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.needs_nats
@pytest.mark.needs_postgres
def test_with_an_organisation_at_work() -> None:
    with homely("up", "--no-model") as stack:
        aura = stack.inside()
        found = parts(json.loads(aura.run("doctor", "--json").out))
        assert found["nats-server"]["says"].startswith("nats-server ")
        assert " answers at " in found["postgres"]["says"]
        model = ("--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--local", "--key-env", "SOME_API_KEY")
        aura.json("hire", "coder", *model)

        def served() -> dict[str, Any]:
            found = parts(json.loads(aura.run("doctor", "--json", SOME_API_KEY=SECRET).out))
            return found if "SOME_API_KEY" in found else {}

        found = aura.until(served)
        assert found["SOME_API_KEY"]["says"].startswith("not set for the worker"), "the shell's key does not count"
        assert found["employee coder"]["state"] == "missing"
        assert "http://127.0.0.1:9/v1 cannot be reached" in found["employee coder"]["remedy"]
        assert found["log"]["state"] == "ok"
