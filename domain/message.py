"""Base classes of messages: commands (requests), events (facts), the permanent envelope, and the recorded event.

An event is a frozen struct with the ids of everything that it concerns. Its class defines the type, the schema version
and the entity. A released event never changes: a new version needs an upcaster in `domain/registry.py`.
"""

from typing import ClassVar
from uuid import UUID, uuid5

import msgspec

NAMESPACE = UUID("6f0d6b0e-3f0a-5c3c-9b1e-6a75a1a7c0de")
"""Root of all derived ids of this system."""
ORGANISATION = uuid5(NAMESPACE, "organisation")
"""The id of the organisation. Each log has exactly one organisation."""


def derive(parent: UUID, *parts: object) -> UUID:
    """Return the UUIDv5 of the parent and the parts, joined by '/'. The same arguments always give the same id."""
    return uuid5(parent, "/".join(str(part) for part in parts))


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A fact that happened. Subclasses set `type` ("task.assigned") and `version`."""

    type: ClassVar[str]
    version: ClassVar[int] = 1

    def entity(self) -> tuple[str, UUID]:
        """Return the kind and id of the event's entity."""
        raise TypeError(f"{type(self).__name__} names no entity")

    def blobs(self) -> tuple[str, ...]:
        """Return the digests of the blobs that the payload names. A purge erases these blobs, too."""
        return ()


class RunEvent(Event, frozen=True, kw_only=True):
    """An event of a run."""

    run: UUID

    def entity(self) -> tuple[str, UUID]:
        return "run", self.run


class TaskEvent(Event, frozen=True, kw_only=True):
    """An event of a task. `employee` also goes into the envelope, so that the law need not read the payload."""

    run: UUID
    task: UUID
    employee: UUID

    def entity(self) -> tuple[str, UUID]:
        return "task", self.task


OF_RUNS = (RunEvent, TaskEvent)
"""The classes of the events of a run and of its tasks."""


class Erased(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event without payload, after a purge. Only the data of the envelope remain."""

    type: str
    entity_kind: str
    entity_id: UUID
    run: UUID | None


class Unreadable(Erased, frozen=True, kw_only=True):
    """An event with a payload that cannot be decoded. The payload is damaged, or a newer release wrote it.

    A consumer parks the event. A fold skips it.
    """

    error: str


class Command(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request to change something. Ids and times enter the domain only here.

    id: UUIDv7 from a door, or derived from the cause in a reaction. at: microseconds UTC. cause: the event that led to
    the command.
    """

    id: UUID
    at: int
    cause: UUID | None = None


class Envelope(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The permanent part of an event: ids, types, times, and the commitment to its payload.

    The envelope never contains free text.
    """

    id: UUID
    type: str
    version: int
    entity: str
    entity_id: UUID
    run: UUID | None
    employee: UUID | None
    principal: UUID
    role: str
    occurred_at: int  # microseconds UTC
    command: UUID
    cause: UUID | None
    policy: str
    commitment: str  # hex HMAC-SHA256(salt, payload bytes)


class Recorded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event of the log. `seq` is the global position. `void` is the reason why the event does not count."""

    seq: int
    envelope: Envelope
    event: Event | Erased
    void: str | None = None
