"""The manager's choice of an employee by the strategy of the organisation, from the evidence in the manager's rows.

All limits come first: who is barred, the fallback chain, the budget and the free slots. The strategy chooses among the
employees that are left. Equal rows and an equal event give an equal choice.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from agents.manager import routing
from agents.manager.routing import StaffCapacity
from bus.projection_rows import Rows
from bus.row_form import id_key
from domain.attempt import Form
from domain.employee import Profile
from domain.message import derive
from domain.money import Amount
from domain.routing.choice import Candidate, Choice, Situation, size_of
from domain.routing.difficulty import MODEL
from domain.routing.evidence import cost_of
from domain.routing.fixed_point import MICRO
from domain.routing.free_slots import choose_free
from domain.routing.record import RECORDED_MAX, CandidateRecord, ChoiceRecord, ValueSource
from domain.routing.sentence import sentence_of
from domain.routing.skill import Skill
from domain.routing.strategies import turns
from domain.routing.terms import TURNS, RoutingSetting, micro_usd, skill_for, value_of
from domain.run import RunState
from domain.task import TaskState
from projections.manager import EmployeeRow
from projections.organisation_rows import organisation_state
from projections.routing_tables import RoutingTotal, evidence_of, failures_of, posterior_of, total_of, version_at

LISTED_SHARE = 300_000
"""The expected cost of an attempt without a record, as a part of its upper bound in micro-units. It is the mean between
5% and 100% of the bound with equal orders of size, as in the estimate of a run (run_simulation.py).
"""
SLOTS_END, HASH_END = 1 << 20, (1 << 61) - 1
ENDS = frozenset({"not_worth_it", "already_tried", "nobody"})
"""Reasons of a choice after which nobody will try the task any more."""


class Ask(NamedTuple):
    """The request for an employee. `left`: the rest of the run's budget. `prompt_tokens`: the size of the prompt."""

    run: UUID
    state: RunState
    task: TaskState
    team: StaffCapacity
    left: Amount
    barred: frozenset[UUID] = frozenset()
    prompt_tokens: int | None = None


class Answer(NamedTuple):
    """The employee that gets the task, with the skill and the record of the choice; None if nobody gets it now.

    `ends`: why nobody will try the task any more; empty if the task waits. `waits_for`: the busy employee that the task
    waits for.
    """

    employee: UUID | None
    skill: str = ""
    choice: ChoiceRecord | None = None
    ends: str = ""
    waits_for: UUID | None = None


class Router:
    """The choices of one event. The rows must not change while it is used."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._setting = organisation_state(rows).routing
        self._total = total_of(rows)

    @property
    def has_strategy(self) -> bool:
        """Whether a strategy other than turns decides."""
        return self._setting is not None and self._setting.strategy != TURNS

    def answer(self, ask: Ask) -> Answer:
        """Return who gets a task. Without a setting, the employees take turns and no choice is recorded."""
        known = _Known(self._rows, self._total, ask)
        setting = self._setting
        if setting is None:
            chosen = routing.choose(ask.task, ask.team, ask.left, ask.barred, ask.prompt_tokens)
            return Answer(chosen, known.skill_key(ask.team.profiles[chosen]) if chosen is not None else "")
        fitting = routing.fitting(ask.team, ask.left, ask.barred, ask.prompt_tokens)
        if not fitting:
            return Answer(None)
        situation, value_from = known.situation(setting)
        candidates = [known.candidate(who) for who in fitting]
        busy = frozenset(id_key(who) for who in fitting if ask.team.free(who) < 1)
        if setting.strategy == TURNS:
            choice = _turn(ask, situation, candidates)
        else:
            choice = choose_free(setting.strategy, situation, candidates, busy)
        if choice.version is None:
            return _nobody(ask, choice, value_from)
        chosen = next(who for who in fitting if id_key(who) == choice.version)
        record = known.record(situation, value_from, choice, {id_key(who): who for who in fitting}, busy)
        return Answer(chosen, known.skill_key(ask.team.profiles[chosen]), record)


class _Known:
    """The facts about one task and about the employees that may try it."""

    def __init__(self, rows: Rows, total: RoutingTotal, ask: Ask) -> None:
        self._rows = rows
        self._total = total
        self._ask = ask
        self._failures = failures_of(rows, ask.run, ask.task.id)
        self._names = {version_at(rows, who): id_key(who) for who in ask.team.profiles} if self._failures else {}
        self._skills: dict[Form, Skill | None] = {}

    def situation(self, setting: RoutingSetting) -> tuple[Situation, ValueSource]:
        """Return the situation of the task, and the origin of its value."""
        task, state = self._ask.task, self._ask.state
        assert state.submitted is not None
        usd, tasks = state.submitted.allowance.amount.usd, len(state.tasks)
        value, value_from = value_of(state.submitted.work, task.name, setting, usd, tasks)
        compared = [failure for failure in self._failures if failure.expected]
        skill = self.skill("answer")
        situation = Situation(
            value=value,
            failed=tuple(failure.rate for failure in self._failures),
            failed_by=tuple(self._names.get(failure.version, str(failure.version)) for failure in self._failures),
            shape=self._total.shape,
            size=size_of(sum(each.cost for each in compared), sum(each.expected for each in compared)),
            risk=skill.risk if skill is not None else "normal",
            seed=str(derive(task.id, "routing", task.attempts + 1)),
            spent=self._total.spent,
            explored=self._total.explored,
        )
        return situation, value_from

    def candidate(self, who: UUID) -> Candidate:
        """Return an employee with its posterior and its costs."""
        ask, profile = self._ask, self._ask.team.profiles[who]
        version = version_at(self._rows, who)
        overall = evidence_of(self._rows, version)
        row = self._rows.get(EmployeeRow, who, "employee")
        # The most free slots come first, then a hash of the ids.
        rank = max(0, SLOTS_END - ask.team.free(who)) * HASH_END + ask.task.id.int * (who.int | 1) % HASH_END
        return Candidate(
            version=id_key(who),
            posterior=posterior_of(self._rows, version, self.skill_key(profile), self._total.staff_rate),
            cost=cost_of(overall, listed_cost(profile, ask.prompt_tokens)),
            time=overall.time * MICRO // overall.cost_weight if overall.cost_weight else 0,
            handicap=row.handicap_percent if row is not None else 0,
            rank=rank,
        )

    def skill(self, form: Form) -> Skill | None:
        """Return the skill that the task needs of employees with this form of work."""
        if form not in self._skills:
            task, submitted = self._ask.task, self._ask.state.submitted
            assert submitted is not None
            self._skills[form] = skill_for(submitted.work, task.name, len(task.criteria), task.scope, form)
        return self._skills[form]

    def skill_key(self, profile: Profile) -> str:
        """Return the key of the skill; empty if it is not known."""
        skill = self.skill(profile.form)
        return skill.key if skill is not None else ""

    def record(
        self,
        situation: Situation,
        value_from: ValueSource,
        choice: Choice,
        ids: Mapping[str, UUID],
        busy: frozenset[str],
    ) -> ChoiceRecord:
        """Return the record of a choice, with the best candidates and the chosen one."""
        best = sorted(choice.candidates, key=lambda each: (each.version != choice.version, -each.reservation))
        candidates = tuple(
            CandidateRecord(
                employee=ids[each.version],
                version=version_at(self._rows, ids[each.version]),
                rate=each.rate,
                rate_now=each.rate_now,
                cost=each.cost,
                time=each.time,
                reservation=each.reservation,
                drawn_rate=each.drawn_rate,
                drawn=each.drawn,
                busy=each.version in busy,
                handicap=each.handicap,
            )
            for each in best[:RECORDED_MAX]
        )
        return ChoiceRecord(
            strategy=choice.strategy,
            reason=choice.reason,
            value=choice.value,
            value_from=value_from,
            risk=situation.risk,
            size=situation.size,
            failed=len(situation.failed),
            candidates=candidates,
            more=max(0, len(best) - RECORDED_MAX),
            seed=choice.seed,
            counter=choice.counter,
            parallel=tuple(ids[each] for each in choice.parallel),
            model=MODEL,
        )


def _nobody(ask: Ask, choice: Choice, value_from: ValueSource) -> Answer:
    """Return why nobody gets the task: for ever, or until a busy or resting employee may try."""
    if choice.reason in ENDS and not ask.team.resting - ask.barred:
        names = {id_key(who): profile.name for who, profile in ask.team.profiles.items()}
        return Answer(None, ends=f"{sentence_of(choice, names)} {_remedy(choice, value_from)}".strip())
    best = max(choice.candidates, key=lambda each: each.reservation, default=None)
    return Answer(None, waits_for=UUID(best.version) if best is not None and choice.reason == "waits" else None)


def _turn(ask: Ask, situation: Situation, candidates: Sequence[Candidate]) -> Choice:
    """Return the choice of an employee by turns. The employees that have tried least often have the turn."""
    chosen = routing.choose(ask.task, ask.team, ask.left, ask.barred, ask.prompt_tokens)
    choice = turns(situation, candidates)
    if chosen is None:
        return replace(choice, version=None, reason="waits")
    return replace(choice, version=id_key(chosen), reason="turn")


def listed_cost(profile: Profile, prompt_tokens: int | None) -> int:
    """Return the expected cost of an attempt without a record, in micro-dollars."""
    bound = routing.call_bound_of(profile, prompt_tokens).usd
    if profile.session is not None:
        bound = max(bound, profile.session.usd_max)
    return micro_usd(bound) * LISTED_SHARE // MICRO


_ORIGINS = {
    "task": "the requirement states for this task",
    "run": "the requirement states",
    "organisation": "the organisation has set",
    "budget": "is the run's budget divided by its tasks",
}


def _remedy(choice: Choice, value_from: ValueSource) -> str:
    """Return the way to buy more attempts, if the value decided that nobody tries."""
    if choice.reason != "not_worth_it":
        return ""
    origin = _ORIGINS[value_from]
    value = f"The value {origin}" if value_from == "budget" else f"It is the value that {origin}"
    return (
        f"(not_worth_it) {value}. For more attempts, submit again with a larger value_usd, or set one: "
        "aura routing set --value-usd N."
    )
