"""Maker of large logs, for measurements and tests. It repeats the events of real runs with new ids.

An event of a repetition has the bytes that the codec writes for its ids: its commitment fits its payload. The log is
written with COPY into the event store alone. The stream of NATS stays empty.
"""

import re
from collections.abc import Iterator, Sequence
from hashlib import sha1
from itertools import islice
from typing import Any

import msgspec

from bus import codec
from bus.store import Store, recorded_up_to
from domain.message import ORGANISATION, Envelope
from sql import named

BATCH_EVENTS = 20_000
LATE_REPETITIONS = 20
"""Number of repetitions between a delivery and the Director's answer to it."""
SPAN_US = 1_000_000
"""Time between the beginnings of two repetitions, in microseconds."""
LATE = frozenset({"run.approved", "run.returned"})
"""Types of events with which the Director answers a delivery. Such an answer may come after many other events."""
ONCE = frozenset({"organisation.founded", "organisation.budget_set", "organisation.fallback_set"})
_SLOT = re.compile(
    rb"(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    rb'|(?<="commitment":")(?P<commitment>[0-9a-f]{64})|(?<="occurred_at":)(?P<at>\d+)'
)
_COMMITMENT, _AT = b"commitment", b"at"


class RealEvent(msgspec.Struct, frozen=True):
    """One event of a real log, as the event store holds it."""

    envelope: bytes
    payload: bytes | None
    salt: bytes
    blobs: Sequence[str]
    void: str | None


async def real_events(store: Store) -> list[RealEvent]:
    """Return the whole log of an event store."""
    async with store.connection() as connection:
        rows = await connection.fetch(named("log_bodies"), 0, 2**31)
    return [
        RealEvent(row["envelope"], row["bytes"], row["salt"] or b"", row["blobs"] or (), row["reason"]) for row in rows
    ]


class _Form:
    """Bytes with slots for ids. `slots`: the index of each slot's value in the values of a repetition."""

    def __init__(self, data: bytes, index: dict[bytes, int]) -> None:
        matches = list(_SLOT.finditer(data))
        names = [match["id"] or (_COMMITMENT if match["commitment"] else _AT) for match in matches]
        self._slots = tuple(index.setdefault(name, len(index)) for name in names)
        self._form = _SLOT.sub(b"%b", data.replace(b"%", b"%%"))

    def filled(self, values: Sequence[bytes]) -> bytes:
        return self._form % tuple([values[slot] for slot in self._slots])


class _Template:
    """One event that is repeated."""

    def __init__(self, event: RealEvent, index: dict[bytes, int]) -> None:
        self.event = event
        self.known: Envelope = codec.envelope_of(event.envelope)
        self.envelope = _Form(event.envelope, index)
        self.payload = _Form(event.payload, index) if event.payload is not None else None
        self.id, self.entity = (_slot(known, index) for known in (self.known.id, self.known.entity_id))
        self.run = _slot(self.known.run, index) if self.known.run is not None else None


def _slot(known: object, index: dict[bytes, int]) -> int:
    return index.setdefault(str(known).encode(), len(index))


class LargeLog:
    """The events of a real log, repeated. The employees and the organisation are the same in all repetitions.

    Events of employees, and those that set up the organisation, come once, at the beginning. The Director's answers to
    deliveries, and all that follows from them, come LATE_REPETITIONS later. Other runs are in progress in between.
    """

    def __init__(self, events: Sequence[RealEvent]) -> None:
        self._index: dict[bytes, int] = {_COMMITMENT: 0, _AT: 1}
        self._shared = {str(ORGANISATION).encode()}
        self._once: list[_Template] = []
        self._head: list[_Template] = []
        self._tail: list[_Template] = []
        answered: set[bytes] = set()
        for event in events:
            if event.void == codec.ALIEN:
                continue
            template = _Template(event, self._index)
            self._shared.add(str(template.known.principal).encode())
            if event.void is None and (template.known.entity == "employee" or template.known.type in ONCE):
                self._shared.add(str(template.known.entity_id).encode())
                self._once.append(template)
                continue
            if template.known.type in LATE:
                answered.add(str(template.known.run).encode())
            late = any(run in event.envelope or run in (event.payload or b"") for run in answered)
            (self._tail if late else self._head).append(template)

    def events(self, count: int) -> Iterator[tuple[_Template, bytes, bytes | None, Sequence[bytes]]]:
        """Yield `count` events: the template, the bytes of envelope and payload, and the values of its ids."""
        for template, values in islice(self._in_order(), count):
            values[0] = template.known.commitment.encode()
            payload = template.payload.filled(values) if template.payload is not None else None
            if payload is not None and template.event.salt:
                values[0] = codec.commitment(template.event.salt, payload).encode()
            yield template, template.envelope.filled(values), payload, values

    def _in_order(self) -> Iterator[tuple[_Template, list[bytes]]]:
        first = list(self._index)
        yield from self._at_times(self._once, first, 0)
        begun: list[list[bytes]] = []
        for repetition in range(2**31):
            begun.append(self._values(repetition))
            yield from self._at_times(self._head, begun[-1], repetition)
            if len(begun) > LATE_REPETITIONS:
                yield from self._at_times(self._tail, begun.pop(0), repetition)

    def _at_times(
        self, templates: Sequence[_Template], values: list[bytes], repetition: int
    ) -> Iterator[tuple[_Template, list[bytes]]]:
        for template in templates:
            values[1] = b"%d" % (template.known.occurred_at + repetition * SPAN_US)
            yield template, values

    def _values(self, repetition: int) -> list[bytes]:
        """Return the values of all slots in one repetition. The first two change with each event."""
        fixed = self._shared | {_COMMITMENT, _AT}
        return [known if known in fixed else _derived(known, repetition) for known in self._index]


def _derived(known: bytes, repetition: int) -> bytes:
    """Return the id of a repetition. An id that begins with its time (UUIDv7) still does."""
    digits = sha1(b"%b %d" % (known, repetition), usedforsecurity=False).hexdigest()
    if known[14:15] == b"7":
        at = int(known[:8] + known[9:13], 16) + repetition * SPAN_US // 1000
        digits = f"{at:012x}7{digits[13:]}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-a{digits[17:20]}-{digits[20:32]}".encode()


async def write_large_log(store: Store, log: LargeLog, count: int) -> None:
    """Write the first `count` events into an event store, which may be empty or begin with events of the same log."""
    batch: dict[str, list[tuple[Any, ...]]] = {"event": [], "payload": [], "void": []}
    async with store.connection() as connection:
        last = await recorded_up_to(connection)
        for seq, (template, envelope, payload, values) in enumerate(log.events(count), 1):
            if seq <= last:
                continue
            run = values[template.run].decode() if template.run is not None else None
            ids = (values[template.id].decode(), template.known.type, values[template.entity].decode(), run)
            batch["event"].append((seq, *ids, envelope))
            if payload is not None:
                batch["payload"].append((seq, template.event.salt, payload, template.event.blobs))
            if template.event.void is not None:
                batch["void"].append((seq, template.event.void))
            if seq % BATCH_EVENTS == 0 or seq == count:
                async with connection.transaction():
                    for table, records in batch.items():
                        await connection.copy_records_to_table(table, records=records, schema_name="log")
                        records.clear()
                    await connection.execute(named("recorder_advance"), last, seq)
                last = seq
