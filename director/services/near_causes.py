"""The causes of an event and its direct effects, with bounded work: effects are looked for in a part of the log."""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from bus.store import Store
from director.services.causes import ChoiceView, ToldEvent, causes_of, choice_view, told
from director.terminal.event_text import NAMING_TYPES, Story
from domain.message import Recorded

NEAR_EVENTS = 5000
"""The number of events after an event in which its effects are looked for."""
RUNS_MAX = 5
"""The most runs from which the names of tasks are read."""
STAFF_NAMES = tuple(type for type in NAMING_TYPES if not type.startswith("run."))


class NearExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """An event, its causes in the order of the log, and its direct effects up to the event `searched_up_to`."""

    event: ToldEvent
    causes: tuple[ToldEvent, ...]
    effects: tuple[ToldEvent, ...]
    searched_up_to: int
    choice: ChoiceView | None = None


async def explain_near(store: Store, recorded: Recorded) -> NearExplanation:
    """Find the causes of an event, and its effects among the next NEAR_EVENTS events."""
    end = min(recorded.seq + NEAR_EVENTS, await store.recorded_up_to())
    causes, _ = await causes_of(store, recorded)
    effects = await store.records("log_caused_near", str(recorded.envelope.id), recorded.seq, end)
    story = await named_story(store, (recorded, *causes, *effects))
    return NearExplanation(
        event=told(recorded, story),
        causes=tuple(told(each, story) for each in causes),
        effects=tuple(told(each, story) for each in effects),
        searched_up_to=end,
        choice=choice_view(recorded, story),
    )


async def named_story(store: Store, events: Iterable[Recorded]) -> Story:
    """Return a story that knows the staff and users, and the tasks of the runs of these events."""
    story = Story()
    for naming in await store.read_types(STAFF_NAMES, await store.recorded_up_to()):
        story.hear(naming)
    runs: dict[UUID, None] = {each.envelope.run: None for each in events if each.envelope.run is not None}
    for run in list(runs)[:RUNS_MAX]:
        for earlier in await store.read_run(run):
            story.hear(earlier)
    return story
