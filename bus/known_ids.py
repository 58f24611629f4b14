"""The ids of all events of the log, in memory. They tell whether an id occurs earlier in the log (`domain/law.py`).

Almost no id is repeated, and a question to Postgres for each event would delay each decision. So the first 32 bits of
every older id are kept here. They can only answer "certainly new" or "perhaps known". Only after "perhaps known" is
Postgres asked, and only its answer makes an event void. The last ids are kept whole, because the recorder may not have
stored them yet.
"""

import asyncio
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from uuid import UUID

import asyncpg

from bus.store import Store
from domain.errors import Unavailable
from sql import named

RECENT_IDS_MAX = 20_000
"""Number of whole ids in memory. The recorder may not be more events behind than this."""
FORGET_IDS = 4_000
"""Number of whole ids that are shortened together."""
RUN_IDS_MAX = 64_000
"""Number of shortened ids that are added to a set before they are sorted, which needs less memory."""
ASKED_MAX = 20
"""Number of questions to Postgres before the older ids are loaded. A short command reads only a few batches."""
LOADED_IDS_MAX = 32_000_000
"""For a longer log the older ids stay in Postgres, and each batch is looked up there. (4 bytes per id)"""
HEADER_BYTES = 19
ROW_BYTES = 22
PREFIX_AT = 6
PREFIX_BYTES = 4
"""The binary format of COPY: a header, and for each id the number of fields (2), its length (4) and its bytes (16)."""


class KnownIds:
    """The known ids for one reader of the log. `begin` may be called again after a fault."""

    def __init__(self, store: Store, *, load_from: Store | None = None) -> None:
        """`load_from`: the connections that load the older ids, if they are others."""
        self._store = store
        self._load_from = load_from or store
        self._recent: OrderedDict[int, int] = OrderedDict()  # whole id -> first sequence; 0: earlier than it was read
        self._later: set[int] = set()
        self._runs: list[array[int]] = []
        self._loaded: array[int] | None = None
        self._load: asyncio.Task[None] | None = None
        self._asked = 0
        self._read = -1

    async def begin(self, position: int) -> None:
        """Prepare for the events after a position. Events that were read before may come again."""
        if position > self._read:  # another process has recorded events that this one has not read
            await self.close()
            self._recent.clear()
            self._later, self._runs, self._loaded, self._asked = set(), [], None, 0
        else:  # the stream may have lost what was read after the position
            kept = [(id, seq) for id, seq in self._recent.items() if 0 < seq <= position]
            self._recent = OrderedDict(kept)
        self._read = position

    async def close(self) -> None:
        load, self._load = self._load, None
        if load is not None:
            load.cancel()
            await asyncio.wait([load])

    async def repeated(self, batch: Sequence[tuple[int, UUID]]) -> set[int]:
        """Return the sequences of a batch whose id occurs earlier in the log. The batch is known from now on.

        Batches come in order. After a fault, batches may come again from an earlier sequence. Raises Unavailable.
        """
        repeated: set[int] = set()
        asked: list[tuple[int, UUID]] = []
        first: dict[int, int] = {}
        for seq, id in batch:
            known = self._recent.get(id.int, first.get(id.int))
            if known is not None and known < seq:
                repeated.add(seq)
            elif known is None:
                first[id.int] = seq
                if self._perhaps(id.int):
                    asked.append((seq, id))
        if asked:
            self._load_when_it_pays()
            stored = await self._store.seen([id for _, id in asked], batch[0][0])
            for seq, id in asked:
                if id in stored:
                    repeated.add(seq)
                    first[id.int] = 0
        self._note(first, batch)
        return repeated

    def note(self, batch: Sequence[tuple[int, UUID]]) -> None:
        """Note events that were read from Postgres, where they are already marked."""
        self._note({id.int: seq for seq, id in reversed(batch) if id.int not in self._recent}, batch)

    def _note(self, first: Mapping[int, int], batch: Sequence[tuple[int, UUID]]) -> None:
        self._recent.update(first)
        self._read = max(self._read, batch[-1][0])
        self._shorten()

    def _load_when_it_pays(self) -> None:
        """Load the older ids in the background, unless this reader asks only a few times."""
        self._asked += 1
        if self._asked >= ASKED_MAX and self._loaded is None and self._load is None:
            self._load = asyncio.get_running_loop().create_task(self._load_older())

    def _perhaps(self, id: int) -> bool:
        """Return False only if the id is certainly none of the older ids."""
        if self._loaded is None:
            return True
        prefix = id >> 96
        return prefix in self._later or any(_has(run, prefix) for run in (self._loaded, *self._runs))

    def _shorten(self) -> None:
        if len(self._recent) <= RECENT_IDS_MAX:
            return
        for _ in range(FORGET_IDS):
            self._later.add(self._recent.popitem(last=False)[0] >> 96)
        if len(self._later) > RUN_IDS_MAX:
            self._runs.append(array("I", sorted(self._later)))
            self._later = set()

    async def _load_older(self) -> None:
        """Read the first bytes of every stored id, in order."""
        prefixes, rest, header = bytearray(), b"", HEADER_BYTES

        async def take(data: bytes) -> None:
            nonlocal rest, header
            data = rest + data
            if header:
                if len(data) < header:
                    rest = data
                    return
                data, header = data[header:], 0
            whole = len(data) // ROW_BYTES * ROW_BYTES
            prefixes.extend(_prefixes(data[:whole]))
            rest = data[whole:]
            if len(prefixes) > LOADED_IDS_MAX * PREFIX_BYTES:
                raise _TooMany

        with suppress(Unavailable, asyncpg.PostgresError, _TooMany):  # then Postgres is asked for each batch
            async with self._load_from.connection() as connection:
                await connection.copy_from_query(named("ids_all"), output=take, format="binary")
            loaded = array("I")
            loaded.frombytes(bytes(prefixes))
            self._loaded = loaded


class _TooMany(Exception):
    """The log has more events than LOADED_IDS_MAX."""


def _prefixes(rows: bytes) -> bytes:
    """Return the first 32 bits of each id as native integers. `rows`: whole rows of binary COPY."""
    numbers = array("I", bytes(len(rows) // ROW_BYTES * PREFIX_BYTES))
    view = memoryview(numbers).cast("B")
    little = numbers.itemsize == PREFIX_BYTES and memoryview(array("I", [1])).cast("B")[0] == 1
    for place in range(PREFIX_BYTES):
        at = PREFIX_BYTES - 1 - place if little else place
        view[at::PREFIX_BYTES] = rows[PREFIX_AT + place :: ROW_BYTES]
    return bytes(view)


def _has(run: "array[int]", prefix: int) -> bool:
    place = bisect_left(run, prefix)
    return place < len(run) and run[place] == prefix
