"""The process that sends notifications. It reads the store by sequence, and each receiver has its own position.

A position is written after the sending. So a crash between both repeats one notice, with the same event id, and never
loses one. The rows of consumers play no part: a replay or rebuild sends nothing.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from bus.embedded.json_file import read_record, write_record
from bus.logger import SILENT, Logger
from bus.store import FAR, Search, Store
from director.notify.notices import Notice, notice_of
from director.notify.receivers import Receiver, read_receivers, shown_address
from director.notify.senders import NotSent, Send, sender
from director.terminal.event_text import NAMING_TYPES, Story
from domain.errors import AuraError, Invalid, Unavailable

FOLDER = "notify"
POLL_S = 0.5
PAGE_EVENTS = 500
AGAIN_FIRST_S, AGAIN_LONGEST_S = 1.0, 60.0
KEPT_S = 3 * 24 * 3600
"""A notice that could not be sent for this time is dropped, and counted."""
MICRO = 1_000_000
Fault = Callable[[str], None]


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


def state_file(home: Path, name: str) -> Path:
    """Return the file with the progress of a receiver."""
    return home / FOLDER / f"{name}.json"


def receivers_of(home: Path) -> list[ReceiverView]:
    """Return the receivers of a home with their progress. Raises Invalid."""
    views = []
    for receiver in read_receivers(home):
        state = read_record(state_file(home, receiver.name), _state)
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


async def notify(
    home: Path,
    store: Store,
    stop: asyncio.Event,
    *,
    log: Logger = SILENT,
    on_ready: Callable[[], None] = lambda: None,
    fault: Fault = lambda _: None,
) -> None:
    """Send notifications to all receivers until `stop`. A new receiver gets the events from now on.

    `fault`: called at the places where a test ends the process. Raises Invalid for the file of receivers.
    """
    receivers = read_receivers(home)
    if not receivers:
        raise Invalid(f"There is no receiver in {home}/notify.toml.", hint="docs/notifications.md shows an example.")
    (home / FOLDER).mkdir(mode=0o700, exist_ok=True)
    senders = {receiver.name: sender(home, receiver) for receiver in receivers}
    async with asyncio.TaskGroup() as group:
        head = await store.recorded_up_to()
        for receiver in receivers:
            file = state_file(home, receiver.name)
            if read_record(file, _state) is None:
                write_record(file, State(position=head))
            one = _OneReceiver(file, receiver, senders[receiver.name], store, stop, log, fault)
            group.create_task(one.run())
        on_ready()


class _OneReceiver:
    """Sends the notices of one receiver in the order of the log. A dead receiver delays only itself."""

    def __init__(
        self, file: Path, receiver: Receiver, send: Send, store: Store, stop: asyncio.Event, log: Logger, fault: Fault
    ) -> None:
        self._file, self._receiver, self._send, self._store = file, receiver, send, store
        self._stop, self._log, self._fault = stop, log, fault
        self._story = Story()
        state = read_record(file, _state)
        assert state is not None, "the first start has written it"
        self._state = state

    async def run(self) -> None:
        seen = self._state.position
        for naming in await self._store.read_types(NAMING_TYPES, seen):
            self._story.hear(naming)
        while not self._stop.is_set():
            try:
                passed = await self._store.recorded_up_to()
                page = await self._store.search(Search(), seen, FAR, PAGE_EVENTS) if passed > seen else []
            except Unavailable as error:
                self._log.warning("store_down", error=str(error))
                await self._pause(POLL_S)
                continue
            for recorded in page:
                notice = notice_of(recorded, self._story)
                if notice is not None and notice.topic in self._receiver.topics and not await self._deliver(notice):
                    return
                seen = recorded.seq
            if len(page) < PAGE_EVENTS:
                await self._pause(POLL_S)
            elif seen > self._state.position:
                self._keep(position=seen)  # a long log without notices is not read again after a restart

    async def _deliver(self, notice: Notice) -> bool:
        """Send a notice until it arrives or is too old. Return False if the process stops before."""
        again_s = AGAIN_FIRST_S
        while not self._stop.is_set():
            self._fault("before_send")
            try:
                await self._send(notice)
            except NotSent as error:
                self._log.warning("not_sent", receiver=self._receiver.name, notice=str(notice.id), error=error.message)
                self._keep(error=error.message, failing_since=self._state.failing_since or time.time())
                if time.time() - notice.at / MICRO > KEPT_S:
                    self._keep(position=notice.seq, dropped=self._state.dropped + 1)
                    return True
                await self._pause(again_s)
                again_s = min(2 * again_s, AGAIN_LONGEST_S)
                continue
            self._fault("sent")
            self._keep(position=notice.seq, sent=self._state.sent + 1, error="", failing_since=None)
            self._log.info("sent", receiver=self._receiver.name, notice=str(notice.id), topic=notice.topic)
            return True
        return False

    def _keep(self, **changed: object) -> None:
        self._state = msgspec.structs.replace(self._state, **changed)
        write_record(self._file, self._state)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)
