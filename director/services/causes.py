"""Behind why: what led to an event, and what came of it."""

from collections.abc import Iterator
from typing import Any

import msgspec

from bus.store import Store
from director.services.events import event_data
from director.services.session import archive, find_event
from director.settings import Settings
from director.terminal.event_text import NAMING_TYPES, Story
from director.terminal.output import Door
from director.terminal.text import clock
from domain.message import Recorded

CAUSES_MAX = 200
DEPTH_MAX = 200
TREE_EVENTS_MAX = 500
VALUE_CHARACTERS_MAX = 160
Tree = list[tuple[Recorded, "Tree"]]


async def explain(settings: Settings, door: Door, event: str) -> None:
    """The chain of causes of an event, what it says, and the tree of what it caused."""
    async with archive(settings) as store:
        found = await find_event(store, event)
        causes, cut = await _causes(store, found)
        budget = [TREE_EVENTS_MAX]
        effects = await _effects(store, found, DEPTH_MAX, budget)
        story = Story()
        for naming in await store.read_types(NAMING_TYPES, await store.recorded_up_to()):
            story.hear(naming)
    lines = ["What led to it, the first cause first:"]
    if cut:
        lines.append(f"  (only the last {CAUSES_MAX} causes)")
    lines.extend(_line(earlier, story) for earlier in causes)
    if not causes:
        lines.append(f"  nothing in the log: the {found.envelope.role} began it")
    lines += ["", "This event:", _line(found, story), *_detail(found), "", "What came of it:"]
    lines.extend(_tree_lines(effects, 0, story))
    if not effects:
        lines.append("  nothing")
    if budget[0] <= 0:
        lines.append(f"  (cut after {TREE_EVENTS_MAX} events)")
    data = {"event": event_data(found), "causes": [event_data(one) for one in causes], "effects": _tree_data(effects)}
    door.answer(data, "\n".join(lines))


async def _causes(store: Store, found: Recorded) -> tuple[list[Recorded], bool]:
    """The causes, the first one first, and whether there are more than CAUSES_MAX."""
    causes: list[Recorded] = []
    cause = found.envelope.cause
    while cause is not None and len(causes) < CAUSES_MAX:
        earlier = await store.find(cause)
        if earlier is None:
            return causes, False
        causes.insert(0, earlier)
        cause = earlier.envelope.cause
    return causes, cause is not None


async def _effects(store: Store, recorded: Recorded, depth: int, budget: list[int]) -> Tree:
    if depth == 0 or budget[0] <= 0:
        return []
    caused = (await store.read_caused(recorded.envelope.id))[: budget[0]]
    budget[0] -= len(caused)
    return [(one, await _effects(store, one, depth - 1, budget)) for one in caused]


def _line(recorded: Recorded, story: Story) -> str:
    """Sequence, time, who, what; then in words."""
    envelope = recorded.envelope
    words = story.tell(recorded) or story.about(recorded)
    return (
        f"{recorded.seq:>6}  {clock(envelope.occurred_at)}  {envelope.role:<10} {envelope.type:<26} {words}"
    ).rstrip()


def _detail(found: Recorded) -> list[str]:
    """The event's own ids and payload, a value a line."""
    envelope = found.envelope
    said = {
        "id": envelope.id,
        envelope.entity: envelope.entity_id,
        "employee": envelope.employee,
        "principal": envelope.principal,
        "command": envelope.command,
        "void": found.void,
        **msgspec.to_builtins(found.event),
    }
    lines = [f"        {name:<14} {_short(value)}" for name, value in said.items() if value not in (None, "", [], {})]
    if "judgement" in said:
        lines.append(f"        the whole verdict: aura verdict {found.seq}")
    return lines


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode().strip('"')
    return text if len(text) <= VALUE_CHARACTERS_MAX else f"{text[:VALUE_CHARACTERS_MAX]} … (--json shows all)"


def _tree_lines(tree: Tree, depth: int, story: Story) -> Iterator[str]:
    """An only effect stands straight below its cause; what follows one of several stands deeper."""
    deeper = depth + 1 if len(tree) > 1 else depth
    for recorded, below in tree:
        yield f"{'  ' * depth}{_line(recorded, story)}"
        yield from _tree_lines(below, deeper, story)


def _tree_data(tree: Tree) -> list[dict[str, Any]]:
    return [event_data(recorded) | {"effects": _tree_data(below)} for recorded, below in tree]
