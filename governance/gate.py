"""The gate. Every command passes it, and only the gate publishes events. Steps: load, fold, authorise, decide, publish.

The gate is a library. Each process has its own gate, bound to the principal of the key file that the process can read.
"""

import asyncio
import copy
import random
import secrets
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Self
from uuid import UUID

import msgspec

from bus import codec, hops
from bus.fault_points import Fault
from bus.publisher import Outgoing, Publisher, Stale, Unknown
from bus.redaction import Redactor
from bus.stream import Stored
from bus.subjects import subject_of
from domain import law, refusal
from domain.errors import AuraError, Contention, Forbidden, Refused, Unavailable
from domain.message import ORGANISATION, Command, Event, Recorded, derive
from domain.registry import COMMANDS, CONSULTS, DECIDERS, WITH_ORGANISATION, Consulted, Scope, scope_of
from governance.authority import POLICY_VERSION, may_send, senders
from governance.cached_aggregate import CachedAggregate
from governance.keys import Principal
from governance.log_check import LogCheck
from governance.people import People
from governance.refusal_limit import RefusalLimit
from governance.repository import Loader

ATTEMPTS_MAX = 10
DOUBT_AFTER = 3
"""After this number of conflicts in a row, drop the cached fold of the scope and read it again from its first event."""
REFUSAL_ATTEMPTS_MAX = 3
JITTER_S = 0.02
FAR = 2**62


class Outcome(msgspec.Struct, frozen=True):
    """The outcome of a command. A command that is sent again gets the same outcome.

    `void`: the reason why the law does not count the published events, or None.
    """

    events: tuple[Recorded, ...]

    @property
    def seq(self) -> int:
        return self.events[-1].seq if self.events else 0

    @property
    def void(self) -> str | None:
        return next((event.void for event in self.events if event.void), None)


class Gate:
    """The gate of one principal. All gates of a process share loader, publisher, rate limit and log check."""

    def __init__(
        self,
        principal: Principal,
        *,
        loader: Loader,
        publisher: Publisher,
        limit: RefusalLimit,
        check: LogCheck,
        redactor: Redactor,
        people: People,
        fault: Fault = lambda _: None,
    ) -> None:
        self.principal = principal
        self._loader = loader
        self._publisher = publisher
        self._limit = limit
        self._check = check
        self._people = people
        self._redactor = redactor
        self._fault = fault
        self._cause: UUID | None = None

    def caused_by(self, event: UUID) -> Self:
        """Return a gate of the same principal. An event names this event as its cause, if its command names none."""
        other = copy.copy(self)
        other._cause = event
        return other

    async def handle(self, command: Command, *, on_behalf_of: UUID | None = None) -> Outcome:
        """Decide a command and publish its events. The same command id always gives the same outcome.

        on_behalf_of: the principal that a refusal names, if it is not the caller. (The manager forwards an employee's
        hand-in.) Raises the decider's refusal, Forbidden if the matrix does not permit the command, Contention after
        ATTEMPTS_MAX attempts, Unavailable.
        """
        if hops.tracer is not None:
            hops.tracer.command(command.id, hops.RECEIVED)
        scopes = scopes_of(command)
        await self.check(command, on_behalf_of=on_behalf_of)
        caps = await self._loader.organisation() if type(command) in CONSULTS else None
        async with AsyncExitStack() as locks:
            for scope in scopes:
                await locks.enter_async_context(self._loader.lock(scope))
            try:
                return await self._decide_and_publish(command, scopes, caps)
            except (Unavailable, Contention):
                raise
            except AuraError as error:
                await self._refuse(command, scopes[-1], error, on_behalf_of or self.principal.id)
                raise

    async def check(self, command: Command, *, on_behalf_of: UUID | None = None) -> None:
        """Check only whether the principal may send a command, before a service reads for it. A refusal is recorded.

        Raises Forbidden, Refused, Unavailable.
        """
        await self._check.same_log(self._loader)
        try:
            await self._authorise(command)
        except Unavailable:
            raise
        except AuraError as error:
            await self._refuse(command, scopes_of(command)[-1], error, on_behalf_of or self.principal.id)
            raise

    async def _authorise(self, command: Command) -> None:
        """Check the capability matrix. The right of a person is read from the log. Raises Forbidden or Refused."""
        if self.principal.role == "user":
            await self._people.authorise(self.principal, command)
        elif not may_send(self.principal.role, type(command)):
            causes, kind = COMMANDS[type(command)].causes, type(command).__name__
            raise Forbidden(
                f"A {self.principal.role} may not cause {' or '.join(causes)} with the command {kind}.",
                hint=f"Roles with this right: {', '.join(senders(type(command))) or 'none'}.",
            )

    async def _decide_and_publish(self, command: Command, scopes: Sequence[Scope], caps: Consulted) -> Outcome:
        fresh = False
        for attempt in range(ATTEMPTS_MAX):
            loaded = [await self._loader.load(scope, fresh=fresh, alone=len(scopes) == 1) for scope in scopes]
            if hops.tracer is not None:
                hops.tracer.command(command.id, hops.LOADED)
            published = [event for part in loaded for event in part.commands.get(command.id, ())]
            if published and (fresh or len(loaded) == 1):
                return Outcome(tuple(sorted(published, key=lambda event: event.seq)))
            if published:
                fresh = True  # a batch is atomic, so the fresh folds have either all of its events or none
                continue
            try:
                events = decide(command, loaded)
                if events and caps is not None:
                    CONSULTS[type(command)](command, caps, loaded[-1].state)
                guards = [self._loader.guard(*part) for part in zip(scopes, loaded, strict=True)]
                await self._may_start(command, events, fresh=fresh)
            except Unavailable:
                raise
            except AuraError:
                if fresh:
                    raise
                events, guards = (), []
            if events:
                try:
                    return await self._publish(command, events, scopes, loaded, guards)
                except Stale:
                    if attempt >= DOUBT_AFTER:
                        self._loader.doubt(scopes)
                    await asyncio.sleep(random.uniform(0, JITTER_S * attempt))
            elif fresh:
                return Outcome(())
            fresh = True  # a stale fold may refuse wrongly or give no event, so decide again on a fresh fold
        raise Contention(f"Gave up after {ATTEMPTS_MAX} concurrent updates.", hint="Send the same command again.")

    async def _may_start(self, command: Command, events: Sequence[Event], *, fresh: bool) -> None:
        """Raise Refused if the present standing would make one of the events void."""
        if not any(event.type in law.STARTS for event in events):
            return
        standing = await self._loader.standing(fresh=fresh)
        for event in events:
            envelope = codec.envelope_for(event, id=command.id, origin=self._origin(command))
            reason = law.void(envelope, FAR, standing)
            if reason is not None:
                raise Refused(f"The work may not start: {reason}.", hint="`aura status` shows pauses and suspensions.")

    async def _publish(
        self,
        command: Command,
        events: Sequence[Event],
        scopes: Sequence[Scope],
        loaded: Sequence[CachedAggregate],
        guards: Sequence[tuple[str, int]],
    ) -> Outcome:
        messages: list[Outgoing] = []
        homes = [_home(event, scopes) for event in events]
        for index, event in enumerate(events):
            guard = guards[homes[index]] if homes[index] not in homes[:index] else None
            messages.append(self._outgoing(command, event, derive(command.id, index), guard))
        self._fault("gate:before-publish")
        if hops.tracer is not None:
            hops.tracer.command(command.id, hops.DECIDED)
        seqs = await self._publisher.publish_events(scopes[-1].run or scopes[-1].id, messages)
        if hops.tracer is not None:
            hops.tracer.published(command.id, seqs)
        self._fault("gate:before-ack")
        stored = [Stored(seq, message.subject, message.body) for seq, message in zip(seqs, messages, strict=True)]
        published = list(zip(homes, stored, strict=True))
        caused = await self._loader.settle(command.id, scopes, loaded, published)
        if hops.tracer is not None:
            hops.tracer.hop(seqs, hops.ANSWERED)
        return Outcome(tuple(caused))

    def _outgoing(self, command: Command, event: Event, id: UUID, guard: tuple[str, int] | None) -> Outgoing:
        salt = secrets.token_bytes(codec.SALT_BYTES)
        body, envelope = codec.encode(event, id=id, origin=self._origin(command), salt=salt, clean=self._redactor.clean)
        return Outgoing(id, subject_of(envelope), body, guard)

    def _origin(self, command: Command) -> codec.Origin:
        return codec.Origin(
            command=command.id,
            cause=command.cause or self._cause,
            principal=self.principal.id,
            role=self.principal.role,
            at=command.at,
            policy=POLICY_VERSION,
        )

    async def _refuse(self, command: Command, scope: Scope, error: AuraError, name: UUID) -> None:
        """Write a refusal to the log, or count it if the rate limit holds it back. Its publish has no guard."""
        count = self._limit.count(name)
        if not count:
            return
        try:
            last = (await self._loader.load(scope, fresh=False)).seq
            id = derive(command.id, "refused", last)
            written = await self._write_refusal(command, id, error, name, count)
        except Unavailable:
            self._limit.give_back(name, count)
            raise
        if not written and count > 1:  # the event in the log does not include the refusals that were held back
            self._limit.give_back(name, count - 1)

    async def flush_refusals(self, *, at: int, everything: bool = False) -> None:
        """Write the summaries of refusals that the rate limit held back. Raises Unavailable."""
        for name, count in self._limit.held(all_windows=everything).items():
            summary = Command(id=derive(name, "summary", at), at=at)
            error = Refused("The rate limit of refusals held these refusals back.", code="rate_limited")
            try:
                await self._write_refusal(summary, derive(summary.id, "refused"), error, name, count)
            except Unavailable:
                self._limit.give_back(name, count)
                raise

    async def _write_refusal(self, command: Command, id: UUID, error: AuraError, name: UUID, count: int) -> bool:
        """Write a refusal to the log. Return False if the same refusal is already there. Raises Unavailable."""
        event = refusal.CommandRefused(
            principal=name, command=type(command).__name__, code=error.code, message=str(error), count=count
        )
        message = self._outgoing(command, event, id, None)
        for attempt in range(REFUSAL_ATTEMPTS_MAX):
            try:
                await self._publisher.publish_events(id, [message])
            except Unknown:
                continue  # send it again: the server refuses a duplicate id
            except Stale:
                return attempt > 0  # the refusal is in the log, perhaps from an attempt that got no answer
            return True
        raise Unavailable("The refusal could not be written to the log.", hint="Send the same command again.")


def scopes_of(command: Command) -> tuple[Scope, ...]:
    """Return every scope that a command's decision guards, in the order in which they are locked."""
    own = scope_of(command)
    return (Scope("organisation", ORGANISATION), own) if type(command) in WITH_ORGANISATION else (own,)


def decide(command: Command, loaded: Sequence[CachedAggregate]) -> tuple[Event, ...]:
    """Decide a command on the folds of its scopes."""
    if type(command) in WITH_ORGANISATION:
        return WITH_ORGANISATION[type(command)](command, loaded[0].state, loaded[1].state)
    return DECIDERS[loaded[0].kind][1](command, loaded[0].state)


def _home(event: Event, scopes: Sequence[Scope]) -> int:
    """Return the index of the scope to which an event of this decision belongs."""
    kind, entity = event.entity()
    for index, scope in enumerate(scopes):
        if (scope.kind, scope.id) == (kind, entity) or len(scopes) == 1:
            return index
    raise TypeError(f"{type(event).__name__} belongs to no scope of its decision")
