"""Faults of model servers as the Director sees them: the run waits, and the provider's own message is shown."""

import json
from collections.abc import Iterator

import pytest

from tests.acceptance.cli import Aura, Server, homely
from tests.behaviours.model import InTurn, error, picky
from tests.integration.house import Sample
from tests.loopback import Loopback, Reply, honest

pytestmark = [
    pytest.mark.needs_sandbox,
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.slow,
    pytest.mark.ci,
]

KEY = "gsk_0123456789_abcdefghij"
QUOTA = "You exceeded your current quota, please check your plan and billing details."


@pytest.fixture(scope="module")
def aura() -> Iterator[Aura]:
    with homely("up", "--no-model", MY_CREDENTIAL=f"{KEY}\n") as aura:
        yield aura.inside()


def right(sample: Sample, words: str = "") -> Reply:
    (text,) = sample.right("T1").values()
    return honest(f"{words}\n```python\n{text}```\n")


def alone(aura: Aura, name: str, server: Loopback) -> None:
    """Hire a model and suspend all other employees."""
    for person in aura.json("employees")["employees"]:
        if person["phase"] == "working":
            aura.json("suspend", person["name"], "--reason", "another one is tried")
    where = ("--base-url", server.base_url, "--model", "asked", "--local")
    aura.json("hire", name, *where, "--key-env", "MY_CREDENTIAL")


def attempts(aura: Aura, run: str) -> list[dict[str, object]]:
    shown: list[dict[str, object]] = aura.json("run", "show", run)["attempts"]
    return shown


def test_a_server_that_asks_to_wait_is_waited_for_and_uses_up_no_attempt(aura: Aura) -> None:
    sample = Sample()
    busy = error(429, "Rate limit reached. Please slow down.", retry_after="3")
    with Server(InTurn(busy, error(503, "The model is loading"), right(sample))) as server:
        alone(aura, "waiting", server)
        line = aura.json("submit", aura.requirement(sample), "--wait", "--attempts", "1")
        first, second, third = attempts(aura, str(line["run"]))
    assert line["phase"] == "delivered"
    assert [each["outcome"] for each in (first, second, third)] == ["rate_limit", "overloaded", "answered"]
    assert [each["fault"] for each in (first, second, third)] == [True, True, False]
    assert {each["attempt"] for each in (first, second, third)} == {1}
    view = aura.json("run", "show", str(line["run"]), "--attempt", "1")
    assert [call["outcome"] for call in view["calls"]] == ["rate_limit", "overloaded", "answered"]
    assert [call["answer"] for call in view["calls"]][:2] == ["", ""]
    assert view["calls"][2]["prompt"].startswith("[system]\n")
    assert sample.right("T1")[next(iter(sample.right("T1")))] in view["calls"][2]["answer"]
    text = aura.text("run", "show", str(line["run"]), "--attempt", "1")
    assert "call 3: " in text
    assert "\n    [system]\n" in text
    assert {str(each["cost_usd"]) for each in (first, second)} == {"0"}
    waited_s = (int(str(second["assigned_at"])) - int(str(first["call_finished_at"]))) / 1_000_000
    assert waited_s >= 3
    assert len(server.seen) == 3


def test_a_lasting_fault_ends_the_run_soon_with_the_provider_s_sentence_and_a_remedy(aura: Aura) -> None:
    sample = Sample()
    with Server(error(429, QUOTA)) as server:
        alone(aura, "broke", server)
        said = aura.run("submit", aura.requirement(sample), "--wait", "--attempts", "1")
        shown, why = aura.text("run", "show", "last"), ""
        for event in aura.lines("events", "--run", "last", "--type", "task.call_finished"):
            why = aura.text("why", str(event["seq"]))
    assert said.code == 1
    assert len(server.seen) == 3
    for screen in (said.out + said.err, shown, why):
        assert QUOTA in screen
        assert "Pay or raise the limit at the provider" in screen
    assert "faults_max" in said.err


def test_what_a_server_refuses_is_left_out_of_the_next_call_by_the_record(aura: Aura) -> None:
    sample = Sample(2)
    asked: list[bool] = []

    def refuses(body: dict[str, object]) -> bool:
        asked.append("seed" in body)
        return "seed" in body

    async def answers(writer: object, seen: object) -> None:
        task = "T1" if sample.module("T1") in json.dumps(getattr(seen, "body", {})) else "T2"
        (text,) = sample.right(task).values()
        await honest(f"```python\n{text}```\n")(writer, seen)  # type: ignore[arg-type]  # as it came

    with Server(picky(refuses, error(400, "Unsupported parameter: 'seed'"), answers)) as server:
        alone(aura, "older", server)
        assert aura.json("submit", aura.requirement(sample), "--wait")["phase"] == "delivered"
        calls = [
            event["payload"]["snapshot"]
            for event in aura.lines("events", "--run", "last", "--type", "task.call_finished")
        ]
    assert {call["parameters"]["adapted"] for call in calls} == {"no_seed"}
    assert asked.count(True) <= 2, "calls that began before the first was answered"
    assert not any("seed" in call["parameters"] for call in calls)
    assert server.seen


@pytest.mark.parametrize(
    ("key", "says"), [(f"\u201c{KEY}\u201d", "a curly quote"), (f"{KEY[:5]}\u200b{KEY[5:]}", "zero-width")]
)
def test_what_cannot_be_a_key_is_told_at_hire_and_not_shown(aura: Aura, key: str, says: str) -> None:
    arguments = (
        "hire",
        "quoted",
        "--base-url",
        "http://127.0.0.1:1/v1",
        "--model",
        "m",
        "--local",
        "--key-env",
        "OTHER",
    )
    said = aura.run(*arguments, OTHER=key)
    assert said.code == 2
    assert says in said.err
    assert KEY[5:] not in said.out + said.err
    assert all(person["name"] != "quoted" for person in aura.json("employees")["employees"])


def test_a_key_with_a_line_break_behind_it_works_and_is_shown_by_no_probe(aura: Aura) -> None:
    with Server(error(401, f"Incorrect API key provided: {KEY}")) as server:
        alone(aura, "probed", server)
        said = aura.run("employees", "--probe", "--json", MY_CREDENTIAL=f"{KEY}\n")
        assert {request.headers["authorization"] for request in server.seen} == {f"Bearer {KEY}"}
    assert "Incorrect API key provided: [key]" in said.out
    assert KEY not in said.out + said.err


def test_the_key_of_a_variable_without_a_telling_name_is_kept_nowhere(aura: Aura) -> None:
    sample = Sample()
    with Server(right(sample, f"Your key is {KEY}.")) as server:
        alone(aura, "echoing", server)
        assert aura.json("submit", aura.requirement(sample), "--wait")["phase"] == "delivered"
    files = [path for path in aura.home.rglob("*") if path.is_file()]
    assert any(b"Your key is" in path.read_bytes() for path in files), "control: the answer that named it is kept"
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
