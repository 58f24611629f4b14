"""The positions of recorder, consumers and histories, and the parked events, each with the commands that help."""

from typing import Any

import msgspec

from bus.checkpoints import checkpoints
from bus.history_tables import HistoryTables
from bus.store import Store
from director.services.parked import parked_data
from director.terminal.parked_text import cure, sentence
from domain.errors import Invalid
from projections.past_rows import PROJECTIONS


class ConsumerPosition(msgspec.Struct, frozen=True, kw_only=True):
    """The position of one consumer. None: it has no rows, or no history, yet. `tables`: the tables of its rows.

    `lag`: events that are stored, and not in its rows yet. `rebuild`: the command that builds the rows again.
    """

    consumer: str
    seq: int | None
    lag: int | None
    history_seq: int | None
    history_lag: int | None
    tables: tuple[str, ...]
    rebuild: str


class ParkedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that a consumer could not process. `cure`: the commands that process it again."""

    consumer: str
    scope: Any
    seq: int
    error: str
    sentence: str
    cure: str


class Positions(msgspec.Struct, frozen=True, kw_only=True):
    """All positions. `recorded_up_to`: the last event in the store."""

    recorded_up_to: int
    consumers: tuple[ConsumerPosition, ...]
    parked: tuple[ParkedEvent, ...]
    check: str = "aura replay --check"


async def positions(store: Store) -> Positions:
    """Return the positions of now. Raises Invalid for an earlier state, because positions are not recorded."""
    if store.as_of is not None:
        raise Invalid(
            "The positions of consumers are not recorded, so there is no earlier state of them.",
            hint="Leave as_of out.",
            code="not_recorded",
        )
    last, found = await store.recorded_up_to(), await checkpoints(store, tuple(PROJECTIONS))
    histories = {}
    async with store.connection() as connection:
        for name, projection in PROJECTIONS.items():
            position = await HistoryTables(name, projection.tables).position(connection)
            histories[name] = position.seq if position is not None else None
    return Positions(
        recorded_up_to=last,
        consumers=tuple(
            ConsumerPosition(
                consumer=name,
                seq=found.get(name),
                lag=_lag(last, found.get(name)),
                history_seq=histories[name],
                history_lag=_lag(last, histories[name]),
                tables=tuple(kind.table for kind in projection.tables),
                rebuild=f"aura replay {name}",
            )
            for name, projection in PROJECTIONS.items()
        ),
        parked=tuple(ParkedEvent(**one, sentence=sentence(one), cure=cure([one])) for one in await parked_data(store)),
    )


def _lag(last: int, seq: int | None) -> int | None:
    return None if seq is None else max(0, last - seq)
