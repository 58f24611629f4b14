"""A stop in the midst of a call hears its answer: nothing is lost, nothing waits for a lease."""

from tests.integration.house import House, Sample, of


async def test_a_call_at_hand_is_handed_in_before_the_stop(house: House) -> None:
    sample = Sample(1)
    await house.hire("anna", {task: [sample.right(task)] for task in sample.numbers}, delay_s=1.5)
    async with house.running():
        run = await house.submit(sample)
        await house.until_type(run, "task.call_started")
    async with house.running(roles=("recorder",)):
        log = await house.until_type(run, "task.call_finished")
    assert len(of(log, run, "task.call_finished")) == 1
    async with house.running():
        log = await house.until_type(run, "run.delivered")
    assert len(of(log, run, "task.call_started")) == 1
    assert not of(log, run, "task.released")
