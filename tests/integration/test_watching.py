"""Following a run: one that its manager has parked is said to stand still, and is not waited for."""

from uuid import uuid4

import pytest

from director.door import Door
from director.watching import Watch
from domain import incident
from domain.errors import Failed
from tests.integration.house import House, Sample, at


async def test_a_parked_run_is_not_waited_for(house: House) -> None:
    sample = Sample(1)
    await house.hire("anna", {task: [sample.right(task)] for task in sample.numbers})
    async with house.running():
        honest = await house.submit(sample)
        line = await Watch(house.office.store, honest, Door("watch", True), quiet=True).until_rest()
        assert line["phase"] == "delivered"
        parked = uuid4()
        for kind, detail in (("stalled_task", "manager is not meant"), ("parked_event", "manager cannot take event 9")):
            await house.gate("manager").handle(
                incident.Raise(id=uuid4(), at=at(), incident=uuid4(), kind=kind, detail=detail, run=parked)  # type: ignore[arg-type]  # one of its literals
            )
        await house.log()
        with pytest.raises(Failed, match="manager cannot take event 9"):
            await Watch(house.office.store, parked, Door("watch", True), quiet=True).until_rest()
