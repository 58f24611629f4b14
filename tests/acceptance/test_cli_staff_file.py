"""From employees.toml in the home to a run in which an employee stands in for another one, as a user does it."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.acceptance.cli import Aura, Server, homely, the_object
from tests.clusters import with_cluster
from tests.integration.house import Sample
from tests.loopback import Loopback, honest, raw

pytestmark = [
    pytest.mark.needs_sandbox,
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.slow,
    pytest.mark.ci,
]

QUOTA = raw(429, b'{"error": {"message": "quota"}}', retry_after="30")


@pytest.fixture
def aura() -> Iterator[Aura]:
    with homely() as aura:
        with_cluster(aura.home)
        yield aura.inside()


def answered(sample: Sample) -> str:
    (text,) = sample.right("T1").values()
    return f"```python\n{text}```\n"


def written(aura: Aura, first: Loopback, second: Loopback, **options: object) -> Path:
    entries = "".join(f"{name} = {value}\n" for name, value in options.items())
    file = aura.home / "employees.toml"
    file.write_text(
        f'[defaults]\nmodel = "m"\nprice-in = 1\nprice-out = 2\n'
        f'[employees.first]\nbase-url = "{first.base_url}"\n{entries}'
        f'[employees.second]\nbase-url = "{second.base_url}"\n'
        '[fallback]\nimplementer = ["first", "second"]\n'
    )
    return file


def test_a_file_is_hired_at_the_start_and_its_second_employee_stands_in_for_the_first(aura: Aura) -> None:
    sample, other = Sample(), Sample()
    with ExitStack() as servers:
        first = servers.enter_context(Server(QUOTA))
        second = servers.enter_context(Server(honest(answered(sample))))
        written(aura, first, second, slot=2)
        refused = aura.json("up", "--no-model", code=2)
        assert "employees.toml:7:1: there is no option 'slot'. Write: slots" in refused["hint"]
        assert aura.json("status", code=69)["code"], "nothing was started"

        file = written(aura, first, second)
        up = aura.run("up", "--no-model", "--json")
        assert up.code == 0
        assert "employees.toml: 2 hired, fallback chain of the role implementer set" in up.err
        staff = aura.json("employees")
        assert [person["name"] for person in staff["employees"]] == ["first", "second"]
        assert [chain["names"] for chain in staff["fallback"]] == [["first", "second"]]

        run = aura.json("submit", aura.requirement(sample), "--wait")["run"]
        shown = aura.json("run", "show", run)
        assert [one["employee_name"] for one in shown["attempts"]] == ["first", "second"]
        (stand_in,) = shown["stand_ins"]
        assert (stand_in["employee_name"], stand_in["passed_over_name"]) == ("second", "first")
        assert stand_in["reason"] == "resting"
        said = aura.run("run", "show", run).out
        assert "T1, attempt 1: second stood in for first (first rested after a fault of its server)" in said

        first.reply = honest(answered(other))
        again = written(aura, first, second, slots=2)
        planned = aura.json("staff", "apply", str(again), "--dry-run")
        assert [each["change"] for each in planned["employees"]] == ["updated", "unchanged"]
        assert planned["employees"][0]["differences"] == [{"option": "slots", "before": "1", "after": "2"}]
        aura.json("staff", "apply", str(file))  # an update also ends the rest
        run = aura.json("submit", aura.requirement(other), "--wait")["run"]
        shown = aura.json("run", "show", run)
        assert [one["employee_name"] for one in shown["attempts"]] == ["first"], "it is back"
        assert shown["stand_ins"] == []
        assert aura.run("replay", "--check").code == 0, "a replay gives the same rows"

        probed = the_object(aura.run("employees", "--probe", "--json"))["data"]["employees"]
        for person in probed:
            facts = person["probed"]
            assert (facts["tools"], facts["tokens"], facts["server_context_tokens"]) == ("yes", 52, None)
            assert facts["cost_usd"] == "0.000064"
            assert facts["price"] == "1 USD in and 2 USD out for a million tokens, as stated"
            assert facts["context_tokens"] == 32_768 + 1024
        assert "0.000064 USD for 52 tokens" in aura.run("employees", "--probe").out
