"""A bucket of large byte strings on JetStream. An object is named by the hex sha256 of its bytes.

The layout is that of the JetStream object store, so that its tools can read a bucket. The difference: a reader uses
only direct gets, each of one message. It creates no consumer, so its NATS account needs no other right than
`$JS.API.DIRECT.GET.OBJ_<bucket>`. Whoever keeps the bucket creates it and deletes its objects. A bucket may be lost.
"""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from hashlib import sha256

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError
from nats.js.errors import Error as JetStreamError

from bus.object_description import (
    CHUNK_BYTES,
    CHUNKS_MAX,
    Damaged,
    StoredObject,
    damaged,
    described,
    is_name,
    read_description,
)
from domain.errors import AuraError, Invalid, LimitReached, NotFound, Unavailable, said_by
from domain.tree import digest_of

REQUEST_WAIT_S = 5.0
STREAM_FULL = 10077
STREAM_NOT_FOUND = 10059
TOO_MANY_MESSAGES = 10054
MESSAGES_MAX = 100_000
"""Maximum number of messages of one bucket."""
_SEQUENCE = "Nats-Sequence"


class BucketLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one bucket. `bytes_max`: of all objects together. `age_s`: after this time an object is deleted."""

    bytes_max: int
    age_s: float


class ObjectBucket:
    """One bucket. `get` and `find` need only direct gets; `put` needs only publishes; the rest needs the whole API."""

    def __init__(self, client: Client, bucket: str, limits: BucketLimits) -> None:
        self._client = client
        self._js = client.jetstream(timeout=REQUEST_WAIT_S)
        self.bucket = bucket
        self.stream = f"OBJ_{bucket}"
        self.limits = limits

    async def ensure(self) -> None:
        """Create the bucket if it does not exist. Raises Unavailable."""
        config = StreamConfig(
            name=self.stream,
            subjects=[f"$O.{self.bucket}.C.>", f"$O.{self.bucket}.M.>"],
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,
            max_bytes=self.limits.bytes_max,
            max_age=self.limits.age_s,
            max_msgs=MESSAGES_MAX,
            allow_rollup_hdrs=True,
            allow_direct=True,
            num_replicas=1,
        )
        try:
            await self._js.add_stream(config)
        except (NatsError, JetStreamError, TimeoutError) as error:
            raise self._down(error) from error

    async def put(self, data: bytes) -> str:
        """Store an object and return its name. An object with the same name is replaced.

        Raises LimitReached if the bucket is full, and Unavailable.
        """
        name = digest_of(data)
        part = f"{name}.{secrets.token_hex(8)}"
        chunks = range(0, len(data), CHUNK_BYTES)
        if len(chunks) > CHUNKS_MAX:
            raise LimitReached(
                f"An object of {len(data)} bytes is too large for {self.bucket}.",
                hint=f"The limit is {CHUNKS_MAX * CHUNK_BYTES} bytes.",
            )
        for at in chunks:
            await self._publish(f"$O.{self.bucket}.C.{part}", data[at : at + CHUNK_BYTES], {})
        description = described(name, self.bucket, part, len(data))
        await self._publish(self._place(name), description, {"Nats-Rollup": "sub"})
        return name

    async def _publish(self, subject: str, data: bytes, headers: dict[str, str]) -> None:
        try:
            await self._js.publish(subject, data, headers=headers, stream=self.stream)
        except APIError as error:
            if error.err_code in (STREAM_FULL, TOO_MANY_MESSAGES):
                raise LimitReached(
                    f"The bucket {self.bucket} is full.", hint="Delete objects, or wait until they expire."
                ) from error
            raise self._down(error) from error
        except NoStreamResponseError as error:
            raise self._lost() from error
        except (NatsError, JetStreamError, TimeoutError) as error:
            raise self._down(error) from error

    async def find(self, name: str) -> StoredObject | None:
        """Return the description of an object; None without such an object. Raises Damaged and Unavailable."""
        message = await self._direct({"last_by_subj": self._place(name)})
        return None if message is None else read_description(message.data, name, self.bucket)

    async def get(self, name: str, bytes_max: int) -> bytes:
        """Return the bytes of an object. The bytes have the digest `name`.

        Raises NotFound, Damaged, LimitReached if it is larger than `bytes_max`, and Unavailable.
        """
        found = await self.find(name)
        if found is None:
            raise NotFound(f"The bucket {self.bucket} has no object {name}.", hint="The manager stores it again.")
        if found.size > bytes_max:
            raise LimitReached(
                f"The object {name} in {self.bucket} has {found.size} bytes.", hint=f"The limit is {bytes_max} bytes."
            )
        data = bytearray()
        whole = sha256()
        async for chunk in self._chunks(found):
            data += chunk
            whole.update(chunk)
            if len(data) > found.size:
                raise damaged(name, self.bucket, "it is longer than its description says")
        if len(data) != found.size or whole.hexdigest() != name:
            raise damaged(name, self.bucket, "its bytes do not have its digest")
        return bytes(data)

    async def _chunks(self, found: StoredObject) -> AsyncIterator[bytes]:
        subject = f"$O.{self.bucket}.C.{found.part}"
        after = 0
        for _ in range(found.chunks):
            message = await self._direct({"seq": after + 1, "next_by_subj": subject})
            if message is None:
                return
            after = _sequence(message)
            yield message.data

    async def objects(self) -> list[StoredObject]:
        """Return the descriptions of all objects that can be read, oldest first. Raises Unavailable."""
        found: dict[str, StoredObject] = {}
        after = 0
        while True:
            query = {"seq": after + 1, "next_by_subj": f"$O.{self.bucket}.M.>"}
            message = await self._direct(query)
            if message is None:
                return sorted(found.values(), key=lambda each: each.stored_at)
            after = _sequence(message)
            try:
                read = read_description(message.data, None, self.bucket)
                found[read.name] = read
            except Damaged:
                continue  # it cannot be read under any name, and it expires

    async def delete(self, name: str) -> None:
        """Delete an object with all its chunks, also those of earlier `put`s. Raises Unavailable."""
        try:
            await self._js.purge_stream(self.stream, subject=self._place(name))
            await self._js.purge_stream(self.stream, subject=f"$O.{self.bucket}.C.{name}.>")
        except NotFoundError:
            return  # the bucket is lost, and the object with it
        except (NatsError, JetStreamError, TimeoutError) as error:
            raise self._down(error) from error

    async def drop_strays(self) -> None:
        """Delete chunks that belong to no object, such as those of a `put` that did not end. Raises Unavailable.

        Call it while nobody stores an object.
        """
        wanted = {f"$O.{self.bucket}.C.{found.part}" for found in await self.objects()}
        try:
            info = await self._js.stream_info(self.stream, subjects_filter=f"$O.{self.bucket}.C.>")
            for subject in (info.state.subjects or {}).keys() - wanted:
                await self._js.purge_stream(self.stream, subject=subject)
        except NotFoundError:
            return
        except (NatsError, JetStreamError, TimeoutError) as error:
            raise self._down(error) from error

    async def clear(self) -> None:
        """Delete everything, also chunks without a description. Raises Unavailable."""
        try:
            await self._js.purge_stream(self.stream)
        except NotFoundError:
            return
        except (NatsError, JetStreamError, TimeoutError) as error:
            raise self._down(error) from error

    async def remove(self) -> None:
        """Remove the bucket itself. Raises Unavailable."""
        try:
            await self._js.delete_stream(self.stream)
        except NotFoundError:
            return
        except (NatsError, JetStreamError, TimeoutError) as error:
            raise self._down(error) from error

    async def _direct(self, query: dict[str, object]) -> Msg | None:
        """Return one message of the stream; None if no message matches, or if there is no stream."""
        subject = f"$JS.API.DIRECT.GET.{self.stream}"
        try:
            message = await self._client.request(subject, msgspec.json.encode(query), timeout=REQUEST_WAIT_S)
        except NoRespondersError:
            return None
        except (NatsError, TimeoutError) as error:
            raise self._down(error) from error
        headers = message.headers or {}
        if _SEQUENCE in headers:  # the server adds it to every stored message
            return message
        if headers.get("Status") == "404":
            return None
        raise self._down(f"status {headers.get('Status')}")

    def _place(self, name: str) -> str:
        """Return the subject of an object's description."""
        if not is_name(name):
            raise Invalid(f"{name!r} is not the name of an object.", hint="Give a sha256 in 64 hex digits.")
        return f"$O.{self.bucket}.M.{urlsafe_b64encode(name.encode()).decode()}"

    def _lost(self) -> Unavailable:
        return Unavailable(
            f"There is no bucket {self.bucket}.", hint="The manager creates it again.", code="bucket_lost"
        )

    def _down(self, reason: BaseException | str) -> AuraError:
        if isinstance(reason, APIError) and reason.err_code == STREAM_NOT_FOUND:
            return self._lost()
        text = reason if isinstance(reason, str) else said_by(reason)
        return Unavailable(
            f"The bucket {self.bucket} does not answer: {text}.", hint="Wait until NATS is back (`aura status`)."
        )


def _sequence(message: Msg) -> int:
    return int((message.headers or {})[_SEQUENCE])
