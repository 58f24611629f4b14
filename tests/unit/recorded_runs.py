"""A run on record, made with the real decisions and prompts, without servers. The judge is a double."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

import msgspec

from agents.employees.call_errors import CallFailed
from agents.employees.contract import Order
from agents.employees.model_employee import ModelEmployee
from agents.employees.providers.openai import messages_of
from agents.manager.briefing import brief_for
from agents.manager.orders import order_of
from agents.rerun.attempts import LEASE_S
from agents.rerun.model import RecordedAnswer
from agents.run_content import Library, tree_of
from agents.workers.result import answered, failed
from bus.blobs import Blobs
from bus.redaction import Redactor
from bus.unstored_blobs import UnstoredBlobs
from domain import run as run_rules
from domain import run_messages as m
from domain import task
from domain.employee import Hired
from domain.errors import NotFound
from domain.judgement import Finding, Judgement
from domain.message import Command, Envelope, Event, Recorded
from domain.money import Amount
from domain.run import RunState, files_of
from domain.snapshot import Snapshot
from domain.tree import overlay, tree_digest
from projections.verifier import MERGED, Pending
from tests.integration.house import Sample
from tests.unit.samples import AT, EMPLOYEE, PROFILE, RUN
from verification.verdict.model import Verdict

MINUTE_US = 60_000_000
CALL = Amount(Decimal("0.01"), 100)


class MemoryBlobs(UnstoredBlobs):
    """Blobs in memory alone. A purge forgets one."""

    def __init__(self) -> None:
        Blobs.__init__(self, None, Redactor())  # type: ignore[arg-type]  # it reads no store
        self._new: dict[str, bytes] = {}
        self._new_bytes = 0

    async def get_many(self, manifest: Mapping[str, str]) -> dict[str, bytes]:
        missing = [digest for digest in manifest.values() if digest not in self._new]
        if missing:
            raise NotFound("It was purged.", hint="It is gone.")
        return {path: self._new[digest] for path, digest in manifest.items()}

    def purge(self, digest: str) -> None:
        del self._new[digest]


class WordJudge:
    """A double of the verifier: it verifies a tree whose files all contain a word, and rejects every other tree."""

    def __init__(self, blobs: Blobs, word: str) -> None:
        self._blobs = blobs
        self._library = Library(blobs)
        self._word = word

    async def judgement(self, pending: Pending, state: RunState) -> Judgement:
        merged = pending.key == MERGED
        files = files_of(state) if merged else state.tasks[UUID(pending.key)].files
        tree = await tree_of(files, self._blobs)
        good = all(self._word in content.decode() for content in tree.values())
        verdict = Verdict(
            verified=good,
            tree=pending.tree,
            grade="C",
            criteria=(),
            findings=(),
            seed=1,
            sandbox="double",
            not_held=(),
            wall_s=0,
        )
        (evidence,) = await self._blobs.put([msgspec.json.encode(verdict)])
        finding = Finding(kind="wrong_result", integrity=False, criterion="A1", for_author=f"It lacks {self._word}.")
        return Judgement(
            verified=good,
            tree=pending.tree,
            grade="C",
            findings=() if good else (finding,),
            evidence=evidence,
            seed=1,
            sandbox="double",
            not_held=(),
            wall_s=0.0,
        )


class RunOnRecord:
    """Makes the record of a run with one task and one employee.

    `made` takes one answer of its model for each order, or the failure of the call.
    """

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self.blobs = MemoryBlobs()
        self.judge = WordJudge(self.blobs, str(sample.numbers["T1"]))
        self.events: list[Recorded] = []
        self._library = Library(self.blobs)
        self._state = run_rules.initial
        self._seq = 0

    async def made(self, answers: Sequence[str | CallFailed]) -> list[Recorded]:
        """Return the events of the run, up to its delivery if the last answer is right."""
        self._happened(Hired(employee=EMPLOYEE, profile=PROFILE))
        requirement, sealed = await self.blobs.put([self.sample.source, self.sample.sealed])
        plan = (m.TaskPlan(name="T1", criteria=("A1",), scope=("adder_t1.py",)),)
        allowance = m.Allowance(amount=Amount(Decimal(1), 10**6), minutes=20)
        submit: dict[str, Any] = {
            "title": "Adders",
            "requirement": requirement,
            "sealed": sealed,
            "plan": plan,
        }
        self._decided(
            m.Submit(**self._stamp(), run=RUN, attempts_max=6, allow_degraded=True, allowance=allowance, **submit)
        )
        self._happened(m.Admitted(run=RUN, due_at=AT + 20 * MINUTE_US))
        (planned,) = self._decided(m.Plan(**self._stamp(), run=RUN)).tasks
        for number, answer in enumerate(answers, 1):
            await self._order(planned.id, number, answer)
        if self._state.tasks[planned.id].phase == "verified":
            await self._delivery()
        return self.events

    async def _order(self, id: UUID, number: int, answer: str | CallFailed) -> None:
        """Work on one order: the prompt that an employee gets, this answer, its files, and the verdict."""
        ids: dict[str, Any] = {"run": RUN, "task": id, "employee": EMPLOYEE, "order": order_id(number)}
        attempt = self._state.tasks[id].attempts + 1
        self._decided(
            task.Assign(**self._stamp(), **ids, attempt=attempt, seed=number, reservation=CALL, due_at=AT + MINUTE_US)
        )
        self._decided(task.StartCall(**self._stamp(), **ids, index=0, bound=CALL, claim=UUID(int=5)))
        part = self._state.tasks[id]
        brief = await brief_for(self._library, self._state, part)
        order = order_of(RUN, part, part.orders[ids["order"]], PROFILE, brief, lease_s=LEASE_S)
        hand_in, request = await worked(order, answer)
        text = answer if isinstance(answer, str) else ""
        prompt, kept = await self.blobs.put([request, text.encode()])
        snapshot = msgspec.structs.replace(hand_in.calls[0].snapshot, prompt=prompt, answer=kept)
        self._decided(task.FinishCall(**self._stamp(), **ids, snapshot=snapshot))
        if hand_in.outcome != "answered":
            self._decided(task.EndAttempt(**self._stamp(), **ids, outcome=hand_in.outcome or ""))
            return
        await self.blobs.put(hand_in.files.values())
        before = await self._library.before(self._state, id)
        files = hand_in.difference(before)
        tree = tree_digest(overlay(before, files))
        self._decided(task.SubmitWork(**self._stamp(), **ids, files=files, tree=tree))
        judgement = await self.judge.judgement(pending(str(id), tree), self._state)
        self._decided(task.Judge(**self._stamp(), **ids, judgement=judgement))

    async def _delivery(self) -> None:
        _, tree = await self._library.merged(self._state, files_of(self._state))
        self._decided(m.Merge(**self._stamp(), run=RUN, tree=tree))
        judgement = await self.judge.judgement(pending(MERGED, tree), self._state)
        self._decided(m.JudgeMerged(**self._stamp(), run=RUN, judgement=judgement))
        self._decided(m.StartDelivery(**self._stamp(), run=RUN))
        self._decided(m.FinishDelivery(**self._stamp(), run=RUN, commit="c" * 40, folder="/nowhere", branch="main"))

    def _stamp(self) -> dict[str, Any]:
        return {"id": uuid5(RUN, f"command {self._seq}"), "at": AT + self._seq, "cause": None}

    def _decided(self, command: Command) -> Any:
        (event,) = run_rules.decide(command, self._state)
        self._happened(event)
        return event

    def _happened(self, event: Event) -> None:
        self._seq += 1
        kind, entity = event.entity()
        envelope = Envelope(
            id=uuid5(RUN, f"event {self._seq}"),
            type=event.type,
            version=event.version,
            entity=kind,
            entity_id=entity,
            run=None if kind == "employee" else RUN,
            employee=None,
            principal=EMPLOYEE,
            role="manager",
            occurred_at=AT + self._seq,
            command=uuid5(RUN, f"command {self._seq}"),
            cause=None,
            policy="",
            commitment="",
        )
        self.events.append(Recorded(seq=self._seq, envelope=envelope, event=event))
        self._state = run_rules.evolve(self._state, event)


async def worked(order: Order, answer: str | CallFailed) -> tuple[Any, bytes]:
    """Return the hand-in of an employee whose model gives this answer, and the request as OpenAI's API gets it."""
    snapshot = Snapshot(outcome="answered", provider="openai", endpoint="", model="m", cost=CALL, finish_reason="stop")
    model = RecordedAnswer(snapshot, answer if isinstance(answer, str) else "")
    employee = ModelEmployee(id=EMPLOYEE, name="ada", model=model)
    if isinstance(answer, CallFailed):
        hand_in = failed(order, 0, answer, employee)
        return hand_in, hand_in.calls[0].prompt
    hand_in = answered(order, 0, await employee.work(order), employee)
    assert model.request is not None
    return hand_in, msgspec.json.encode({"model": "m", "messages": messages_of(model.request.messages)})


def pending(key: str, tree: str) -> Pending:
    return Pending(scope=RUN, key=key, cause=RUN, tree=tree, employee=None, order_id=None)


def fenced(files: Mapping[str, str]) -> str:
    """Return an answer with these files."""
    return "\n".join(f"```python path={path}\n{text}```" for path, text in files.items())


def order_id(number: int) -> UUID:
    """Return the id of the order of an attempt."""
    return uuid5(RUN, f"order {number}")
