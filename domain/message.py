"""The forms of what moves: commands (asked), events (happened), the envelope kept for ever, and a recorded event.

An event is a frozen struct that carries the ids it concerns. Its class says the type, the schema version and the
entity. A released event never changes: a new version is a new class with an upcaster in `domain/registry.py`.
"""

from typing import ClassVar
from uuid import UUID, uuid5

import msgspec

NAMESPACE = UUID("6f0d6b0e-3f0a-5c3c-9b1e-6a75a1a7c0de")
"""Root of all derived ids of this system."""
ORGANISATION = uuid5(NAMESPACE, "organisation")
"""The id of the one organisation of a log."""


def derive(parent: UUID, *parts: object) -> UUID:
    """UUIDv5 of the parent and the parts joined by '/': the same cause gives the same id, always."""
    return uuid5(parent, "/".join(str(part) for part in parts))


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact that happened. Subclasses set `type` ("task.assigned") and `version`."""

    type: ClassVar[str]
    version: ClassVar[int] = 1

    def entity(self) -> tuple[str, UUID]:
        """The kind and id of the entity that it happened to."""
        raise TypeError(f"{type(self).__name__} names no entity")

    def blobs(self) -> tuple[str, ...]:
        """Digests of the blobs that the payload names; a purge erases them too."""
        return ()


class RunEvent(Event, frozen=True, kw_only=True):
    """An event of a run."""

    run: UUID

    def entity(self) -> tuple[str, UUID]:
        return "run", self.run


class TaskEvent(Event, frozen=True, kw_only=True):
    """An event of a task. `employee`: whom it concerns; it goes into the envelope, so that the law needs no payload."""

    run: UUID
    task: UUID
    employee: UUID

    def entity(self) -> tuple[str, UUID]:
        return "task", self.task


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """An event whose payload was purged: only what the envelope knows is left."""

    type: str
    entity_kind: str
    entity_id: UUID
    run: UUID | None


class Unreadable(Erased, frozen=True, kw_only=True):
    """A payload that is there and does not read: a newer release's, or damage. A consumer parks it, a fold skips it."""

    error: str


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A request to change something. `id` and `at` enter here and nowhere else.

    id: UUIDv7 from a door, derived from the cause in a reaction. at: microseconds UTC. cause: the event that led to it.
    """

    id: UUID
    at: int
    cause: UUID | None = None


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The part of an event that is kept for ever: ids, types, times, and the commitment to its payload.

    Never free text.
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


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the log. `seq` is the global position; `void` says why the law does not count it."""

    seq: int
    envelope: Envelope
    event: Event | Erased
    void: str | None = None
