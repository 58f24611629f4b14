"""Honest work for simulations of the Auditor's rules: tasks of many employees, with their usual failures.

Every number of this world is in `World`. Nobody cheats, no employee changes, and no server has a spike.
"""

import random
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec

from bench.audited_log import AuditedLog
from domain import employee, refusal, run_messages, task
from domain.judgement import REVIEW, Finding, GateRecord, Judgement
from domain.money import ZERO_USD, Amount
from domain.snapshot import PromptRecord

MINUTE_US = 60_000_000


class World(msgspec.Struct, frozen=True, kw_only=True):
    """The shares and spreads of honest work. `strength`: the weight of an employee's rate against a run's difficulty.

    The tasks of one run share a difficulty: the rate of each run is drawn from a Beta distribution with this weight.
    """

    strength: float = 6.0
    tasks_of_run_max: int = 5
    attempts_max: int = 3
    no_work: float = 0.03  # share of attempts that end without work
    released: float = 0.02  # share of attempts that end with their lease
    dropped: float = 0.05  # share of hand-ins with a change outside the scope
    checkable: float = 0.3  # share of a session's rejections that it could have seen itself
    blocked: float = 0.1  # share of reviews that block
    refused: float = 0.05  # refusals per task
    spread: float = 0.8  # of the logarithm of tokens and times
    calls_of_session: int = 8
    same_exchange: float = 0.15  # share of exchanges of a session that repeat an earlier one
    minutes_of_task: int = 2


class Honest:
    """One employee that works honestly at a constant rate."""

    def __init__(self, log: AuditedLog, number: int, rate: float, form: str, world: World, rng: random.Random) -> None:
        self._log, self._rate, self._form, self._world, self._rng = log, rate, form, world, rng
        self._id, self._ids = UUID(int=(number + 1) << 96), ((number + 1) << 96) + 1
        terms = employee.SessionTerms() if form == "session" else None
        profile = employee.Profile(
            name=f"e{number}",
            provider="openai",
            model=f"m{number}",
            model_digest=None,
            style="chat",
            scripted=False,
            session=terms,
        )
        log.add(employee.Hired(employee=self._id, profile=profile))

    def run(self) -> int:
        """Do a run of a few tasks with its review. Return the number of tasks."""
        world, rng = self._world, self._rng
        run, tasks = self._next(), rng.randint(1, world.tasks_of_run_max)
        rate = rng.betavariate(self._rate * world.strength, (1 - self._rate) * world.strength)
        for _ in range(tasks):
            self._task(run, rate)
            self._log.now += world.minutes_of_task * MINUTE_US
        self._review(run)
        self._log.add(run_messages.Ended(run=run, outcome="delivered", reason="released"))
        return tasks

    def _next(self) -> UUID:
        self._ids += 1
        return UUID(int=self._ids)

    def _task(self, run: UUID, rate: float) -> None:
        world, rng, id = self._world, self._rng, self._next()
        if rng.random() < world.refused:
            self._log.add(refusal.CommandRefused(principal=self._id, command="Assign", code="refused", message="late"))
        for attempt in range(1, world.attempts_max + 1):
            of: dict[str, Any] = {"run": run, "task": id, "employee": self._id, "order": self._next()}
            self._log.add(*self._calls(of, attempt))
            if rng.random() < world.released:
                nothing = Amount(ZERO_USD, 0)
                self._log.add(task.Released(**of, reason="lease_ended", cut_off=False, charged=nothing))
                continue
            if rng.random() < world.no_work:
                self._log.add(task.AttemptEnded(**of, outcome="no_code"))
                continue
            dropped = ("notes.txt",) if rng.random() < world.dropped else ()
            self._log.add(task.Submitted(**of, files={}, tree=str(of["order"]), dropped=dropped))
            if rng.random() < rate:
                self._log.add(task.Verified(**of, judgement=judgement()))
                return
            seen = self._form == "session" and rng.random() < world.checkable
            self._log.add(task.Rejected(**of, judgement=judgement("wrong_result" if seen else "sealed_failed")))

    def _calls(self, of: dict[str, Any], attempt: int) -> Iterator[Any]:
        world, rng = self._world, self._rng
        session = self._form == "session"
        calls = max(1, round(rng.lognormvariate(0, 0.5) * world.calls_of_session)) if session else 1
        nothing = Amount(ZERO_USD, 0)
        yield task.Assigned(
            **of, attempt=attempt, seed=1, reservation=nothing, due_at=0, form="session" if session else "answer"
        )
        for index in range(calls):
            size = rng.lognormvariate(0, world.spread)
            repeated = index and rng.random() < world.same_exchange
            exchange = f"{of['order']}/{rng.randrange(index) if repeated else index}"
            yield task.CallStarted(**of, index=index)
            yield task.CallFinished(
                **of,
                index=index,
                snapshot=task.Snapshot(
                    outcome="answered", provider="openai", endpoint="", model="m", latency_s=8 * size
                ),
                charged=Amount(ZERO_USD, round(2000 * size)),
                prompt=PromptRecord(messages=(exchange,)) if session else PromptRecord(),
            )

    def _review(self, run: UUID) -> None:
        of: dict[str, Any] = {"run": run, "task": self._next(), "employee": self._id, "order": self._next()}
        blocked = self._rng.random() < self._world.blocked
        self._log.add(
            *self._calls(of, 1),
            task.Submitted(**of, files={}, tree="review"),
            task.Verified(**of, judgement=judgement(review="failed" if blocked else "passed")),
        )


def judgement(*kinds: str, review: str = "", integrity: bool = False) -> Judgement:
    """Return a verdict with findings of these kinds; verified if there are none. `review`: the result of a review."""
    gate = GateRecord(gate=REVIEW, grade="A", result=review, seconds=0.0)
    return Judgement(
        verified=not kinds,
        tree="",
        grade="C",
        findings=tuple(Finding(kind=kind, integrity=integrity, path="x.py") for kind in kinds),
        evidence="",
        seed=1,
        sandbox="",
        not_held=(),
        wall_s=0.0,
        gates=(gate,) if review else (),
    )
