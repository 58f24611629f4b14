"""Messages that no command can cause, published directly: void events, and an event that no consumer can process."""

import json
import secrets
import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from msgspec.structs import replace

from bus import codec
from bus.subjects import subject_of
from domain import employee, task
from domain.message import Event, Recorded
from governance import keys
from governance.log_session import LogSession

LOG_EVENTS_MAX = 10_000


class Forger:
    """A publisher that has the staff's keys and uses no gate."""

    def __init__(self, folder: Path) -> None:
        self._keys = folder

    async def of_the_suspended(self, office: LogSession, run: UUID, who: UUID) -> None:
        """Publish an assignment that races the suspension of its employee."""
        assigned = _last(await office.store.read(0, limit=LOG_EVENTS_MAX), "task.assigned", run)
        assert isinstance(assigned.event, task.Assigned)
        event = replace(assigned.event, employee=who)
        await _put(office, self._again(event, assigned, "manager"))

    async def against_a_pause(self, office: LogSession, run: UUID) -> None:
        """Publish an assignment that races a pause, and the same event twice."""
        log = await office.store.read(0, limit=LOG_EVENTS_MAX)
        assigned = _last(log, "task.assigned", run)
        await _put(office, self._again(assigned.event, assigned, "manager"))
        founded = _last(log, "organisation.founded", None)
        await _put(office, self._again(founded.event, founded, "director", id=founded.envelope.id))

    async def against_a_halt(self, office: LogSession, run: UUID) -> None:
        """Publish a plan that races a halt."""
        log = await office.store.read(0, limit=LOG_EVENTS_MAX)
        planned = _last(log, "run.planned", run)
        await _put(office, self._again(planned.event, planned, "manager"))

    async def after_the_end(self, office: LogSession, run: UUID) -> None:
        """Publish a call after the end of its run, an event on a wrong subject, and a message that is not an event."""
        log = await office.store.read(0, limit=LOG_EVENTS_MAX)
        started = _last(log, "task.call_started", run)
        await _put(office, self._again(started.event, started, "manager"))
        await _put(office, (f"aura.evt.run.{uuid4()}.planned", self._again(started.event, started, "manager")[1]))
        await _put(office, ("aura.evt.something.else", b"\x00\xff no event"))

    async def newer(self, office: LogSession, who: UUID) -> None:
        """Publish a warning in a form that only a later release writes."""
        log = await office.store.read(0, limit=LOG_EVENTS_MAX)
        hired = next(one for one in log if one.envelope.entity_id == who)
        event = employee.Warned(employee=hired.envelope.entity_id, incident=uuid4(), reason="in words to come")
        subject, body = self._again(event, hired, "hr")
        whole = json.loads(body)
        whole["envelope"]["version"] = 9
        await _put(office, (subject, json.dumps(whole, separators=(",", ":")).encode()))

    def _again(self, event: Any, like: Recorded, role: str, *, id: UUID | None = None) -> tuple[str, bytes]:
        """Return an event as somebody without a gate would publish it: its subject and its bytes."""
        assert isinstance(event, Event)
        origin = codec.Origin(
            command=uuid4(),
            cause=None,
            principal=keys.load(self._keys, role).id,
            role=role,
            at=time.time_ns() // 1000,
            policy=like.envelope.policy,
        )
        salt = secrets.token_bytes(codec.SALT_BYTES)
        body, envelope = codec.encode(event, id=id or uuid4(), origin=origin, salt=salt)
        return subject_of(envelope), body


async def _put(office: LogSession, message: tuple[str, bytes]) -> None:
    """Publish a message without any gate."""
    await office.client.jetstream().publish(*message)


def _last(log: list[Recorded], event_type: str, run: UUID | None) -> Recorded:
    """Return the last event of a type and a run that is not void."""
    return [one for one in log if (one.envelope.type, one.envelope.run, one.void) == (event_type, run, None)][-1]
