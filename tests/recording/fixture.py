"""The recorded log as files: read and written byte for byte, loaded into an empty event store, with one digest."""

import base64
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from bus.codec import envelope_of, event_of
from bus.store import Store
from domain.message import Recorded

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "release-0.1.0"
LOG, ROWS, HOME, DELIVERIES = (FIXTURE / name for name in ("log", "rows", "home", "deliveries.tar.gz"))
COMMANDS, HANDLERS = FIXTURE / "commands.jsonl", FIXTURE / "handlers.json"
LOG_TABLES = ("event", "payload", "blob", "blob_use", "void", "checkpoint")
"""Every table of the schema `log`."""
SUBJECT = "subject"
"""The subject of each message on the stream. It is a separate table, because Postgres does not store it."""
Table = list[dict[str, Any]]


class Kept(NamedTuple):
    """One event as the log stores it."""

    seq: int
    envelope: bytes
    payload: bytes | None
    salt: bytes
    blobs: tuple[str, ...]
    void: str | None
    subject: str

    def recorded(self) -> Recorded:
        """Return the event as a reader of the store gets it. Messages that are not events are not expected here."""
        envelope = envelope_of(self.envelope)
        return Recorded(seq=self.seq, envelope=envelope, event=event_of(envelope, self.payload), void=self.void)


def plain(value: object) -> object:
    """Return a database value in JSON form."""
    if isinstance(value, bytes):
        try:
            return {"utf8": value.decode("utf-8")}
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode("ascii")}
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return str(value) if not isinstance(value, str | int | bool | list | None) else value


def _valued(value: Any) -> Any:
    if isinstance(value, dict):
        return value["utf8"].encode() if "utf8" in value else base64.b64decode(value["base64"])
    return value


def write_lines(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write a table as compressed lines of JSON. The same rows give the same bytes."""
    text = "".join(json.dumps({name: plain(value) for name, value in row.items()}) + "\n" for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_compressed(text.encode()))


def read_lines(path: Path) -> Table:
    """Read a table that `write_lines` wrote, with bytes as bytes."""
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    return [{name: _valued(value) for name, value in json.loads(line).items()} for line in lines]


def _compressed(data: bytes) -> bytes:
    target = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=target, mode="wb", compresslevel=9, mtime=0) as file:
        file.write(data)
    return target.getvalue()


@cache
def log_table(name: str) -> Table:
    """Return a table of the recorded log. Callers must not change it."""
    return read_lines(LOG / f"{name}.jsonl.gz")


@cache
def kept_log() -> tuple[Kept, ...]:
    """Return the whole recorded log, in order."""
    return log_of({name: log_table(name) for name in (*LOG_TABLES, SUBJECT)})


def log_of(tables: Mapping[str, Table]) -> tuple[Kept, ...]:
    """Return the events in the tables of a log, in order."""
    payloads = {row["seq"]: row for row in tables["payload"]}
    voids = {row["seq"]: row["reason"] for row in tables["void"]}
    subjects = {row["seq"]: row["subject"] for row in tables.get(SUBJECT, [])}
    return tuple(
        Kept(
            seq=row["seq"],
            envelope=row["envelope"],
            payload=payloads[row["seq"]]["bytes"] if row["seq"] in payloads else None,
            salt=payloads[row["seq"]]["salt"] if row["seq"] in payloads else b"",
            blobs=tuple(payloads[row["seq"]]["blobs"]) if row["seq"] in payloads else (),
            void=voids.get(row["seq"]),
            subject=subjects.get(row["seq"], ""),
        )
        for row in tables["event"]
    )


@cache
def kept_blobs() -> Mapping[str, bytes]:
    """Return digest -> content of every blob."""
    return {row["digest"]: row["bytes"] for row in log_table("blob")}


async def load(store: Store, tables: Mapping[str, Table] | None = None) -> None:
    """Put the recorded log into an empty event store. `tables` replace recorded tables."""
    changed = tables or {}
    async with store.connection() as connection, connection.transaction():
        for name in LOG_TABLES:
            rows = changed.get(name, log_table(name))
            if name == "checkpoint":
                for row in rows:
                    await connection.execute(
                        "UPDATE log.checkpoint SET seq = $2 WHERE name = $1", row["name"], row["seq"]
                    )
            elif rows:
                columns = list(rows[0])
                records = [tuple(row[column] for column in columns) for row in rows]
                await connection.copy_records_to_table(name, records=records, columns=columns, schema_name="log")


async def read_log(connection: asyncpg.Connection) -> dict[str, Table]:
    """Return every table of the log from Postgres, in order of its key."""
    return {
        name: [dict(row.items()) for row in await connection.fetch(f"SELECT * FROM log.{name} ORDER BY 1, 2")]
        for name in LOG_TABLES
    }


async def read_rows(connection: asyncpg.Connection, consumer: str) -> dict[str, Table]:
    """Return table or view -> rows of a consumer from Postgres, by column, in order."""
    names = await connection.fetch(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = $1 ORDER BY 1", consumer
    )
    found: dict[str, Table] = {}
    for name in (row["table_name"] for row in names):
        if name != "checkpoint":
            rows = await connection.fetch(f"SELECT * FROM {consumer}.{name}")
            found[name] = in_order(shown(dict(row.items())) for row in rows)
    return found


def shown(row: Mapping[str, object]) -> dict[str, Any]:
    """Return a row by column in JSON form. A text that is a JSON object or list is compared by its value."""
    return {name: _opened(plain(value)) for name, value in row.items() if name != "error"}


def _opened(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value


def in_order(rows: Iterable[dict[str, Any]]) -> Table:
    """Return rows in an order that depends only on their content."""
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


def differences(expected: Mapping[str, Table], found: Mapping[str, Table]) -> list[str]:
    """Return the differences of two states of one consumer: `table: row`, or a table that only one state has."""
    lines = [f"{name}: the table is not in both" for name in sorted(expected.keys() ^ found.keys())]
    for name in sorted(expected.keys() & found.keys()):
        before, after = ({json.dumps(row, sort_keys=True) for row in rows[name]} for rows in (expected, found))
        lines += [f"{name}: {row}" for row in sorted(before ^ after)]
        if len(expected[name]) != len(found[name]):
            lines.append(f"{name}: {len(found[name])} rows instead of {len(expected[name])}")
    return lines


def deliveries() -> dict[str, dict[str, bytes]]:
    """Return run -> path -> content of every delivered repository, including its .git folder."""
    found: dict[str, dict[str, bytes]] = {}
    with tarfile.open(DELIVERIES, "r:gz") as archive:
        for member in archive.getmembers():
            content = archive.extractfile(member)
            run, _, path = member.name.partition("/")
            assert content is not None
            found.setdefault(run, {})[path] = content.read()
    return found


def pack_deliveries(folder: Path) -> None:
    """Store the repositories in a folder of deliveries. The same content gives the same bytes."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                info = tarfile.TarInfo(path.relative_to(folder).as_posix())
                info.size, info.mode = path.stat().st_size, path.stat().st_mode & 0o777
                archive.addfile(info, io.BytesIO(path.read_bytes()))
    DELIVERIES.write_bytes(_compressed(target.getvalue()))


def digest(paths: Sequence[Path]) -> str:
    """Return one sha256 of files: their paths in the fixture and their contents, in order of path."""
    total = hashlib.sha256()
    for path in sorted(paths):
        content = path.read_bytes()
        total.update(f"{path.relative_to(FIXTURE).as_posix()}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


def data_files() -> list[Path]:
    """Return the files that are recorded once and never again."""
    return [path for path in FIXTURE.rglob("*") if path.is_file() and ROWS not in path.parents and path.suffix != ".md"]


def row_files() -> list[Path]:
    """Return the files of expected results.

    They may be written again with --rows if a read model changes intentionally.
    """
    return [path for path in ROWS.rglob("*") if path.is_file()]
