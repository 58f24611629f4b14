"""A bucket of large byte strings in the memory of one process, for work that must not change a server."""

import time

from bus.object_bucket import BucketLimits, ObjectBucket
from bus.object_description import StoredObject
from domain.errors import LimitReached, NotFound
from domain.tree import digest_of


class MemoryBucket(ObjectBucket):
    """A bucket that no server holds. It has the names, limits and errors of a real one."""

    def __init__(self, bucket: str, limits: BucketLimits) -> None:
        self.bucket = bucket
        self.stream = ""
        self.limits = limits
        self._objects: dict[str, bytes] = {}

    async def ensure(self) -> None:
        """Do nothing: the bucket is there."""

    async def put(self, data: bytes) -> str:
        """Keep an object, and return its name. Raises LimitReached if the bucket is full."""
        if sum(map(len, self._objects.values())) + len(data) > self.limits.bytes_max:
            raise LimitReached(f"The bucket {self.bucket} is full.", hint=f"It holds {self.limits.bytes_max} bytes.")
        name = digest_of(data)
        self._objects[name] = data
        return name

    async def find(self, name: str) -> StoredObject | None:
        """Return the description of an object; None without such an object."""
        data = self._objects.get(name)
        if data is None:
            return None
        return StoredObject(name=name, size=len(data), chunks=1, part=name, stored_at=time.time())

    async def get(self, name: str, bytes_max: int) -> bytes:
        """Return the bytes of an object. Raises NotFound, and LimitReached if it is larger than `bytes_max`."""
        data = self._objects.get(name)
        if data is None:
            raise NotFound(f"The bucket {self.bucket} has no object {name}.", hint="Store it first.")
        if len(data) > bytes_max:
            raise LimitReached(f"The object {name} has {len(data)} bytes.", hint=f"The limit is {bytes_max} bytes.")
        return data

    async def objects(self) -> list[StoredObject]:
        """Return the descriptions of all objects."""
        return [found for name in self._objects if (found := await self.find(name)) is not None]

    async def delete(self, name: str) -> None:
        """Forget an object."""
        self._objects.pop(name, None)
