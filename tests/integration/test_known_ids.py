"""Which ids occur earlier in the log: the same answer as from the whole log, with and without the ids in memory."""

import random
from collections.abc import Sequence
from uuid import UUID

import pytest

from bus import codec, known_ids
from bus.known_ids import KnownIds
from bus.log_writer import LogWriter
from bus.sliced import Sliced
from tests.integration.desks import Desk
from tests.tiers import CI

Log = Sequence[tuple[int, UUID]]


def sliced(seq: int, id: UUID) -> Sliced:
    return Sliced(seq, id, None, b"x", None, b"", (), "aura.evt.x")


async def store(desk: Desk, log: Log, after: int = 0) -> None:
    """Store these ids with the sequences after `after`."""
    writer = LogWriter(desk.office.store, after)
    await writer.add([sliced(*entry) for entry in log], [(seq, codec.ALIEN) for seq, _ in log])
    await writer.finish()


def repeats(log: Log) -> set[int]:
    """Return the sequences with an id that occurs earlier, in the simplest way."""
    known: set[UUID] = set()
    return {seq for seq, id in log if id in known or known.add(id)}  # type: ignore[func-returns-value]  # adds


async def loaded(ids: KnownIds) -> None:
    """Load the older ids now."""
    await ids._load_older()
    assert ids._loaded is not None


def log_of(seed: int, count: int, kinds: int) -> list[tuple[int, UUID]]:
    """Return a log with repeated ids. Some ids share their first 32 bits, others their last ones."""
    chance = random.Random(seed)
    pool = [UUID(int=chance.getrandbits(128)) for _ in range(kinds)]
    pool += [UUID(int=(id.int >> 96 << 96) | chance.getrandbits(96)) for id in pool[: kinds // 2]]
    return [(seq, chance.choice(pool)) for seq in range(1, count + 1)]


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=CI) for seed in range(2, 6))])
async def test_the_answer_is_that_of_the_whole_log(desk: Desk, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of any size, restarts at an earlier position, and whole ids that were shortened, in any mixture."""
    monkeypatch.setattr(known_ids, "RECENT_IDS_MAX", 40)
    monkeypatch.setattr(known_ids, "FORGET_IDS", 15)
    monkeypatch.setattr(known_ids, "RUN_IDS_MAX", 20)
    log, chance = log_of(seed, 260, 150), random.Random(seed)
    expected, found = repeats(log), set[int]()
    start = stored = read = chance.randrange(100)
    await store(desk, log[:stored])
    ids = KnownIds(desk.office.store)
    await ids.begin(stored)
    while read < len(log):
        if chance.random() < 0.1:
            await loaded(ids)
        if chance.random() < 0.15:  # a fault: what was read but not stored comes again
            await ids.begin(stored)
            found -= set(range(stored + 1, len(log) + 1))
            read = stored
        batch = log[read : read + chance.randrange(1, 12)]
        found |= await ids.repeated(batch)
        read = batch[-1][0]
        if read - stored > 20 or chance.random() < 0.4:
            await store(desk, log[stored:read], stored)
            stored = read
    await ids.close()
    assert found == {seq for seq in expected if seq > start}


async def test_older_ids_are_known_without_a_question(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    log, new = log_of(7, 900, 700), UUID(int=5)
    await store(desk, log)
    ids = KnownIds(desk.office.store)
    await ids.begin(900)
    await loaded(ids)
    assert all(ids._perhaps(id.int) for _, id in log)
    assert not ids._perhaps(new.int)
    monkeypatch.setattr(desk.office.store, "seen", None)  # a question would fail
    assert await ids.repeated([(901, new), (902, new)]) == {902}


async def test_ids_that_another_recorder_stored_are_read_again(desk: Desk) -> None:
    """The first ids are loaded. Then another process records events, and this one goes on after them."""
    log = [(seq, UUID(int=seq << 96)) for seq in range(1, 41)]
    await store(desk, log[:10])
    ids = KnownIds(desk.office.store)
    await ids.begin(10)
    await loaded(ids)
    await store(desk, log[10:30], 10)
    await ids.begin(30)
    again = [(31, log[20][1]), (32, UUID(int=1))]
    assert await ids.repeated(again) == {31}
    await loaded(ids)
    assert await ids.repeated([(33, log[25][1]), (34, log[20][1])]) == {33, 34}


async def test_an_id_that_the_stream_has_lost_is_new_when_it_comes_again(desk: Desk) -> None:
    """An event was read, but neither stored nor kept by the stream. The same command causes it again, later."""
    lost = UUID(int=1)
    ids = KnownIds(desk.office.store)
    await ids.begin(0)
    await loaded(ids)
    assert await ids.repeated([(1, UUID(int=2)), (2, lost)]) == set()
    await ids.begin(0)
    assert await ids.repeated([(1, UUID(int=3)), (2, UUID(int=4)), (3, lost)]) == set()


async def test_the_older_ids_are_loaded_by_itself_after_some_questions(desk: Desk) -> None:
    await store(desk, log_of(1, 50, 50))
    ids = KnownIds(desk.office.store)
    await ids.begin(50)
    for seq in range(51, 51 + known_ids.ASKED_MAX):
        assert ids._load is None
        await ids.repeated([(seq, UUID(int=seq))])
    assert ids._load is not None
    await ids._load
    assert ids._loaded is not None
    await ids.close()


async def test_a_log_that_is_too_long_is_asked_in_postgres(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_ids, "LOADED_IDS_MAX", 10)
    log = log_of(1, 50, 50)
    await store(desk, log)
    ids = KnownIds(desk.office.store)
    await ids.begin(50)
    await ids._load_older()
    assert ids._loaded is None
    assert await ids.repeated([(51, log[3][1]), (52, UUID(int=9))]) == {51}
