"""The stream AURA on JetStream: connection, settings, and reads by sequence and by subject filter."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import AuthorizationError
from nats.errors import Error as NatsError

from bus.disk_room import STREAM_BYTES_MAX, stream_sizes
from bus.nats_client import Connection, Mailbox, connection_of
from bus.outages import NATS, Outages
from bus.reconnects import reconnected
from bus.stream_info import StreamInfo, info_of
from bus.subjects import ALL_EVENTS
from domain.errors import Unavailable, said_by

STREAM = "AURA"
STREAM_NOT_FOUND = 10059
STORE_NOT_CREATED = 10049
NO_ROOM = 10047
CREATE_TRIES = 5
CREATE_PAUSE_S = 0.1
SEQUENCE_HEADER = "Nats-Sequence"
NANO = 1_000_000_000
HOT_WINDOW_S = 30 * 24 * 3600
DUPLICATE_WINDOW_S = 120
CONNECT_WAIT_S = 2.0
CONNECT_ATTEMPTS_MAX = 2
RECONNECT_WAIT_S = 0.1
REQUEST_WAIT_S = 5.0
FLUSH_WAIT_S = 1
LAW: dict[str, Any] = {
    "subjects": [ALL_EVENTS],
    "storage": "file",
    "retention": "limits",
    "discard": "new",
    "deny_delete": True,
    "deny_purge": True,
    "allow_direct": True,
    "allow_atomic": True,
    "allow_rollup_hdrs": False,
    "allow_msg_ttl": False,
}
"""Settings that make a stream a log: no message can delete, overwrite or expire another. Other streams are refused."""
READ_BATCH_MAX = 256
PENDING_BYTES_MAX = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class Stored:
    """One message as stored in the stream."""

    seq: int
    subject: str
    data: bytes


async def connect(url: str, *, name: str, outages: Outages | None = None) -> Connection:
    """Return a connection that always reconnects. Raises Unavailable if the first attempts to connect fail."""
    problems: deque[Exception] = deque(maxlen=CONNECT_ATTEMPTS_MAX)

    async def note(error: Exception) -> None:
        problems.append(error)

    async def lost() -> None:
        if outages is not None and not client.is_closed:
            outages.lost(NATS, "the connection is lost")

    async def back() -> None:
        reconnected(client)
        if outages is not None:
            outages.back(NATS, time.monotonic())

    client = Connection()
    try:
        await client.connect(
            url,
            name=name,
            connect_timeout=CONNECT_WAIT_S,  # type: ignore[arg-type]  # the library accepts fractions of seconds
            allow_reconnect=True,
            max_reconnect_attempts=CONNECT_ATTEMPTS_MAX - 1,
            reconnect_time_wait=RECONNECT_WAIT_S,  # type: ignore[arg-type]  # the library accepts fractions of seconds
            pending_size=PENDING_BYTES_MAX,
            error_cb=note,
            disconnected_cb=lost,
            reconnected_cb=back,
        )
    except (NatsError, OSError, TimeoutError) as error:
        await client.close()
        raise Unavailable(
            f"NATS does not answer: {said_by(_telling([error, *problems]))}.",
            hint="Start it with `aura up`, or set AURA_NATS_URL to a running server.",
        ) from error
    except BaseException:  # cancelled: the socket may be open, and its tasks may run
        await client.close()
        raise
    client.options["max_reconnect_attempts"] = -1  # set only now: with this value, connect() would never give up
    return client


def _telling(problems: Sequence[Exception]) -> Exception:
    """Choose the error to report: an error message from the server if there is one, otherwise the last error."""
    from_server = [problem for problem in problems if type(problem) in (NatsError, AuthorizationError)]
    return (from_server or problems)[-1]


async def answers(client: Client) -> None:
    """Wait until the server answers. Raises Unavailable if it cannot be reached."""
    hint = "Wait until it is back (`aura status`)."
    if not client.is_connected:  # the client would buffer the flush until the reconnect
        raise Unavailable("NATS cannot be reached. Aura tries to connect again.", hint=hint)
    try:
        await client.flush(FLUSH_WAIT_S)
    except (NatsError, OSError, TimeoutError) as error:
        raise Unavailable(f"NATS does not answer: {said_by(error)}.", hint=hint) from error


class NoStream(Unavailable):
    """The server has no such stream."""


class NoStore(Unavailable):
    """The server could not make the files of a new stream."""


class NoRoom(Unavailable):
    """The server has no room for a stream of that size."""


REFUSALS: dict[int, type[Unavailable]] = {STREAM_NOT_FOUND: NoStream, STORE_NOT_CREATED: NoStore, NO_ROOM: NoRoom}
HINTS: dict[type[Unavailable], str] = {
    NoRoom: "Free some space on the disk of the NATS server, or raise its limit for JetStream (max_file_store).",
}


class Stream:
    """Reads of the stream AURA. Writes are in bus/publisher.py."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def ensure(self, *, first_seq: int | None = None, largest: int = STREAM_BYTES_MAX) -> None:
        """Create the stream if it does not exist. Raises Unavailable if it exists with settings that differ from LAW.

        first_seq: the first sequence of a stream that is rebuilt from Postgres. largest: limit of a new stream (bytes).
        """
        config = LAW | {
            "name": STREAM,
            "max_age": HOT_WINDOW_S * NANO,
            "duplicate_window": DUPLICATE_WINDOW_S * NANO,
            "num_replicas": 1,
        }
        if first_seq is not None:
            config["first_seq"] = first_seq
        try:
            settings = (await self._api(f"STREAM.INFO.{STREAM}", None))["config"]
        except NoStream:
            settings = await self._created(config, stream_sizes(largest))
        wrong = [name for name, value in LAW.items() if settings.get(name, False) != value]
        if wrong or not settings.get("max_bytes", -1) > 0:
            raise Unavailable(
                f"The stream {STREAM} cannot be used as a log: wrong settings of {', '.join(wrong or ['max_bytes'])}.",
                hint="Aura did not make this stream. Set AURA_NATS_URL to another account or server.",
            )

    async def grow(self, bytes_max: int) -> bool:
        """Raise the stream's size limit. Return False if the limit is already that high. Raises NoRoom, Unavailable."""
        config = (await self._api(f"STREAM.INFO.{STREAM}", None))["config"]
        if bytes_max <= config["max_bytes"]:
            return False
        await self._api(f"STREAM.UPDATE.{STREAM}", config | {"max_bytes": bytes_max})
        return True

    async def _created(self, config: dict[str, Any], sizes: Sequence[int]) -> dict[str, Any]:
        """Create the stream as large as the server has room for, and return its settings."""
        *larger, smallest = sizes
        for size in larger:
            try:
                return await self._made(config | {"max_bytes": size})
            except NoRoom:
                continue
        return await self._made(config | {"max_bytes": smallest})

    async def _made(self, config: dict[str, Any]) -> dict[str, Any]:
        """Create a stream and return its settings.

        After the deletion of an account's only stream, nats-server 2.15 removes the empty folder in the background. If
        the next stream is created during that time, the server refuses. A later attempt succeeds.
        """
        for _ in range(CREATE_TRIES - 1):
            try:
                return await self._create(config)
            except NoStore:
                await asyncio.sleep(CREATE_PAUSE_S)
        return await self._create(config)

    async def _create(self, config: dict[str, Any]) -> dict[str, Any]:
        settings: dict[str, Any] = (await self._api(f"STREAM.CREATE.{STREAM}", config))["config"]
        return settings

    async def info(self) -> StreamInfo:
        """Return first and last sequence, size and size limit of the stream. Raises Unavailable."""
        return info_of(await self._api(f"STREAM.INFO.{STREAM}", None))

    async def _api(self, what: str, body: dict[str, Any] | None) -> dict[str, Any]:
        payload = msgspec.json.encode(body) if body is not None else b""
        try:
            reply = await self.client.request(f"$JS.API.{what}", payload, timeout=REQUEST_WAIT_S)
        except (NatsError, TimeoutError) as error:
            raise _down(error) from error
        answer: dict[str, Any] = msgspec.json.decode(reply.data)
        if "error" in answer:
            refusal = REFUSALS.get(answer["error"].get("err_code"), Unavailable)
            raise refusal(
                f"JetStream refuses {what}: {answer['error'].get('description')}.",
                hint=HINTS.get(refusal, "`aura doctor` checks the stream; `aura repair` rebuilds it from Postgres."),
            )
        return answer

    async def get(self, seq: int) -> Stored | None:
        """Return the message at `seq`, or None if the stream does not have it."""
        messages = await self._direct({"seq": seq})
        return messages[0] if messages else None

    async def last(self, subject_filter: str) -> int:
        """Return the last sequence of a filter, 0 if no message matches."""
        messages = await self._direct({"multi_last": [subject_filter], "batch": 1000})
        return max((message.seq for message in messages), default=0)

    async def tail(self, subject_filter: str, after: int) -> list[Stored]:
        """Return every message of the filter with a sequence above `after`, in order."""
        messages: list[Stored] = []
        while True:
            page = await self._direct({"seq": after + 1, "batch": READ_BATCH_MAX, "next_by_subj": subject_filter})
            messages.extend(page)
            if len(page) < READ_BATCH_MAX:
                return messages
            after = page[-1].seq

    async def _direct(self, query: dict[str, Any]) -> list[Stored]:
        """Send one direct get, single or batched, and return the messages; an empty list if none matches."""
        inbox, mailbox = self.client.new_inbox(), Mailbox()
        subscription = await connection_of(self.client).subscribe_direct(inbox, mailbox.receive)
        messages: list[Stored] = []
        try:
            await self.client.publish(f"$JS.API.DIRECT.GET.{STREAM}", msgspec.json.encode(query), reply=inbox)
            while True:
                message = await mailbox.next(REQUEST_WAIT_S)
                headers = message.headers or {}
                if SEQUENCE_HEADER not in headers:  # a status. The server adds this header to every stored message
                    status = headers.get("Status")
                    if status in ("204", "404"):
                        return messages
                    raise Unavailable(f"JetStream answers {status} to a read of the log.", hint="Run `aura status`.")
                messages.append(stored_of(message))
                if "batch" not in query:
                    return messages
        except (NatsError, TimeoutError) as error:
            raise _down(error) from error
        finally:
            await _quietly_unsubscribe(subscription)


async def _quietly_unsubscribe(subscription: Any) -> None:
    try:
        await subscription.unsubscribe()
    except NatsError:
        return  # the connection is gone, and the subscription with it


def stored_of(message: Msg) -> Stored:
    """Decode the answer to a direct get."""
    headers = message.headers or {}
    return Stored(int(headers[SEQUENCE_HEADER]), headers["Nats-Subject"], message.data)


def _down(error: BaseException) -> Unavailable:
    return Unavailable(
        f"NATS does not answer: {said_by(error)}.",
        hint="Wait until it is back (`aura status`), then send the same command again.",
    )
