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

from bus.embedded.json_file import write_record
from bus.logger import SILENT, Logger
from bus.store import FAR, Search, Store
from director.notify.notices import Notice, notice_of
from director.notify.progress import FOLDER, State, read_state, state_file
from director.notify.receivers import Receiver, read_receivers
from director.notify.senders import NotSent, Send, sender
from director.terminal.event_text import NAMING_TYPES, Story
from domain.errors import Invalid, Unavailable

POLL_S = 0.5
PAGE_EVENTS = 500
AGAIN_FIRST_S, AGAIN_LONGEST_S = 1.0, 60.0
KEPT_S = 3 * 24 * 3600
"""A notice that could not be sent for this time is dropped, and counted."""
MICRO = 1_000_000
Fault = Callable[[str], None]


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
            if read_state(file) is None:
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
        state = read_state(file)
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
