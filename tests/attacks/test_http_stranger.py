"""Attacks on the served HTTP API and its pages by a stranger. No attack is allowed, and each control is permitted."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest

import director.cli.main  # noqa: F401  # it defines the commands
from director.cli.commands.command import COMMANDS
from director.cli.remote.running import Runner
from director.services import people
from domain.refusal import CommandRefused
from tests.attacks import (  # noqa: F401  # they fill the table of attacks
    stranger_bytes,
    stranger_credentials,
    stranger_doors,
    stranger_forgeries,
    stranger_limits,
    stranger_requests,
    stranger_tokens,
)
from tests.attacks.stranger import ATTACK, ATTACKS, CONTROL, REFUSED, Scene
from tests.integration.conftest import house, nats, open_folder, postgres, postgres_dsn
from tests.integration.house import House, Sample
from tests.integration.test_http_api import SECRET, served, submitted

__all__ = ["house", "nats", "open_folder", "postgres", "postgres_dsn"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.ci,
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.timeout(600),  # a served organisation, and some attacks wait until the server closes a connection
]
WAIT_S = 2.0
"""The server waits for slow requests only so long here, so that the test does not last minutes."""


@pytest.fixture
async def scene(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr("director.http.shield.BODY_WAIT_S", WAIT_S)
    monkeypatch.setattr("director.http.connection.HEADER_WAIT_S", WAIT_S)
    async with served(house, monkeypatch, Runner(COMMANDS)) as site:
        scene = Scene(site, await submitted(site, Sample(1)))
        await people.add_user(scene.opened, "guest", ["viewer"])
        for name in ("director", "operator", "viewer"):
            await people.set_password(scene.opened, name, SECRET)
        yield scene


async def test_no_attack_of_a_stranger_is_allowed_and_each_control_is_permitted(scene: Scene, house: House) -> None:
    outcomes = {name: await attack(scene) for name, attack in ATTACKS.items()}
    print(len(ATTACKS), "attacks:", dict(Counter(name.partition(":")[0] for name in ATTACKS)))
    assert {name: got for name, (got, _) in outcomes.items() if got not in REFUSED} == {}
    assert {name: control for name, (_, control) in outcomes.items() if not 200 <= control < 400} == {}
    recorded = [repr(each.event) for each in await house.log() if each.envelope.type != CommandRefused.type]
    assert [each for each in recorded if ATTACK in each] == []
    assert sum(CONTROL in each for each in recorded) >= 60
    assert len(ATTACKS) >= 200
