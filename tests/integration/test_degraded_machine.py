"""A verifier on a machine without some limit waits until the Director accepts this, and then continues by itself."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from director.services.base_notes import with_notes
from domain.errors import Refused
from domain.organisation import AcceptLimit
from tests.integration.house import House, Sample, as_share, at, of
from verification.verdict.model import Verdict

pytestmark = pytest.mark.needs_sandbox
MEMORY = "tree memory"


async def test_a_run_waits_until_the_limit_of_this_machine_is_accepted(house: House) -> None:
    asked: list[frozenset[str]] = []
    refused = asyncio.Event()

    async def on_a_weak_machine(*given: Any, accepted: frozenset[str], allow_degraded: bool, **named: Any) -> Verdict:
        asked.append(accepted)
        assert not allow_degraded
        if MEMORY not in accepted:
            refused.set()
            raise Refused(
                "The sandbox cannot enforce these limits on this machine: tree memory.",
                hint="Accept it.",
                code="sandbox_degraded",
            )
        return replace(await as_share(*given, allow_degraded=True, **named), not_held=(MEMORY,))

    sample = Sample(1)
    await house.hire("anna", {"T1": [sample.right("T1")]})
    async with house.running(judge=on_a_weak_machine, machine="lab", allow_degraded=False):
        run = await house.submit(sample, allow_degraded=False)
        await refused.wait()
        for machine in ("mill", "lab"):
            command = AcceptLimit(id=uuid4(), at=at(), machine=machine, limit=MEMORY, reason="my laptop")
            await house.director.handle(command)
        log = await house.until_type(run, "run.delivered")
        line = await with_notes(house.office.store, {"run": run, "phase": "delivered"})
    assert (asked[0], asked[-1]) == (frozenset(), frozenset({MEMORY}))
    assert of(log, run, "task.verified")
    said = "Degraded: the sandbox did not hold tree memory. This was accepted for machine mill (my laptop) and "
    assert line["degraded"] == f"{said}machine lab (my laptop)."
