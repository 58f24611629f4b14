"""From a submitted requirement with a base to the working copy of its task, with real NATS, Postgres and git."""

from pathlib import Path
from uuid import uuid4

from agents.run_content import Library
from agents.working_copies.cache import CopyCache
from agents.working_copies.history import parse
from agents.working_copies.packing import Packs, packs_bucket
from agents.working_copies.working_copy import WorkingCopies
from bus.blobs import Blobs
from bus.redaction import Redactor
from director.services.submit import submit
from domain import run_messages
from tests.integration.desks import Desk, stamp
from tests.unit.repositories import git, needs_git
from tests.unit.source_repositories import CANARIES, plant, texts_of, with_history
from verification.requirements.parser import parse_requirement

pytestmark = needs_git
REQUIREMENT = """---
aura: 1
title: Site
deliver: library
scope: ["src/app.py"]
budget: {{usd: "1", tokens: 1000, minutes: 5}}
base: {{repo: site, ref: {ref}}}
---
```yaml acceptance
- id: A1
  says: it counts
  cases:
    - {{call: "app:two", args: [], returns: 2}}
```
"""


async def test_the_history_is_stored_at_submit_and_reaches_the_working_copy(desk: Desk, tmp_path: Path) -> None:
    source, run = tmp_path / "site", uuid4()
    base = with_history(source)
    plant(source)
    blobs = Blobs(desk.office.store, Redactor([]))
    requirement = parse_requirement(REQUIREMENT.format(ref=base).encode(), None, name="site", folder=None)
    await submit(desk.gate("director"), blobs, requirement, id=uuid4(), run=run, folder=tmp_path)
    await desk.send("manager", run_messages.Admit(**stamp(), run=run))
    await desk.send("manager", run_messages.Plan(**stamp(), run=run))
    state = await desk.state(run)
    assert state.submitted is not None
    assert state.submitted.base_history in state.submitted.blobs()

    bucket = packs_bucket(desk.office.client)
    (task,) = state.tasks
    names = await Packs(blobs, bucket).names_of_task(Library(blobs), state, task)
    copy = await WorkingCopies(bucket, CopyCache(tmp_path / "cache")).open(names)
    (tmp_path / "work").mkdir()
    copy.write_to(tmp_path / "work")
    assert git(tmp_path / "work", "log", "--format=%H") == git(source, "log", "--format=%H", base)
    assert git(tmp_path / "work", "status", "--porcelain") == ""

    objects = parse(await blobs.get(state.submitted.base_history or ""), copy.initial).objects
    kept = texts_of(copy.initial) + b"".join(each.raw for each in objects.values())
    assert not [place for place, canary in CANARIES.items() if canary.encode() in kept]
    assert b"on the side" in kept  # the control: an ancestor's message is found in this way
