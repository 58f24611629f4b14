"""Drain: before a process ends, its consumers process every event of the log, even new events of other processes."""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from bus.embedded.json_file import read_record
from bus.embedded.process import alive
from bus.embedded.state import STATE, STATE_FILE
from bus.projection import Projection
from bus.projection_tables import SWAPPED, Tables
from domain.errors import Unavailable
from governance.log_session import LogSession
from observability.health import Positions
from observability.process_registry import RUN_FOLDER, Presence, at_work

DRAIN_POLL_S = 0.05
DRAIN_WAIT_S = 60.0

Consumers = Mapping[str, Callable[[], Projection]]


async def drain(session: LogSession, positions: Positions, home: Path, consumers: Consumers) -> None:
    """Wait until every reader of this process has passed the stream's last event, and no reaction adds another event.

    Return after DRAIN_WAIT_S in any case. When the supervisor stops the whole stack, also wait for the consumers of the
    other processes, so that all consumers end at the same sequence. A process that has already ended was drained, too.
    """
    deadline = asyncio.get_running_loop().time() + DRAIN_WAIT_S
    steady = 0
    while steady < 2 and asyncio.get_running_loop().time() < deadline:
        try:
            last = (await session.stream.info()).last_seq
            rests = all(position >= last for position in positions().values()) and await _others_rest(
                session, home, consumers, last
            )
        except Unavailable:
            return
        steady = steady + 1 if rests else 0
        await asyncio.sleep(DRAIN_POLL_S)


async def _others_rest(session: LogSession, home: Path, consumers: Consumers, last: int) -> bool:
    state = read_record(home / RUN_FOLDER / STATE_FILE, STATE)
    if state is None or not state.stopping or not alive(state.supervisor):
        return True  # only this process is stopping
    peers = [peer for peer in at_work(home) if peer.process.pid != os.getpid() and _causes(peer, consumers)]
    if not all(peer.resting for peer in peers):
        return False
    roles = [role for peer in peers for role in peer.roles if role in consumers]
    try:
        async with session.store.connection() as connection:
            places = [await Tables(role, consumers[role]().tables).checkpoint(connection) for role in roles]
    except SWAPPED:
        return False  # the rows are being rebuilt, or do not exist yet
    return all(position >= last for position, _ in places)


def _causes(peer: Presence, consumers: Consumers) -> bool:
    """Return whether the process has a consumer. Workers end earlier. The recorder causes no events and ends later."""
    return any(role in consumers for role in peer.roles)
