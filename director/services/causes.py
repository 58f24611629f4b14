"""The causes and effects of an event, each in words."""

from collections.abc import Iterable, Iterator
from uuid import UUID

import msgspec

from bus.store import Store
from director.services.events import EventView
from director.services.session import find_event, find_run
from director.terminal.event_text import NAMING_TYPES, Story
from domain import run_messages, task
from domain.errors import NotFound
from domain.message import Recorded
from domain.routing.record import CandidateRecord, ChoiceRecord
from domain.routing.terms import TURNS

CAUSES_MAX = 200
DEPTH_MAX = 200
TREE_EVENTS_MAX = 500
Tree = list[tuple[Recorded, "Tree"]]


class ToldEvent(EventView, frozen=True, kw_only=True):
    """An event and its description in words. `words` is empty for an event that needs no description."""

    words: str


class Effect(ToldEvent, frozen=True, kw_only=True):
    """An event with the events that it caused."""

    effects: tuple["Effect", ...]


class ChosenFrom(CandidateRecord, frozen=True, kw_only=True):
    """One candidate of a choice, with the name of the employee."""

    name: str


class ChoiceView(msgspec.Struct, frozen=True, kw_only=True):
    """The choice of an employee for an attempt: the reason in words, and the recorded numbers."""

    sentence: str
    chosen: UUID
    record: ChoiceRecord
    candidates: tuple[ChosenFrom, ...]


class TaskChoice(msgspec.Struct, frozen=True, kw_only=True):
    """Why the employee of the last attempt at a task was chosen, in one sentence."""

    task: str
    attempt: int
    employee: UUID
    strategy: str
    sentence: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """An event, its causes in the order of the log, and the tree of its effects.

    `choice`: why the employee was chosen, for an assignment with a recorded choice.
    `causes_cut`: there are more than CAUSES_MAX causes. `effects_cut`: there may be more than TREE_EVENTS_MAX effects.
    """

    event: ToldEvent
    causes: tuple[ToldEvent, ...]
    effects: tuple[Effect, ...]
    causes_cut: bool
    effects_cut: bool
    choice: ChoiceView | None = None


async def find_subject(store: Store, text: str, run: str) -> Recorded:
    """Find an event by its sequence or id, or the last assignment of a task by its name or id.

    `run`: the run of a task that is given by its name. Raises NotFound, Invalid.
    """
    if text.isdecimal():
        return await find_event(store, text)
    try:
        found = await store.find(UUID(text))
    except ValueError:
        found = None
    if found is not None:
        return found
    try:
        id = await find_run(store, run)
    except NotFound:
        if run != "last":
            raise
        raise NotFound(
            f"There is no event {text}, and there is no run with a task of this name.",
            hint="`aura events` lists the events with their numbers. `aura submit` begins a run.",
        ) from None
    events = await store.read_run(id)
    planned = [part for each in events if isinstance(each.event, run_messages.Planned) for part in each.event.tasks]
    wanted = {part.id for part in planned if text in (part.name, str(part.id))}
    assigned = [each for each in events if isinstance(each.event, task.Assigned) and each.event.task in wanted]
    if not assigned:
        names = ", ".join(part.name for part in planned) or "none yet"
        raise NotFound(
            f"There is no event {text}, and no assigned task {text} in run {str(id)[:13]}.",
            hint=f"Give a sequence or id of `aura events`, or a task of the run ({names}) with --run RUN.",
        )
    return assigned[-1]


async def explain(store: Store, recorded: Recorded) -> Explanation:
    """Find the causes and the effects of an event."""
    causes, cut = await causes_of(store, recorded)
    budget = [TREE_EVENTS_MAX]
    effects = await _effects(store, recorded, DEPTH_MAX, budget)
    story = Story()
    for naming in await store.read_types(NAMING_TYPES, await store.recorded_up_to()):
        story.hear(naming)
    if recorded.envelope.run is not None:
        for earlier in await store.read_run(recorded.envelope.run):
            story.hear(earlier)
    return Explanation(
        event=told(recorded, story),
        causes=tuple(told(earlier, story) for earlier in causes),
        effects=tuple(_tree(effects, story)),
        causes_cut=cut,
        effects_cut=budget[0] <= 0,
        choice=choice_view(recorded, story),
    )


def choice_view(recorded: Recorded, story: Story) -> ChoiceView | None:
    """Return the choice in the event of an assignment; None for any other event and without a recorded choice."""
    event = recorded.event
    if not isinstance(event, task.Assigned) or event.choice is None:
        return None
    return ChoiceView(
        sentence=story.reason_of(event.choice, event.employee),
        chosen=event.employee,
        record=event.choice,
        candidates=tuple(
            ChosenFrom(name=story.names.get(each.employee, str(each.employee)[:8]), **msgspec.structs.asdict(each))
            for each in event.choice.candidates
        ),
    )


async def choices_of(store: Store, run: UUID) -> tuple[TaskChoice, ...]:
    """Return why each task of a run has its employee. A task without a recorded choice has none."""
    story = Story()
    for naming in await store.read_types(NAMING_TYPES, await store.recorded_up_to()):
        story.hear(naming)
    return last_choices(await store.read_run(run), story)


def last_choices(events: Iterable[Recorded], story: Story) -> tuple[TaskChoice, ...]:
    """Return the last choice of each task, in the order of the first assignments. Turns give no reason."""
    choices: dict[UUID, TaskChoice] = {}
    for recorded in events:
        story.hear(recorded)
        event = recorded.event
        if isinstance(event, task.Assigned) and recorded.void is None:
            view = choice_view(recorded, story)
            if view is not None and view.record.strategy != TURNS:
                choices[event.task] = TaskChoice(
                    task=story.task_name(event.task),
                    attempt=event.attempt,
                    employee=event.employee,
                    strategy=view.record.strategy,
                    sentence=view.sentence,
                )
    return tuple(choices.values())


async def causes_of(store: Store, recorded: Recorded) -> tuple[list[Recorded], bool]:
    """Return the causes in the order of the log, and whether there are more than CAUSES_MAX."""
    causes: list[Recorded] = []
    cause = recorded.envelope.cause
    while cause is not None and len(causes) < CAUSES_MAX:
        earlier = await store.find(cause)
        if earlier is None:
            return causes, False
        causes.insert(0, earlier)
        cause = earlier.envelope.cause
    return causes, cause is not None


async def _effects(store: Store, recorded: Recorded, depth: int, budget: list[int]) -> Tree:
    """Return the tree of effects. `budget`: the number of events that may still be added."""
    if depth == 0 or budget[0] <= 0:
        return []
    caused = (await store.read_caused(recorded.envelope.id))[: budget[0]]
    budget[0] -= len(caused)
    return [(effect, await _effects(store, effect, depth - 1, budget)) for effect in caused]


def told(recorded: Recorded, story: Story) -> ToldEvent:
    """Return an event in words."""
    return ToldEvent(
        seq=recorded.seq,
        void=recorded.void,
        envelope=recorded.envelope,
        payload=recorded.event,
        words=story.tell(recorded) or story.about(recorded),
    )


def _tree(tree: Tree, story: Story) -> Iterator[Effect]:
    for recorded, below in tree:
        in_words = msgspec.structs.asdict(told(recorded, story))
        yield Effect(**in_words, effects=tuple(_tree(below, story)))
