"""Answers to the questions that a person asks the manager, from the same services that the screens use."""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from bus.store import Store
from director.services.approvals import waiting_runs
from director.services.chat_draft import run_named
from director.services.chat_grammar import FORMS, Question, Subject
from director.services.costs import CostRequest, costs_in
from director.services.inbox import inbox_of
from director.services.incidents import severe_and_open
from director.services.run_list import RunsWanted, runs_page
from director.services.run_record import attempts_of
from director.services.views import ORGANISATION, RUN, RunLine, rows
from director.settings import Settings
from director.terminal.text import reasons, standing
from domain.errors import NotFound
from domain.wording import counted
from verification.requirements.template import template

ANSWERED = "answered"
LINES_MAX = 20
DAYS_MAX = 7


class AnswerLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an answer, and the path of the page that proves it; empty without one."""

    text: str
    path: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a question. `seq`: the position that it shows. `write`: a text to begin a message with."""

    about: Subject
    lines: tuple[AnswerLine, ...]
    seq: int
    write: str = ""


async def answered(store: Store, settings: Settings, question: Question) -> Answer:
    """Return the answer to a question, as of the store's position. Raises NotFound, Invalid for its run."""
    seq = store.as_of if store.as_of is not None else await store.recorded_up_to()
    lines = await _ANSWERS[question.about](store, settings, question)
    write = "submit\n" + template("slug.md") if question.about == "template" else ""
    return Answer(about=question.about, lines=tuple(lines[:LINES_MAX]), seq=seq, write=write)


async def _help(_store: Store, _settings: Settings, _question: Question) -> list[AnswerLine]:
    return [AnswerLine(text=f"{form.form}: {form.meaning} Example: {form.example}") for form in FORMS]


async def _template(_store: Store, _settings: Settings, _question: Question) -> list[AnswerLine]:
    return [
        AnswerLine(text="Put the requirement after the word submit, and send it. Here is a template to change."),
        AnswerLine(text="docs/requirements.md explains the form."),
    ]


async def _status(store: Store, _settings: Settings, _question: Question) -> list[AnswerLine]:
    line = await ORGANISATION.first(store)
    runs = (await runs_page(store, RunsWanted(limit=LINES_MAX))).runs
    still = [run for run in runs if run.phase != "ended"]
    shown = still or list(runs[:3])
    return [
        AnswerLine(text=f"The organisation is {line.phase if line else 'unfounded'}.", path="/"),
        AnswerLine(
            text=f"{counted(len(still), 'run')} of the newest {len(runs)} are open." if runs else "No runs yet."
        ),
        *(_run_line(run) for run in shown),
    ]


async def _inbox(store: Store, settings: Settings, _question: Question) -> list[AnswerLine]:
    if store.as_of is None:
        inbox = await inbox_of(store, settings, 0)
        waiting, severe = inbox.waiting, inbox.incidents
        others = [
            AnswerLine(
                text=f"{each.title} is held up: {each.waiting.message} {each.waiting.hint}", path=_path(each.run)
            )
            for each in inbox.held_up
        ]
        others += [
            AnswerLine(text=f"{each.name or each.employee} appeals: {each.grounds}", path="/inbox")
            for each in inbox.appeals
        ]
    else:
        waiting, severe, others = await waiting_runs(store, 0), await severe_and_open(store), []
    lines = [AnswerLine(text=f"{row['title']} waits for an approval.", path=_path(row["run"])) for row in waiting]
    lines += others
    lines += [
        AnswerLine(text=f"Severe incident {each.kind}: {each.detail}", path=f"/intervention/{each.incident}")
        for each in severe
    ]
    return lines or [AnswerLine(text="Nothing waits for a decision.", path="/inbox")]


async def _run(store: Store, _settings: Settings, question: Question) -> list[AnswerLine]:
    line = await _line(store, question)
    tasks = await rows(store, "door_tasks", line.run)
    return [
        _run_line(line),
        *([AnswerLine(text=f"Reason: {line.reason}")] if line.reason else []),
        *(AnswerLine(text=f"Task {task['name']}: {task['phase']}", path=_path(line.run, "plan")) for task in tasks),
    ]


async def _why(store: Store, _settings: Settings, question: Question) -> list[AnswerLine]:
    line = await _line(store, question)
    attempts = await attempts_of(store, line.run)
    bad = [each for each in attempts if each["verified"] is False or each["outcome"] not in (None, ANSWERED)]
    found = [_run_line(line)]
    if line.reason:
        found.append(AnswerLine(text=f"The record says: {line.reason}", path=_path(line.run)))
    for each in bad[-LINES_MAX:]:
        said = reasons(each["findings"]) or each["message"] or each["outcome"] or "rejected"
        who = each["employee_name"] or "an employee"
        text = f"Attempt {each['attempt']} at {each['task_name'] or 'a review'} by {who}: {said}"
        found.append(AnswerLine(text=text, path=_path(line.run, "evidence")))
    return found if bad else [*found, AnswerLine(text="No attempt was rejected.", path=_path(line.run, "evidence"))]


async def _cost(store: Store, _settings: Settings, question: Question) -> list[AnswerLine]:
    line = await _line(store, question)
    by: dict[str, Decimal] = {}
    for each in await attempts_of(store, line.run):
        who = str(each["employee_name"] or "an employee")
        by[who] = by.get(who, Decimal(0)) + (each["cost_usd"] or Decimal(0))
    return [
        AnswerLine(
            text=f"{line.title}: {line.spent_usd} USD and {line.spent_tokens:,} tokens.", path=_path(line.run, "cost")
        ),
        *(AnswerLine(text=f"{who}: {usd} USD", path=_path(line.run, "cost")) for who, usd in sorted(by.items())),
    ]


async def _costs(store: Store, _settings: Settings, _question: Question) -> list[AnswerLine]:
    lines = await costs_in(store, CostRequest(by=("day",)))
    found = [
        AnswerLine(text=f"{line.day}: {line.usd} USD, {line.tokens:,} tokens, {line.calls} calls", path="/costs")
        for line in lines[:DAYS_MAX]
    ]
    return found or [AnswerLine(text="No call was charged yet.", path="/costs")]


async def _line(store: Store, question: Question) -> RunLine:
    run = await run_named(store, question.run)
    line = await RUN.first(store, run)
    if line is None:
        raise NotFound("The manager had not begun this run.", hint="Ask again, or for a later position.")
    return line


def _run_line(line: RunLine) -> AnswerLine:
    return AnswerLine(text=f"{line.title}: {standing(line.phase, line.outcome)}.", path=_path(line.run))


def _path(run: Any, tab: str = "") -> str:
    return f"/runs/{run}" + (f"?tab={tab}" if tab else "")


_ANSWERS: Mapping[Subject, Callable[[Store, Settings, Question], Awaitable[list[AnswerLine]]]] = {
    "help": _help,
    "template": _template,
    "status": _status,
    "inbox": _inbox,
    "run": _run,
    "why": _why,
    "cost": _cost,
    "costs": _costs,
}
