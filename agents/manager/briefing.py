"""The brief of a task's next call, and the size of its prompt.

The reservation of a call depends on the size of its prompt. So the prompt is measured before the task is assigned.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Protocol
from uuid import UUID

from agents.briefs.brief import Brief, PreviousAnswer, brief_of
from agents.briefs.fence import ANY_FENCE
from agents.briefs.review_brief import review_brief
from agents.briefs.surroundings import imported_paths, scope_texts, text_of
from agents.briefs.visible_tests import paths_of_tests
from agents.duty import insist, wake_at
from agents.employees.answer_reader.result import ANSWER_CHARS_MAX
from agents.employees.prompts import ROLE_TOKENS, messages_of
from agents.employees.usage import prompt_bytes, tokens_of
from agents.manager import routing
from agents.manager.prompt_sizes import NOT_SIZED, PromptSizes
from agents.run_content import Library
from bus.clock import now
from bus.logger import SILENT, Logger
from bus.outbox import Send
from bus.projection import Cause
from bus.projection_rows import Rows
from domain.errors import AuraError, NotFound, Unavailable
from domain.message import Command
from domain.review import is_review
from domain.run import RunState
from domain.task import TaskState
from domain.tree import Manifest
from projections.openrun import RUN_KEY, OpenRun, open_state, ready_in
from verification.requirements.model import Requirement
from verification.requirements.scope import in_scope

COMMANDS_OF_A_TURN_MAX = 16
"""Ids of commands per event and turn. Further tasks are assigned at the next event or sweep."""
TURNS_KEPT_MAX = 10_000


async def brief_for(library: Library, state: RunState, part: TaskState) -> Brief:
    """Return the brief of the task's next call. Raises NotFound if content of the brief was purged."""
    assert state.submitted is not None, "a run without a requirement has no tasks"
    requirement = await library.requirement(state.submitted)
    feedback = tuple(dict.fromkeys(finding.for_author for finding in part.findings if finding.for_author))
    if is_review(part):
        return await review_brief(library, state, requirement, feedback)
    manifest = await library.before(state, part.id)
    base = await _about(library, manifest, part, requirement)
    previous = await _previous(library, part)
    return brief_of(
        requirement,
        part.name,
        base=base,
        listing=manifest,
        feedback=(*feedback, *part.unclear),
        previous=previous,
        comments=part.comments,
    )


async def _about(
    library: Library, manifest: Manifest, part: TaskState, requirement: Requirement
) -> Mapping[str, bytes]:
    """Return the contents that the brief shows: the files in scope, the files that they import, and the named tests."""
    files = {path: entry for path, entry in manifest.items() if entry.is_file}
    named = paths_of_tests(criterion for criterion in requirement.criteria if criterion.id in part.criteria)
    inside = {path: files[path] for path in files if path in named or in_scope(path, part.scope)}
    contents = await library.contents(inside)
    texts = scope_texts(contents, part.scope).texts
    imported = {path: files[path] for path in imported_paths(texts, files)}
    return {**contents, **await library.contents(imported)}


async def _previous(library: Library, part: TaskState) -> PreviousAnswer | None:
    """Return the answer of the previous attempt. Return None if there was no answer or if the answer was purged."""
    if part.answer is None:
        return None
    try:
        answer = await library.text(part.answer)
        contents = await library.contents(part.attempted)
    except NotFound:
        return None  # the answer was purged
    files = {path: text for path, content in contents.items() if (text := text_of(content)) is not None}
    return PreviousAnswer(text=answer[:ANSWER_CHARS_MAX], files=files)


def prompt_tokens(brief: Brief) -> int:
    """Return an upper estimate of the prompt's tokens for any employee."""
    return tokens_of(prompt_bytes(messages_of(brief, ANY_FENCE, may_decline=True))) + ROLE_TOKENS


class Dispatcher(Protocol):
    """The part of the manager that this duty uses."""

    @property
    def sizes(self) -> PromptSizes | None: ...

    def dispatch(self, rows: Rows, cause: Cause, run: UUID | None = None) -> Iterable[Command]: ...


class Sizing:
    """The duty that measures the prompt of each waiting task. After that the task is assigned."""

    def __init__(self, manager: Dispatcher, library: Library, send: Send, *, log: Logger = SILENT) -> None:
        assert manager.sizes is not None, "the manager needs a PromptSizes object"
        self._manager = manager
        self._sizes = manager.sizes
        self._library = library
        self._send = send
        self._log = log
        self._rows: Rows | None = None
        self._wake = asyncio.Event()
        self._turns: OrderedDict[UUID, int] = OrderedDict()
        self._unsized: OrderedDict[UUID, None] = OrderedDict()  # runs with a ready task whose prompt is not measured

    def note(self, rows: Rows, live: bool) -> None:
        anew, self._rows = live and rows is not self._rows, rows if live else None
        if not live:
            return
        found = [row for row, _ in ready_in(rows, "planned")] if anew else rows.changed_of(OpenRun)
        runs = [
            row.scope
            for row in found
            if row.phase == "planned" and any(self._unknown(row.scope, open_state(rows, row)))
        ]
        self._unsized.update(dict.fromkeys((*runs, *self._sizes.missed())))
        if self._unsized:
            self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(wake_at(stop, self._wake))
            while not stop.is_set():
                self._wake.clear()
                while self._unsized and self._rows is not None and not stop.is_set():
                    run = self._unsized.popitem(last=False)[0]
                    await self._size_all(run, stop)
                    for command in self._follows(run):
                        await insist(lambda command=command: self._send(command), stop)  # type: ignore[misc]  # early binding
                await self._wake.wait()

    def _unknown(self, run: UUID, state: RunState) -> Iterator[TaskState]:
        return (part for part in routing.ready(state) if self._sizes.of(run, part) is None)

    async def _size_all(self, run: UUID, stop: asyncio.Event) -> None:
        rows, row = self._rows, self._row(run)
        state = open_state(rows, row) if row is not None and rows is not None else None
        for part in list(self._unknown(run, state)) if state is not None else ():
            await insist(lambda state=state, part=part: self._size(run, state, part), stop)  # type: ignore[misc]  # early binding

    def _follows(self, run: UUID) -> list[Command]:
        """Return the commands that the manager sends now. Their cause is the last event that changed the run, because
        this event made the task ready.

        The manager may already have sent commands with this cause. The new commands get higher numbers, so their ids
        differ.
        """
        rows, row = self._rows, self._row(run)
        if rows is None or row is None:
            return []
        turn = self._turns[row.moved_by] = self._turns.get(row.moved_by, 0) + 1
        while len(self._turns) > TURNS_KEPT_MAX:
            self._turns.popitem(last=False)
        cause = Cause(row.moved_by, now(), first=turn * COMMANDS_OF_A_TURN_MAX)
        return list(islice(self._manager.dispatch(rows, cause, run), COMMANDS_OF_A_TURN_MAX))

    def _row(self, run: UUID) -> OpenRun | None:
        return self._rows.get(OpenRun, run, RUN_KEY) if self._rows is not None else None

    async def _size(self, run: UUID, state: RunState, part: TaskState) -> None:
        """Measure one prompt. Raises Unavailable if the blob store is unavailable. After any other error, the cost of
        the longest prompt is reserved.
        """
        try:
            self._sizes.put(run, part, prompt_tokens(await brief_for(self._library, state, part)))
        except Unavailable:
            raise
        except AuraError:
            self._sizes.put(run, part, NOT_SIZED)  # the order will fail with the same error and report it
        except Exception as error:
            self._log.error("prompt_not_sized", run=run, task=part.id, error=type(error).__name__)
            self._sizes.put(run, part, NOT_SIZED)
