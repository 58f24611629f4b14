"""Real runs of several kinds in one log: the events that bench/large_log.py repeats.

There are runs that are delivered at once, runs with rejected attempts, a run without any verified attempt, a run that
the Director ends, a pause, and an event that is void.
"""

import asyncio
import time
from typing import Any
from uuid import UUID, uuid4

import msgspec

from bench.empty import empty_verdict
from bench.firm import Firm
from bench.running import REQUIREMENT
from bus.clock import now
from director.services.session import new_id
from director.services.submit import submit
from domain.organisation import Pause, Resume
from domain.run_messages import Approve, End
from verification.judge import Candidate
from verification.requirements.parser import parse_requirement
from verification.verdict.model import Finding, Verdict

DELIVERED_AT_ONCE = 8
AFTER_REJECTIONS = 2
SLOTS = 8
ATTEMPTS_MAX = 3
EVENT_WAIT_S = 120.0
POLL_S = 0.05
MARK = b"n + 2"
"""The content of an answer that `verdict_by_mark` rejects."""
_RIGHT = {"adder.py": "def add(n):\n    return n + 1\n"}
_WRONG = [{"adder.py": f"def add(n):\n    return n + 2 + {more}\n"} for more in range(ATTEMPTS_MAX)]
EMPLOYEES: dict[str, dict[str, list[dict[str, str]]]] = {
    "prompt": {"T1": [_RIGHT]},
    "patient": {"T1": [*_WRONG[:2], _RIGHT]},
    "hopeless": {"T1": _WRONG},
}


async def verdict_by_mark(candidate: Candidate, *, seed: int, **named: Any) -> Verdict:
    """Accept any tree without MARK. The verdict checks nothing else, so the runs need no sandbox."""
    verdict = await empty_verdict(candidate, seed=seed, **named)
    if not any(MARK in content for content in candidate.tree.values()):
        return verdict
    finding = Finding(kind="wrong_result", criterion="A1", for_author="A1 does not hold.")
    return msgspec.structs.replace(verdict, verified=False, findings=(finding,))


class _Runs:
    """Submits runs, approves deliveries, and waits for ends."""

    def __init__(self, firm: Firm) -> None:
        self._firm = firm
        self._requirement = parse_requirement(REQUIREMENT, None, name="adder", folder=None)

    async def submitted(self, employee: UUID) -> UUID:
        """Submit a run that only this employee may work on."""
        run = new_id()
        await submit(
            self._firm.director,
            self._firm.blobs,
            self._requirement,
            id=uuid4(),
            run=run,
            folder=self._firm.home,
            attempts_max=ATTEMPTS_MAX,
            allow_degraded=True,
            employees=(employee,),
        )
        return run

    async def released(self, employee: UUID) -> UUID:
        """Submit a run, and approve its delivery."""
        run = await self.submitted(employee)
        await self.until(run, "run.delivered")
        await self._firm.director.handle(Approve(id=uuid4(), at=now(), run=run))
        return run

    async def until(self, run: UUID, event_type: str) -> None:
        """Wait until an event of this type is stored."""
        deadline = time.monotonic() + EVENT_WAIT_S
        while not any(event.envelope.type == event_type for event in await self._firm.office.store.read_run(run)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"run {run} has no {event_type} after {EVENT_WAIT_S:g} s")
            await asyncio.sleep(POLL_S)


async def run_each_kind(firm: Firm) -> None:
    """Make the runs. At the end, each run has ended, and all consumers have committed the last event."""
    ids = {name: await firm.hire(name, script, slots=SLOTS) for name, script in EMPLOYEES.items()}
    director, runs = firm.director, _Runs(firm)
    async with firm.running(judge=verdict_by_mark) as house:
        ended = await asyncio.gather(
            *(runs.released(ids["prompt"]) for _ in range(DELIVERED_AT_ONCE)),
            *(runs.released(ids["patient"]) for _ in range(AFTER_REJECTIONS)),
            runs.submitted(ids["hopeless"]),
        )
        await director.handle(Pause(id=uuid4(), at=now(), reason="a pause"))
        waiting = await runs.submitted(ids["prompt"])
        await _repeat_an_event(firm)
        await director.handle(End(id=uuid4(), at=now(), run=waiting, outcome="cancelled", reason="not needed any more"))
        await director.handle(Resume(id=uuid4(), at=now(), reason="the pause is over"))
        for run in (*ended, waiting):
            await runs.until(run, "run.ended")
        await firm.all_passed(house)


async def _repeat_an_event(firm: Firm) -> None:
    """Publish an event of the stream again. The recorder marks it void, because its id stands earlier in the log."""
    first = await firm.office.stream.get(1)
    assert first is not None, "the log is not empty"
    await firm.office.client.jetstream().publish(first.subject, first.data)
