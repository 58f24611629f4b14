"""The causes and effects of an event, each in words."""

from collections.abc import Iterator

import msgspec

from bus.store import Store
from director.services.events import EventView
from director.terminal.event_text import NAMING_TYPES, Story
from domain.message import Recorded

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


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """An event, its causes in the order of the log, and the tree of its effects.

    `causes_cut`: there are more than CAUSES_MAX causes. `effects_cut`: there may be more than TREE_EVENTS_MAX effects.
    """

    event: ToldEvent
    causes: tuple[ToldEvent, ...]
    effects: tuple[Effect, ...]
    causes_cut: bool
    effects_cut: bool


async def explain(store: Store, recorded: Recorded) -> Explanation:
    """Find the causes and the effects of an event."""
    causes, cut = await _causes(store, recorded)
    budget = [TREE_EVENTS_MAX]
    effects = await _effects(store, recorded, DEPTH_MAX, budget)
    story = Story()
    for naming in await store.read_types(NAMING_TYPES, await store.recorded_up_to()):
        story.hear(naming)
    if recorded.envelope.run is not None:
        for earlier in await store.read_run(recorded.envelope.run):
            story.hear(earlier)
    return Explanation(
        event=_told(recorded, story),
        causes=tuple(_told(earlier, story) for earlier in causes),
        effects=tuple(_tree(effects, story)),
        causes_cut=cut,
        effects_cut=budget[0] <= 0,
    )


async def _causes(store: Store, recorded: Recorded) -> tuple[list[Recorded], bool]:
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


def _told(recorded: Recorded, story: Story) -> ToldEvent:
    return ToldEvent(
        seq=recorded.seq,
        void=recorded.void,
        envelope=recorded.envelope,
        payload=recorded.event,
        words=story.tell(recorded) or story.about(recorded),
    )


def _tree(tree: Tree, story: Story) -> Iterator[Effect]:
    for recorded, below in tree:
        told = msgspec.structs.asdict(_told(recorded, story))
        yield Effect(**told, effects=tuple(_tree(below, story)))
