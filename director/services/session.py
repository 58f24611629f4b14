"""The Director's session: a connection to the log, the gate with the Director's key, and the rows of views."""

import asyncio
import copy
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from uuid import UUID

from bus.blobs import Blobs
from bus.embedded.home import Home
from bus.embedded.servers import Server, postgres_at
from bus.embedded.stack import status
from bus.embedded.status import stream_room
from bus.redaction import Redactor
from bus.store import FAR, Store
from director.services.page_views import INCIDENT_NAMED, RUN_NAMED
from director.services.times import SEQ_MAX
from director.services.views import PEOPLE, RUN
from director.settings import Settings
from domain import run as run_rules
from domain.errors import Invalid, NotFound
from domain.message import Command, Recorded, Unreadable
from domain.run import RunState
from governance import keys
from governance.gate import Gate, Outcome
from governance.log_session import LogSession

RECORDED_WAIT_S = 30.0
TAKEN_UP_WAIT_S = 10.0
POLL_S = 0.05


def new_id() -> UUID:
    """Return a new UUIDv7. Such ids sort by time. In `acting_as` with ids, return the next of them."""
    import secrets

    acting = _ACTING.get()
    if acting is not None and acting[1] is not None:
        return next(acting[1])
    stamp = time.time_ns() // 1_000_000
    value = (stamp & (1 << 48) - 1) << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)
    return UUID(int=value)


class DirectorSession:
    """The connections of one command, and the gate of the key or person that sends it.

    A command is done only after the recorder has stored its events.
    """

    def __init__(self, settings: Settings, office: LogSession, principal: keys.Principal) -> None:
        self.settings = settings
        self.office = office
        self.store = office.store
        self.gate: Gate = office.gate(principal)
        self.blobs = Blobs(office.store, Redactor())

    def caused_by(self, event: UUID) -> "DirectorSession":
        """Return a session of the same person. The events of its commands name this event as their cause."""
        other = copy.copy(self)
        other.gate = self.gate.caused_by(event)
        return other

    async def done(self, command: Command) -> Outcome:
        """Send a command and wait until it is recorded."""
        outcome = await self.gate.handle(command)
        await self.store.wait_recorded(outcome.seq, RECORDED_WAIT_S)
        return outcome


_ACTING: ContextVar[tuple[DirectorSession, Iterator[UUID] | None] | None] = ContextVar("acting", default=None)


@contextmanager
def acting_as(session: DirectorSession, ids: Iterator[UUID] | None = None) -> Iterator[None]:
    """Let the services of this task use this session, where they would open one with the Director's key.

    The HTTP process uses it: a service then acts as the signed-in person. `ids`: the ids of the commands, in order.
    """
    token = _ACTING.set((session, ids))
    try:
        yield
    finally:
        _ACTING.reset(token)


async def open_log(settings: Settings, name: str) -> LogSession:
    """Open the connections to the log. `name`: of the connection, as servers show it. Raises Unavailable."""
    endpoints = settings.endpoints()
    return await LogSession.open(
        endpoints.nats_url, endpoints.postgres_dsn, name=name, stream_bytes_max=stream_room(settings.root)
    )


@asynccontextmanager
async def desk(settings: Settings, *, principal: str = "director") -> AsyncIterator[DirectorSession]:
    """Open the Director's session. Raises Unavailable without servers, and Forbidden if the key cannot be read."""
    acting = _ACTING.get()
    if acting is not None:
        yield acting[0]
        return
    settings.endpoints()  # without servers, the key does not matter
    key = keys.load(settings.keys, principal)
    office = await open_log(settings, "aura-door")
    try:
        yield DirectorSession(settings, office, key)
    finally:
        await office.close()


@asynccontextmanager
async def archive(settings: Settings) -> AsyncIterator[Store]:
    """Open only the event store, for commands that only read.

    NATS need not run. After `aura down`, the home's own Postgres is started for the time of the command.
    """
    acting = _ACTING.get()
    if acting is not None:
        yield acting[0].store
        return
    own = _sleeping_server(settings)
    try:
        if own is not None:
            await own.start()
        store = await Store.open(own.url if own is not None else settings.store_only())
        try:
            yield store
        finally:
            await store.close()
    finally:
        if own is not None:
            own.stop()


def _sleeping_server(settings: Settings) -> Server | None:
    """Return the home's own Postgres server if it has data and is stopped; None otherwise."""
    if settings.postgres_dsn or status(settings.root).running:
        return None
    home = Home(settings.root)
    if home.layout().postgres is None:
        return None
    return postgres_at(home)


async def find_run(store: Store, text: str) -> UUID:
    """Find a run by its id or the beginning of its id. `last` is the newest run. Raises NotFound, Invalid."""
    matching = [line.run for line in await RUN_NAMED.read(store, text.lower())]
    if not matching and await _submitted(store, text):
        return UUID(text)
    return _only(matching, text, "run", "`aura runs` lists the runs.")


async def run_state(store: Store, run: UUID, up_to: int = FAR) -> RunState:
    """Return a run's state, folded from its events up to a sequence. Void events are left out."""
    state = run_rules.initial
    for recorded in await store.read_run(run, up_to=up_to):
        if recorded.void is None and not isinstance(recorded.event, Unreadable):
            state = run_rules.evolve(state, recorded.event)
    return state


async def _submitted(store: Store, text: str) -> bool:
    """Return whether the text is the whole id of a run on record, even if the manager has not taken it up yet."""
    try:
        return bool(await store.read_run(UUID(text)))
    except ValueError:
        return False


async def taken_up(store: Store, run: UUID) -> bool:
    """Wait until a new run is in the manager's rows, so that `last` finds it. Return False if it does not appear."""

    async def there() -> bool:
        return await RUN.first(store, run) is not None

    return await in_time(there)


async def gone_on(store: Store, run: UUID, phase: str) -> bool:
    """Wait until a run has left a phase in the manager's rows, so that `watch` does not stop at that phase."""

    async def there() -> bool:
        line = await RUN.first(store, run)
        return line is not None and line.phase != phase

    return await in_time(there)


async def in_time(there: Callable[[], Awaitable[bool]]) -> bool:
    """Wait at most TAKEN_UP_WAIT_S until `there` returns True. Return whether it did."""
    deadline = asyncio.get_running_loop().time() + TAKEN_UP_WAIT_S
    while not await there():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(POLL_S)
    return True


async def find_event(store: Store, text: str) -> Recorded:
    """Find an event by its sequence or id. Raises NotFound, Invalid."""
    if text.isdecimal():
        seq = min(int(text[:20]), SEQ_MAX)
        page = await store.read(seq - 1, seq, 1)
        found = page[0] if page else None
    else:
        try:
            found = await store.find(UUID(text))
        except ValueError:
            raise Invalid(
                f"{text!r} is not an event id or sequence number.",
                hint="`aura events` shows the id and sequence of each event.",
            ) from None
    if found is None:
        raise NotFound(f"There is no event {text}.", hint="`aura events` lists the events.")
    return found


async def find_employee(store: Store, text: str) -> UUID:
    """Find an employee by its name, its id or the beginning of its id.

    A name finds a dismissed employee only if no other employee has it.

    Raises NotFound if no employee matches, and Invalid if several match.
    """
    people = await PEOPLE.read(store)
    named_so = [person for person in people if person.name == text]
    present = [person.employee for person in named_so if person.phase != "dismissed"]
    if len(present) > 1:
        ids = ", ".join(str(employee) for employee in present)
        raise Invalid(f"{len(present)} employees are called {text!r}.", hint=f"Give one of these ids: {ids}.")
    matching = present or [person.employee for person in people if str(person.employee).startswith(text.lower())]
    gone = [person.employee for person in named_so if person.phase == "dismissed"]
    return _only(matching or gone[-1:], text, "employee", "`aura employees` lists the staff.")


async def find_incident(store: Store, text: str) -> UUID:
    """Find an incident by its id or the beginning of its id. `last` is the newest. Raises NotFound, Invalid."""
    matching = [line.incident for line in await INCIDENT_NAMED.read(store, text.lower())]
    return _only(matching, text, "incident", "`aura incidents` lists the incidents.")


def _only(matching: Sequence[UUID], text: str, what: str, hint: str) -> UUID:
    if not matching or not text:
        raise NotFound(f"There is no {what} {text!r}.", hint=hint)
    if len(matching) > 1:
        raise Invalid(f"{len(matching)} {what}s begin with {text!r}.", hint="Write more of the id.")
    return matching[0]
