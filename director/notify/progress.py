"""The progress of each receiver of notifications, in a file of the home. Readers need no code that sends."""

from pathlib import Path

import msgspec

from bus.embedded.json_file import read_record
from director.notify.receivers import read_receivers, shown_address
from domain.errors import AuraError

FOLDER = "notify"


class State(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of one receiver. `position`: the last event that needs no sending any more.

    `sent`, `dropped`: numbers of notices. `error`: why the last sending failed; empty if it succeeded. `failing_since`:
    Unix time (s).
    """

    position: int
    sent: int = 0
    dropped: int = 0
    error: str = ""
    failing_since: float | None = None


class ReceiverView(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver and its progress. `position` is None before the process has seen the receiver."""

    name: str
    kind: str
    to: str
    topics: tuple[str, ...]
    position: int | None
    sent: int
    dropped: int
    error: str
    failing_since: float | None


_state = msgspec.json.Decoder(State)


def read_state(file: Path) -> State | None:
    """Return the progress in a file; None if there is no such file."""
    return read_record(file, _state)


def state_file(home: Path, name: str) -> Path:
    """Return the file with the progress of a receiver."""
    return home / FOLDER / f"{name}.json"


def receivers_of(home: Path) -> list[ReceiverView]:
    """Return the receivers of a home with their progress. Raises Invalid."""
    views = []
    for receiver in read_receivers(home):
        state = read_state(state_file(home, receiver.name))
        known = state or State(position=0)
        views.append(
            ReceiverView(
                name=receiver.name,
                kind=type(receiver).__name__.lower(),
                to=shown_address(receiver),
                topics=receiver.topics,
                position=state.position if state else None,
                sent=known.sent,
                dropped=known.dropped,
                error=known.error,
                failing_since=known.failing_since,
            )
        )
    return views


def failing_receivers(home: Path) -> list[ReceiverView]:
    """Return the receivers whose last notification did not arrive; none if the file is not valid."""
    try:
        return [each for each in receivers_of(home) if each.error]
    except AuraError:
        return []
