"""`aura hire --provider …` for each provider with a server: from the hire to a delivery, against doubles."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from agents.employees.providers.table import PROVIDERS
from tests.acceptance.cli import Aura, Server, homely
from tests.integration.house import Sample
from tests.loopback import Loopback
from tests.tiers import CI
from tests.wires.openai import versioned
from tests.wires.openai_responses import OpenAIResponsesWire
from tests.wires.played import WIRES, address
from tests.wires.wire import KEY, Wire, sends

pytestmark = [*CI, pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats]
PRICES = (Decimal("1.50"), Decimal(6))
USED = (1000, 200, 0)


@pytest.fixture(scope="module")
def aura() -> Iterator[Aura]:
    with homely("up", "--no-model", OPENAI_API_KEY=KEY, ANTHROPIC_API_KEY=KEY, GEMINI_API_KEY=KEY) as aura:
        yield aura.inside()


APIS = {OpenAIResponsesWire.name: ("--api", "responses")}


def hire(aura: Aura, wire: Wire, server: Loopback) -> str:
    """Hire an employee on the server, and return its name."""
    name, address_of_server = wire.name.replace(" ", "-"), address(server)
    if wire.provider == "openai":
        address_of_server = versioned(address_of_server)
    price_in, price_out = (str(price) for price in PRICES)
    key = () if PROVIDERS[wire.provider].key_env else ("--key-env", "OPENAI_API_KEY")
    where = (*key, "--base-url", address_of_server, "--model", wire.model_name, *APIS.get(wire.name, ()))
    aura.json("hire", name, "--provider", wire.provider, *where, "--price-in", price_in, "--price-out", price_out)
    return name


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: wire.name)
def test_a_hired_model_answers_a_probe_delivers_and_is_charged(aura: Aura, wire: Wire) -> None:
    sample = Sample()
    (text,) = sample.right("T1").values()
    body = wire.body(f"Here it is, {KEY}:\n```python\n{text}```\n", used=USED)
    with Server(sends(200, body)) as server:
        name = hire(aura, wire, server)
        person = next(one for one in aura.json("employees", "--probe")["employees"] if one["name"] == name)
        assert person["probe"].startswith("ok")
        assert person["provider"] == wire.provider
        delivered = aura.json("submit", aura.requirement(sample), "--wait")
        assert delivered["phase"] == "delivered"
        calls = [seen for seen in server.seen if seen.method == "POST" and seen.path != "/api/show"]
        sent = [wire.sent(seen) for seen in calls]  # the other requests ask about the model
        aura.json("dismiss", name, "--reason", "the next one is tried")
    assert [request.key for request in sent] == [KEY, KEY]
    assert sent[1].system
    shown = aura.json("run", "show", delivered["run"])
    (attempt,) = shown["attempts"]
    assert (attempt["employee_name"], attempt["outcome"]) == (name, "answered")
    assert (Decimal(attempt["cost_usd"]), attempt["tokens"]) == (Decimal("0.0027"), 1200)
    assert KEY not in str(shown)


def test_a_provider_has_its_own_address_and_key(aura: Aura) -> None:
    hired = aura.json("hire", "claude", "--provider", "anthropic", "--model", "claude-sonnet-4-5")
    assert Decimal(hired["call_usd_max"]) > 0
    person = next(one for one in aura.json("employees")["employees"] if one["name"] == "claude")
    assert person["provider"] == "anthropic"
    aura.json("dismiss", "claude", "--reason", "no call is made here")


def test_a_provider_or_a_style_that_does_not_exist_is_refused(aura: Aura) -> None:
    error = aura.json("hire", "eve", "--provider", "nobody", "--model", "m", code=2)
    assert "anthropic" in error["hint"]
    assert "gemini" in error["hint"]
    error = aura.json("hire", "eve", "--provider", "gemini", "--model", "m", "--style", "grammar", code=2)
    assert "style" in error["message"]
