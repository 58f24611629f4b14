"""Models of every provider against doubles of their servers: every case, and what no single answer shows."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.loopback import loopback
from tests.tiers import CI
from tests.wires.cases import BOUND, BREAKS, CASES, GOOD, Case, answer
from tests.wires.conversing import each
from tests.wires.own_cases import OWN
from tests.wires.played import WIRES, faults, played
from tests.wires.wire import Wire

FAST_EVERY = 3
"""Every third case runs in `make test`, and all run before a merge. The breaks include waits."""
ROWS = [
    pytest.param(wire, case, id=f"{wire.name}: {case.name}", marks=CI if at % FAST_EVERY or case in BREAKS else [])
    for wire in WIRES
    for at, case in enumerate((*CASES, *OWN[wire.name]))
]
pytestmark = pytest.mark.usefixtures("priced")


@pytest.mark.parametrize(("wire", "case"), ROWS)
async def test_a_case_ends_as_wanted(wire: Wire, case: Case) -> None:
    reply = case.reply(wire)
    assert reply is not None
    async with loopback(reply) as server:
        done = await played(case, wire, server)
    assert faults(case, wire, done) == []


def test_every_provider_has_every_case_and_each_has_a_name_of_its_own() -> None:
    counted = Counter(str(row.id).partition(":")[0] for row in ROWS)
    print("\n".join(f"{name:18} {count:4} cases" for name, count in counted.items()))
    for wire in WIRES:
        names = {case.name for case in (*CASES, *OWN[wire.name])}
        assert len(names) == len(CASES) + len(OWN[wire.name]) == counted[wire.name]
    assert len(CASES) >= 80


WRONG: tuple[tuple[str, dict[str, Any]], ...] = (
    ("failure", {"failure": "empty"}),
    ("charge", {"charge": BOUND}),
    ("text", {"text": "other"}),
    ("finish", {"finish": "length"}),
    ("calls", {"calls": (("run", {}),)}),
    ("requests", {"requests": 2}),
)


@each
@pytest.mark.parametrize(("what", "wanted"), WRONG, ids=[row[0] for row in WRONG])
async def test_control_another_wish_is_not_met(wire: Wire, what: str, wanted: dict[str, Any]) -> None:
    case = Case("plain", answer(text=GOOD))
    reply = case.reply(wire)
    assert reply is not None
    async with loopback(reply) as server:
        done = await played(case, wire, server)
    assert faults(case, wire, done) == []
    assert any(fault.startswith(what) for fault in faults(replace(case, **wanted), wire, done))
