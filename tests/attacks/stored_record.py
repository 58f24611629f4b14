"""The stored bytes of an organisation's log, for searches."""

import json
import re
from dataclasses import dataclass
from typing import Any

import asyncpg


@dataclass
class Record:
    """The bytes of the log: envelopes with payloads by sequence, and blobs by digest."""

    events: dict[int, bytes]
    blobs: dict[str, bytes]

    @classmethod
    async def read(cls, dsn: str) -> "Record":
        connection = await asyncpg.connect(dsn)
        try:
            events = await connection.fetch("SELECT seq, envelope, bytes FROM log.event JOIN log.payload USING (seq)")
            blobs = await connection.fetch("SELECT digest, bytes FROM log.blob")
        finally:
            await connection.close()
        return cls(
            events={row["seq"]: row["envelope"] + row["bytes"] for row in events},
            blobs={row["digest"]: row["bytes"] for row in blobs},
        )

    def of_type(self, name: str) -> list[dict[str, Any]]:
        """Return the payloads of a type."""
        kept = [event for event in self.events.values() if f'"type":"{name}"'.encode() in event]
        return [json.loads(event[event.index(b"}{") + 1 :]) for event in kept]

    def calls_of(self, name: str) -> dict[str, bytes]:
        """Return every blob of an employee's calls: the messages of the prompts and the answers."""
        (who,) = {each["employee"] for each in self.of_type("employee.hired") if each["profile"]["name"] == name}
        calls = [json.dumps(each) for each in self.of_type("task.call_finished") if each["employee"] == who]
        named = {digest for call in calls for digest in re.findall(r"[0-9a-f]{64}", call)}
        return {digest: self.blobs[digest] for digest in named & self.blobs.keys()}
