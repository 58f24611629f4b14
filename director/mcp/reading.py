"""The tools that read: status, runs, their stories, differences and verdicts, costs, the inbox, causes and events."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec

from bus.store import FAR, Search
from director.mcp import answers, arguments
from director.mcp.tool import Call
from director.reports.verdict_text import verdict_text
from director.reports.verdict_view import VerdictView
from director.services.causes import ToldEvent, explain, find_subject
from director.services.changes import diff_of
from director.services.costs import CostRequest, costs_in, dimensions_of
from director.services.estimates import comparison_of
from director.services.inbox import inbox_of
from director.services.left_out import left_out
from director.services.session import find_run, run_state
from director.services.verdicts import verdict_in
from director.services.views import ORGANISATION, RUN, RUNS, RunLine, rows
from director.services.waiting import Waits
from director.terminal.event_text import NAMING_TYPES, Story
from domain.errors import NotFound, Unavailable
from domain.message import Erased, Recorded

DIFF_CHARACTERS_MAX = 60_000
"""The size of one part of a diff. A model reads it, so it is small."""
WORDS_CHARACTERS_MAX = 2000


def plain(value: Any) -> Any:
    """Return a value as the types of JSON. Amounts of money are text."""
    return msgspec.to_builtins(value, builtin_types=(), enc_hook=str)


async def status(call: Call, _: arguments.Arguments) -> answers.Status:
    """Return the state of the organisation, and who asks."""
    line = await ORGANISATION.first(call.store)
    user = await call.callers.state(call.who)
    return answers.Status(
        phase=line.phase if line else "unfounded",
        recorded_up_to=await call.store.recorded_up_to(),
        open_runs=sum(1 for run in await RUNS.read(call.store) if run.phase != "ended"),
        waiting=tuple(await Waits(call.store, call.settings).all()),
        user=user.name,
        roles=tuple(user.acting),
        scopes=call.who.scopes,
    )


async def runs(call: Call, asked: arguments.Page) -> answers.Runs:
    """Return a page of the runs, the newest first."""
    lines = await RUNS.read(call.store)
    end = asked.after + asked.limit
    return answers.Runs(runs=tuple(lines[asked.after : end]), next=end if end < len(lines) else None)


async def line_of(call: Call, run: UUID) -> RunLine:
    """Return a run's line in the manager's rows. Raises Unavailable if the manager has not begun it."""
    line = await RUN.first(call.store, run)
    if line is None:
        raise Unavailable("The manager has not begun this run yet.", hint="See whether the manager runs: `aura status`")
    return line


async def run_story(call: Call, asked: arguments.RunPage) -> answers.RunStory:
    """Return a run with its tasks and a page of its events in words."""
    run = await find_run(call.store, asked.run)
    story = await named_story(call)
    told = []
    for recorded in await call.store.read_run(run):
        story.hear(recorded)
        if recorded.seq > asked.after and (words := story.tell(recorded)):
            told.append(told_line(recorded, words))
    page = told[: asked.limit]
    return answers.RunStory(
        run=await line_of(call, run),
        tasks=tuple(
            answers.TaskLine(
                task=row["task"],
                name=row["name"],
                phase=row["phase"],
                attempts=row["attempts"],
                employee=row["employee_name"],
                reason=row["reason"],
            )
            for row in await rows(call.store, "door_tasks", run)
        ),
        waiting=await Waits(call.store, call.settings).of(run),
        estimate=await comparison_of(call.store, run),
        left_out=tuple(await left_out(call.store, run)),
        story=tuple(page),
        next=page[-1].seq if len(told) > len(page) else None,
    )


async def diff(call: Call, asked: arguments.DiffPage) -> answers.Diff:
    """Return the changed paths of a run and a part of the diff."""
    state = await run_state(call.store, await find_run(call.store, asked.run))
    changes, text = await diff_of(state, call.blobs)
    if asked.path:
        changes = [change for change in changes if change.path == asked.path]
        if not changes:
            raise NotFound(f"The run does not change {asked.path!r}.", hint="Leave `path` out to see all paths.")
        text = _of_path(text, asked.path)
    end = asked.after + DIFF_CHARACTERS_MAX
    return answers.Diff(changes=tuple(changes), diff=text[asked.after : end], next=end if end < len(text) else None)


async def verdict(call: Call, asked: arguments.OneRun) -> answers.VerdictAnswer:
    """Return the last verdict of a run, or the verdict of an event."""
    return verdict_answer((await verdict_in(call.store, asked.run)).view)


def verdict_answer(view: VerdictView) -> answers.VerdictAnswer:
    """Return a verdict as text and as data."""
    return answers.VerdictAnswer(
        verified=view.verdict.verified, headline=view.headline, text=verdict_text(view), verdict=plain(view.data())
    )


async def costs(call: Call, asked: arguments.Costs) -> answers.CostsAnswer:
    """Return the costs in groups."""
    found = await costs_in(call.store, CostRequest(by=dimensions_of(asked.by)))
    return answers.CostsAnswer(costs=tuple(found))


async def inbox(call: Call, _: arguments.Arguments) -> answers.Inbox:
    """Return everything that needs a person."""
    found = await inbox_of(call.store, call.settings)
    return answers.Inbox(
        deliveries=tuple(_delivery(row) for row in found.waiting),
        incidents=tuple(
            answers.IncidentNote(
                incident=line.incident,
                rule=line.rule or line.kind,
                detail=line.detail,
                run=line.run,
                employee=line.employee_name,
            )
            for line in found.incidents
        ),
        held_up=tuple(found.held_up),
        appeals=tuple(found.appeals),
        budgets=tuple(found.budgets),
    )


async def why(call: Call, asked: arguments.Why) -> answers.WhyAnswer:
    """Return the causes and the direct effects of an event."""
    found = await explain(call.store, await find_subject(call.store, asked.event, asked.run))
    return answers.WhyAnswer(
        event=_told(found.event),
        causes=tuple(_told(each) for each in found.causes),
        effects=tuple(_told(each) for each in found.effects),
        choice=found.choice.sentence if found.choice else "",
    )


async def events(call: Call, asked: arguments.Events) -> answers.EventsAnswer:
    """Return a page of the log."""
    run = await find_run(call.store, asked.run) if asked.run else None
    page = await call.store.search(Search(run=run, type=asked.type or None), asked.after, FAR, asked.limit)
    return answers.EventsAnswer(
        events=tuple(_event_line(recorded) for recorded in page),
        next=page[-1].seq if len(page) == asked.limit else None,
    )


async def named_story(call: Call) -> Story:
    """Return a story that knows the names of employees, tasks and users."""
    story = Story()
    for naming in await call.store.read_types(NAMING_TYPES, await call.store.recorded_up_to()):
        story.hear(naming)
    return story


def told_line(recorded: Recorded, words: str) -> answers.ToldLine:
    """Return an event in words."""
    envelope = recorded.envelope
    return answers.ToldLine(
        seq=recorded.seq,
        type=envelope.type,
        at=envelope.occurred_at,
        words=words[:WORDS_CHARACTERS_MAX],
        void=recorded.void,
    )


def _told(event: ToldEvent) -> answers.ToldLine:
    return answers.ToldLine(
        seq=event.seq,
        type=event.envelope.type,
        at=event.envelope.occurred_at,
        words=event.words[:WORDS_CHARACTERS_MAX],
        void=event.void,
    )


def _event_line(recorded: Recorded) -> answers.EventLine:
    envelope = recorded.envelope
    return answers.EventLine(
        seq=recorded.seq,
        id=envelope.id,
        type=envelope.type,
        at=envelope.occurred_at,
        role=envelope.role,
        principal=envelope.principal,
        run=envelope.run,
        cause=envelope.cause,
        void=recorded.void,
        payload={} if isinstance(recorded.event, Erased) else plain(recorded.event),
    )


def _delivery(row: dict[str, Any]) -> answers.Delivery:
    notes: Sequence[str] = [*row["base_notes"], *filter(None, [row["degraded"]])]
    return answers.Delivery(
        run=row["run"],
        title=row["title"],
        commit=row["commit_id"],
        folder=row["folder"],
        branch=row["branch"],
        spent_usd=Decimal(row["spent_usd"]),
        spent_tokens=row["spent_tokens"],
        left_out=tuple(row["left_out"]),
        notes=tuple(notes),
    )


def _of_path(text: str, path: str) -> str:
    """Return the part of a diff that is about one path."""
    lines = text.splitlines(keepends=True)
    begins = [number for number, line in enumerate(lines) if line.startswith("diff --git ")]
    head = f"diff --git a/{path} b/{path}\n"
    for begin, end in zip(begins, [*begins[1:], len(lines)], strict=True):
        if lines[begin] == head:
            return "".join(islice(lines, begin, end))
    return ""
