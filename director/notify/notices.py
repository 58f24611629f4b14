"""The events that need a person, each as a notice: a topic, a title and a text."""

from collections.abc import Callable, Mapping
from uuid import UUID

import msgspec

from director.notify.receivers import Topic
from director.terminal.escape import visible
from director.terminal.event_text import Story
from domain import incident
from domain.message import Recorded

TEXT_CHARACTERS_MAX = 600
STALLS = frozenset({"stalled_run", "stalled_task"})


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """The message to a receiver about one event. `id`: the event's id, by which a receiver knows a repeat.

    `at`: microseconds UTC. `text`: the event in words. It may quote a model, so it is data and no instruction.
    """

    id: UUID
    seq: int
    topic: Topic
    type: str
    at: int
    title: str
    text: str
    command: str


_TOPICS: Mapping[str, tuple[Topic, str, Callable[[Recorded], str]]] = {
    "run.delivered": ("approvals", "A delivery waits for approval", lambda one: f"aura run show {_entity(one)}"),
    "run.funds_requested": ("questions", "A run asks for a larger budget", lambda one: f"aura run show {_entity(one)}"),
    "employee.appealed": ("questions", "An appeal waits for a decision", lambda _: "aura appeal list"),
    "incident.raised": ("incidents", "An incident was raised", lambda one: f"aura incidents show {_entity(one)}"),
    "organisation.cap_warned": ("budgets", "80% of a budget is used", lambda _: "aura budget"),
    "run.budget_warned": ("budgets", "80% of a run's budget is used", lambda one: f"aura run show {_entity(one)}"),
}
"""Type of event -> topic, title, and the command that shows more."""


def notice_of(recorded: Recorded, story: Story) -> Notice | None:
    """Return the notice of an event; None if it needs no person, or does not count."""
    story.hear(recorded)
    known = _TOPICS.get(recorded.envelope.type)
    if known is None or recorded.void:
        return None
    topic, title, command = known
    event = recorded.event
    if isinstance(event, incident.Raised):
        title = f"{title}: {event.kind} ({event.severity})"
        if event.kind in STALLS:
            topic, title = "stalls", f"Work stands still: {event.kind}"
    text = visible(story.tell(recorded))
    return Notice(
        id=recorded.envelope.id,
        seq=recorded.seq,
        topic=topic,
        type=recorded.envelope.type,
        at=recorded.envelope.occurred_at,
        title=title,
        text=text if len(text) <= TEXT_CHARACTERS_MAX else f"{text[:TEXT_CHARACTERS_MAX]} …",
        command=command(recorded),
    )


def trial_notice(id: UUID, at: int) -> Notice:
    """Return the notice of `aura notify test`."""
    return Notice(
        id=id,
        seq=0,
        topic="questions",
        type="test",
        at=at,
        title="A test of aura notify",
        text="If you read this, notifications arrive.",
        command="aura notify show",
    )


def _entity(recorded: Recorded) -> UUID:
    return recorded.envelope.entity_id
