"""The answers of the tools. The list of tools has their schemas. Money is text, and times are microseconds UTC."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from director.services.appeals import OpenAppeal
from director.services.budget import CapLine
from director.services.changes import Change
from director.services.costs import CostLine
from director.services.user_acts import Acted
from director.services.views import ListedRun, RunLine
from domain.estimate import Comparison, Estimate
from domain.waiting import RunWait, Wait


class Status(Struct, frozen=True, kw_only=True):
    """The organisation. `phase`: running, paused, halted or unfounded. `waiting`: runs that need a person."""

    phase: str
    recorded_up_to: int
    open_runs: int
    waiting: tuple[RunWait, ...]
    user: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...] | None


class Runs(Struct, frozen=True, kw_only=True):
    """Runs, the newest first. `next`: the value of `after` for the next page, or null."""

    runs: tuple[ListedRun, ...]
    next: int | None


class TaskLine(Struct, frozen=True, kw_only=True):
    """A task of a run. `reason`: why its last attempt failed."""

    task: UUID
    name: str
    phase: str
    attempts: int
    employee: str | None
    reason: str | None


class ToldLine(Struct, frozen=True, kw_only=True):
    """An event in words. `void`: why it does not count, or null."""

    seq: int
    type: str
    at: int
    words: str
    void: str | None


class RunStory(Struct, frozen=True, kw_only=True):
    """A run with its tasks and its events in words. `waiting`: why it waits, or null."""

    run: RunLine
    tasks: tuple[TaskLine, ...]
    waiting: Wait | None
    estimate: Comparison | None
    left_out: tuple[str, ...]
    story: tuple[ToldLine, ...]
    next: int | None


class RunNow(Struct, frozen=True, kw_only=True):
    """A run now. `rests`: it has ended, or it waits for a person. False: the time was over first."""

    run: RunLine
    tasks: int
    verified: int
    rests: bool
    waiting: Wait | None


class Diff(Struct, frozen=True, kw_only=True):
    """The changed paths of a run, and a part of the diff in git's format."""

    changes: tuple[Change, ...]
    diff: str
    next: int | None


class VerdictAnswer(Struct, frozen=True, kw_only=True):
    """A verdict. `text`: for people. `verdict`: criteria, findings, gates and reasons as data."""

    verified: bool
    headline: str
    text: str
    verdict: dict[str, Any]


class CostsAnswer(Struct, frozen=True, kw_only=True):
    costs: tuple[CostLine, ...]


class Delivery(Struct, frozen=True, kw_only=True):
    """A delivery that waits for a person. `commit`: an approval must name it. `notes`: read them before you decide."""

    run: UUID
    title: str
    commit: str | None
    folder: str | None
    branch: str | None
    spent_usd: Decimal
    spent_tokens: int
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


class IncidentNote(Struct, frozen=True, kw_only=True):
    incident: UUID
    rule: str
    detail: str
    run: UUID | None
    employee: str | None


class Inbox(Struct, frozen=True, kw_only=True):
    """Everything that needs a person: deliveries, severe incidents, runs that are held up, appeals, and caps with a
    warning."""

    deliveries: tuple[Delivery, ...]
    incidents: tuple[IncidentNote, ...]
    held_up: tuple[RunWait, ...]
    appeals: tuple[OpenAppeal, ...]
    budgets: tuple[CapLine, ...]


class WhyAnswer(Struct, frozen=True, kw_only=True):
    """An event, its causes (the first cause first) and its direct effects. `choice`: why an employee was chosen."""

    event: ToldLine
    causes: tuple[ToldLine, ...]
    effects: tuple[ToldLine, ...]
    choice: str


class EventLine(Struct, frozen=True, kw_only=True):
    """An event of the log. `payload`: its fields; empty if it was purged."""

    seq: int
    id: UUID
    type: str
    at: int
    role: str
    principal: UUID
    run: UUID | None
    cause: UUID | None
    void: str | None
    payload: dict[str, Any]


class EventsAnswer(Struct, frozen=True, kw_only=True):
    events: tuple[EventLine, ...]
    next: int | None


class EstimateAnswer(Struct, frozen=True, kw_only=True):
    """A requirement that can be submitted, and its price. `estimate` is null if nobody with a known price can work."""

    title: str
    tasks: tuple[str, ...]
    criteria: int
    notes: tuple[str, ...]
    estimate: Estimate | None


class Done(Acted, frozen=True, kw_only=True):
    """An act that was recorded. `repeated`: the same command was recorded before, and nothing happened twice."""

    repeated: bool
