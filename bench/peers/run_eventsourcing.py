"""Measurement of pyeventsourcing's Postgres recorder. It runs in the peers' environment.

It appends one event with each call, or reads the whole log. It reads a JSON object from stdin and writes its answer to
the file that the object names.
"""

import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

PAGE_EVENTS = 1000
FILL_EVENTS = 200
"""Number of events in one call while the log is filled, which is not measured."""


def main() -> None:
    asked = json.load(sys.stdin)
    with PostgresDatastore(
        dbname=asked["database"],
        host=asked["host"],
        port="5432",
        user=asked["user"],
        password="none",
        pool_size=asked["writers"],
        max_overflow=asked["writers"],
    ) as datastore:
        recorder = PostgresApplicationRecorder(datastore)
        recorder.create_table()
        done = _replay(recorder, asked) if asked["what"] == "replay" else _append(recorder, asked)
    Path(asked["out"]).write_text(json.dumps(done))


def _append(recorder: PostgresApplicationRecorder, asked: dict[str, Any]) -> dict[str, float]:
    """Measure events per second with one writer and with many writers."""
    state = b"x" * asked["event_bytes"]
    _one(recorder, state)
    begun = time.perf_counter()
    for _ in range(asked["events_alone"]):
        _one(recorder, state)
    alone = asked["events_alone"] / (time.perf_counter() - begun)
    share = asked["events_saturated"] // asked["writers"]
    with ThreadPoolExecutor(asked["writers"]) as pool:
        list(pool.map(lambda _: _one(recorder, state), range(asked["writers"])))  # opens the connections
        begun = time.perf_counter()
        list(pool.map(lambda _: _many(recorder, state, share), range(asked["writers"])))
        saturated = share * asked["writers"] / (time.perf_counter() - begun)
    return {"one writer, events/s": alone, "saturated, events/s": saturated}


def _one(recorder: PostgresApplicationRecorder, state: bytes) -> None:
    recorder.insert_events([_event(state)])


def _many(recorder: PostgresApplicationRecorder, state: bytes, count: int) -> None:
    for _ in range(count):
        _one(recorder, state)


def _event(state: bytes) -> StoredEvent:
    return StoredEvent(originator_id=uuid4(), originator_version=1, topic="bench:Happened", state=state)


def _replay(recorder: PostgresApplicationRecorder, asked: dict[str, Any]) -> dict[str, float]:
    """Measure how many events per second are read and decoded from JSON. No projection is computed."""
    text = json.dumps({f"field_{index}": "x" * 40 for index in range(max(1, asked["event_bytes"] // 55))}).encode()
    there: int = recorder.max_notification_id() or 0
    while there < asked["events"]:
        events: Sequence[StoredEvent] = [_event(text) for _ in range(min(FILL_EVENTS, asked["events"] - there))]
        recorder.insert_events(events)
        there += len(events)
    begun, start, read = time.perf_counter(), 1, 0
    while page := recorder.select_notifications(start=start, limit=PAGE_EVENTS):
        for notification in page:
            json.loads(notification.state)
        start = page[-1].id + 1
        read += len(page)
    return {"events/s": read / (time.perf_counter() - begun)}


if __name__ == "__main__":
    main()
