"""What the next call of a task will be told: its brief, and the size of the prompt that comes of it.

A reservation follows from the real prompt, so the size is known before the task is assigned.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol
from uuid import UUID

from agents.briefs.brief import Brief, brief_of
from agents.briefs.review_brief import review_brief
from agents.duty import either, insist
from agents.employees.prompts import messages_of
from agents.employees.usage import prompt_bytes, tokens_of
from agents.manager import routing
from agents.manager.prompt_sizes import NOT_SIZED, PromptSizes
from agents.run_content import Library
from bus.clock import now
from bus.consumer import Send
from bus.logger import SILENT, Logger
from bus.projection import Cause
from bus.projection_rows import Rows
from domain.errors import AuraError, Unavailable
from domain.message import NAMESPACE, Command, derive
from domain.review import is_review
from domain.run import RunState
from domain.task import TaskState
from projections.openrun import open_in

_SIZED = derive(NAMESPACE, "manager", "sized")


async def brief_for(library: Library, state: RunState, part: TaskState) -> Brief:
    """What the task's next call is told. Raises NotFound when its content was purged."""
    assert state.submitted is not None, "a run without a requirement has no tasks"
    requirement = await library.requirement(state.submitted)
    feedback = tuple(dict.fromkeys(finding.for_author for finding in part.findings if finding.for_author))
    if is_review(part):
        return await review_brief(library, state, requirement, feedback)
    base = await library.contents(await library.before(state, part.id))
    return brief_of(requirement, part.name, base=base, feedback=feedback)


def prompt_tokens(brief: Brief) -> int:
    """An upper estimate of the prompt's tokens, whoever is asked."""
    return tokens_of(prompt_bytes(messages_of(brief, may_decline=True)))


class Dispatcher(Protocol):
    """The manager, as this duty needs it."""

    @property
    def sizes(self) -> PromptSizes | None: ...

    def dispatch(self, rows: Rows, cause: Cause) -> Iterable[Command]: ...


class Sizing:
    """The duty to know the size of each waiting task's prompt, and to assign the task once it is known."""

    def __init__(
        self,
        manager: Dispatcher,
        library: Library,
        send: Send,
        *,
        clock: Callable[[], int] = now,
        log: Logger = SILENT,
    ) -> None:
        assert manager.sizes is not None, "without sizes there is nothing to do"
        self._manager = manager
        self._sizes = manager.sizes
        self._library = library
        self._send = send
        self._clock = clock
        self._log = log
        self._rows: Rows | None = None
        self._wake = asyncio.Event()

    def note(self, rows: Rows, live: bool) -> None:
        self._rows = rows if live else None
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            rows = self._rows
            unknown = list(self._unknown(rows)) if rows is not None else []
            for run, state, part in unknown:
                await insist(lambda run=run, state=state, part=part: self._size(run, state, part), stop)  # type: ignore[misc]  # bound now
            if unknown and rows is not None:
                cause = Cause(derive(_SIZED, self._clock()), self._clock(), of_event=False)
                for command in list(self._manager.dispatch(rows, cause)):
                    await insist(lambda command=command: self._send(command), stop)  # type: ignore[misc]  # bound now
                continue
            await either(self._wake, stop)
            self._wake.clear()

    def _unknown(self, rows: Rows) -> Iterable[tuple[UUID, RunState, TaskState]]:
        for row, state in open_in(rows, "planned"):
            for part in routing.ready(state):
                if self._sizes.of(row.scope, part) is None:
                    yield row.scope, state, part

    async def _size(self, run: UUID, state: RunState, part: TaskState) -> None:
        """Learn one size. Raises Unavailable when the store is away; what else fails is reserved at its most."""
        try:
            self._sizes.put(run, part, prompt_tokens(await brief_for(self._library, state, part)))
        except Unavailable:
            raise
        except AuraError:
            self._sizes.put(run, part, NOT_SIZED)  # its order fails with the reason
        except Exception as error:
            self._log.error("prompt_not_sized", run=run, task=part.id, error=type(error).__name__)
            self._sizes.put(run, part, NOT_SIZED)
