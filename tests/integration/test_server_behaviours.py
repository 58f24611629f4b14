"""The behaviours of servers, each played to a complete employee: outcome, charge, message, remedy and wait."""

from dataclasses import replace
from typing import Any

import pytest

from agents.employees import pricing
from agents.employees.providers import openai
from tests.behaviours import adapting, answering, breaking, charging, refusing, waiting
from tests.behaviours.model import BOUND, GOOD, Behaviour, Used, sends
from tests.behaviours.played import faults, hired, order_of, played, worked
from tests.loopback import honest, loopback
from tests.tiers import CI

TABLES = {
    "adapting": adapting.BEHAVIOURS,
    "answering": answering.BEHAVIOURS,
    "charging": charging.BEHAVIOURS,
    "refusing": refusing.BEHAVIOURS,
    "waiting": waiting.BEHAVIOURS,
    "breaking": breaking.BEHAVIOURS,
}


@pytest.fixture(autouse=True)
def priced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the loopback server the prices of a hosted server, which accepts the older name of the token limit."""
    monkeypatch.setitem(pricing._PROVIDERS, "127.0.0.1", "openai")
    monkeypatch.setattr(openai, "_NEWER_LIMIT_PROVIDER", "none")


FAST_EVERY = 5
"""Every fifth row runs in `make test`, and all rows run before a merge."""
ROWS = [
    pytest.param(behaviour, id=f"{table}: {behaviour.name}", marks=[] if at % FAST_EVERY == 0 else CI)
    for table, rows in TABLES.items()
    for at, behaviour in enumerate(rows)
]


@pytest.mark.parametrize("behaviour", ROWS)
async def test_a_behaviour_has_its_outcome_charge_and_message(behaviour: Behaviour) -> None:
    async with loopback(behaviour.reply or honest(GOOD)) as server:
        done = await played(behaviour, server)
    assert faults(behaviour, done) == []


def test_there_are_enough_of_them_and_each_has_a_name_of_its_own() -> None:
    names = [(table, behaviour.name) for table, rows in TABLES.items() for behaviour in rows]
    assert len(names) == len(set(names)) >= 80


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("outcome", {"outcome": "empty"}),
    ("charged", {"charge": BOUND}),
    ("estimated", {"charge": Used(40, 12, estimated=True, cached=8)}),
    ("requests", {"requests": 2}),
    ("adaptations", {"adapted": ("no_seed",)}),
    ("message", {"says": ("words that nobody says",)}),
    ("waits", {"waits_s": (1.0, 2.0)}),
]


@pytest.mark.parametrize(("what", "wanted"), WRONG, ids=[case[0] for case in WRONG])
async def test_control_another_wish_is_not_met(what: str, wanted: dict[str, Any]) -> None:
    behaviour = Behaviour("as it should be", honest(GOOD))
    async with loopback(honest(GOOD)) as server:
        done = await played(behaviour, server)
    assert faults(behaviour, done) == []
    assert any(what in fault for fault in faults(replace(behaviour, **wanted), done))


async def test_a_second_order_is_asked_in_the_form_that_the_first_one_found() -> None:
    behaviour = next(each for each in adapting.BEHAVIOURS if each.name == "seed by OpenAI")
    assert behaviour.reply is not None
    async with loopback(behaviour.reply) as server:
        orders = [order_of(behaviour, number=number) for number in (1, 2)]
        first, second = await worked(hired(server.base_url), orders)
    assert [("seed" in request.body) for request in server.seen] == [True, False, False]
    assert first.calls[0].snapshot.adaptations == second.calls[0].snapshot.adaptations == ("no_seed",)
    assert second.calls[0].snapshot.parameters["adapted"] == "no_seed"
    assert "seed" not in second.calls[0].snapshot.parameters


async def test_a_key_that_is_sent_somewhere_goes_to_no_other_server() -> None:
    async with loopback(honest(GOOD)) as other:
        away = sends(307, b"", location=f"http://localhost:{other.port}/v1/chat/completions")
        async with loopback(away) as server:
            (keyed,) = await worked(hired(server.base_url), [order_of(Behaviour("x", None))])
            assert (keyed.calls[0].snapshot.outcome, other.seen) == ("moved", [])
            (keyless,) = await worked(hired(server.base_url, api_key=None), [order_of(Behaviour("x", None))])
    assert (keyless.calls[0].snapshot.outcome, len(other.seen)) == ("answered", 1)
