"""The Director's acts on a running organisation: an override, and a return with comments."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from dulwich.repo import Repo

from agents.delivery.override import NOT_VERIFIED
from agents.employees.contract import Order
from director.services import attestations, comments, override, person_acts
from director.services.approvals import approve_run, decide_approval
from director.services.session import DirectorSession, new_id, run_state
from director.services.views import RUN
from director.settings import Settings
from domain import run_act_messages as acts
from domain import run_messages
from domain.errors import Conflict, Differs, Invalid, NotFound, Refused
from governance import keys
from tests.integration.house import House, Sample, of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.ci,
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.needs_sandbox,
]


@pytest.fixture
async def opened(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DirectorSession]:
    for name, value in (("HOME", str(house.home)), ("NATS_URL", house.nats_url), ("POSTGRES_DSN", house.postgres_dsn)):
        monkeypatch.setenv(f"AURA_{name}", value)
    settings = Settings()
    async with house.running():
        yield DirectorSession(settings, house.office, keys.load(settings.keys, "director"))


async def test_rejected_work_is_released_by_an_override_and_never_verified(
    house: House, opened: DirectorSession
) -> None:
    sample = Sample(2)
    await house.hire("ada", {"T1": [sample.right("T1")], "T2": [sample.wrong("T2")]})
    old = await house.submit(sample, attempts_max=1)
    await house.until_type(old, "run.ended")
    ask = override.OverrideRequest(run=old, reason="the customer waits", confirmation="Not verified")
    with pytest.raises(Invalid, match="typed confirmation"):
        await override.override_run(opened, override.OverrideRequest(run=old, reason="x", confirmation="yes"))
    with pytest.raises(NotFound, match="no work of attempt 9"):
        await override.override_run(
            opened,
            override.OverrideRequest(run=old, reason="x", confirmation="not verified", task="T2", attempt=9),
        )
    id = new_id()
    started = await override.override_run(opened, ask, id=id)
    assert (await override.override_run(opened, ask, id=id)).run == started.run, "the same key gives the same run"
    (first, second) = [(part.name, part.verdict) for part in started.work]
    assert second == ("T2", "rejected")
    assert first in {("T1", "verified"), ("T1", "none")}, "the rejection of T2 may end the run before T1 is judged"
    log = await house.until_type(started.run, "run.delivered")
    (delivered,) = of(log, started.run, "run.delivered")
    assert isinstance(delivered.event, run_messages.Delivered)
    folder = Path(delivered.event.folder)
    with Repo(str(folder)) as repo:
        message = repo[delivered.event.commit.encode()].message.decode()  # type: ignore[attr-defined]  # a commit
    assert message.startswith(NOT_VERIFIED)
    assert all(part in message for part in ("the customer waits", "task T2, attempt 1: verdict rejected", str(old)))
    assert NOT_VERIFIED in (folder / "README.md").read_text()
    assert json.loads((folder / "override.json").read_text())["verified"] is False
    assert not (folder / "verdict.json").exists()

    checked = attestations.check_folder(attestations.FolderCheck(folder=folder), opened.settings.keys)
    refusal = checked.refusal()
    assert refusal is not None
    assert "not verified: released by override" in refusal.message
    assert checked.data()["result"] == "OVERRIDDEN"
    with pytest.raises(Differs):
        attestations.check_folder(
            attestations.FolderCheck(folder=folder, key=opened.settings.keys / "verifier.ed25519.pub"),
            opened.settings.keys,
        )
    module = folder / f"{sample.module('T2')}.py"
    text = module.read_text()
    module.write_text("x = 1\n")
    with pytest.raises(Differs, match="was altered"):
        attestations.check_folder(attestations.FolderCheck(folder=folder), opened.settings.keys)
    module.write_text(text)

    line = await approve_run(opened, started.run, commit=delivered.event.commit, reason="I read it")
    assert (line["outcome"], line["override_of"]) == ("overridden", old)
    log = await house.log()
    assert not of(log, started.run, "run.verified")
    assert not [each for each in log if each.envelope.run == started.run and each.envelope.type.startswith("task.")]
    assert [each.envelope.principal for each in of(log, started.run, "run.overridden")] == [opened.gate.principal.id]
    (ada,) = {part.employee for part in started.work}
    released = await override.overrides_of(opened.store, ada)
    assert ("T2", "rejected", started.run) in [(each.task, each.verdict, each.run) for each in released]
    old_line = await RUN.first(opened.store, old)
    assert old_line is not None
    assert (old_line.outcome, old_line.overridden_by) == ("rejected", started.run), "its outcome stays as it was"
    with pytest.raises(Refused, match="an override itself"):
        await override.override_run(
            opened, override.OverrideRequest(run=started.run, reason="x", confirmation="not verified")
        )


async def test_a_delivery_is_returned_with_comments_that_reach_the_next_prompt(
    house: House, opened: DirectorSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = Sample(1)
    await house.hire("ada", {"T1": [sample.right("T1"), {**sample.right("T1")}]})
    seen: list[tuple[str, ...]] = []
    from agents.employees.providers.scripted import ScriptedEmployee

    work = ScriptedEmployee.work

    async def watched(self: ScriptedEmployee, order: Order) -> object:
        seen.append(order.brief.comments)
        return await work(self, order)

    monkeypatch.setattr(ScriptedEmployee, "work", watched)
    run = await house.submit(sample)
    await house.until_type(run, "run.delivered")
    first = (await run_state(opened.store, run)).commit
    assert first is not None
    with pytest.raises(NotFound, match="has no task T9"):
        await comments.return_run(opened, run, first, [comments.Remark(text="x", task="T9")])
    with pytest.raises(Conflict, match="another commit"):
        await comments.return_run(opened, run, "d" * 40, [comments.Remark(text="x")])
    remark = comments.Remark(text="Name the argument `number`.", task="T1")
    returned = await person_acts.returned(opened, new_id(), run, first, [remark])
    assert len(returned.events) == 2
    log = await house.until_type(run, "run.delivered", count=2)
    assert seen == [(), ("Name the argument `number`.",)]
    assert [type(each.event) for each in log if each.envelope.type == "run.commented"] == [acts.Commented]
    again = (await run_state(opened.store, run)).commit
    assert again is not None
    if again != first:
        with pytest.raises(Conflict, match="The delivery is commit"):
            await decide_approval(opened, run, commit=first, reason="")
    assert (await approve_run(opened, run, commit=again))["outcome"] == "delivered"
