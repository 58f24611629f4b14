"""The composition root. It builds the roles of this process from its settings, runs them and drains them at the end."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from functools import cache
from typing import Any

from nats.aio.client import Client

from agents.cli_agents.employee import with_agents
from agents.duty import ended
from agents.employees.account_files import read_account_keys
from agents.employees.postings import read_keys
from agents.manager.leadership import GRACE_S, Managing, Parts
from agents.manager.wait_reasons import WaitReasons
from agents.run_content import Library
from agents.workers.pool import Workers
from agents.workers.session_box import SessionPlace
from agents.working_copies.cache import CopyCache
from agents.working_copies.hand_over import upload_bucket
from agents.working_copies.packing import packs_bucket
from agents.working_copies.working_copy import WorkingCopies
from bus import fork_check
from bus.blobs import Blobs
from bus.consumer import COMMIT_WAIT_S, Runner
from bus.embedded.status import stream_room
from bus.history import Historian
from bus.lease import MANAGER_KEY, Lease
from bus.live_log import Live, LiveReader
from bus.outages import Outages
from bus.probes import ProbeChannel
from bus.projection_rows import Rows
from bus.recorder import Recorder
from bus.redaction import Redactor, secrets_of
from bus.stream import answers, connect
from bus.work_queue import WorkStream
from bus.worker_accounts import credential_in
from domain.errors import Invalid
from domain.message import Recorded
from governance import authority, keys
from governance.gate import Gate
from governance.log_session import LogSession
from observability.process_status import Vitals
from runtime.drain import drain
from runtime.process_config import STAFF_ROLES, Setup
from runtime.roles import ROLES, Post, Role, Shared, consumers
from verification.sandbox.base import Sandbox

HEARING_S = 0.5


class Organisation:
    """The roles of one process. `run` returns when `stop` is set and all events are processed."""

    def __init__(self, setup: Setup, roles: Sequence[Role] = ROLES) -> None:
        self.setup = setup
        self._roles = roles
        self._consumers = consumers(roles)
        self._office: LogSession | None = None
        self._runners: list[Runner] = []
        self._duties: list[Callable[[asyncio.Event], Any]] = []
        self._workers: list[Workers] = []
        self._recorder: Recorder | None = None
        self._live: Live | None = None
        self._managing: Managing | None = None
        self.vitals = Vitals(
            setup.home,
            setup.name,
            setup.roles,
            setup.metrics_port,
            self.positions,
            host=setup.metrics_host,
            log=setup.log,
        )
        self._outages = Outages(setup.log)
        self._closing = AsyncExitStack()
        self._history_turn = asyncio.Lock()

    async def run(self, stop: asyncio.Event, ready: Callable[[], None] = lambda: None) -> None:
        """Open, build, run, drain, close.

        `ready` is called once all roles are built and the log is checked. Raises Unavailable if a server cannot be
        reached at the start, Forked if stream and store are different logs.
        """
        async with self._closing:
            await self._build()
            if self._office is not None:  # check before `ready`, so that `aura up` does not succeed with a forked log
                await fork_check.check(self._office.stream, self._office.store)
            self._closing.push_async_callback(self.vitals.close)
            await self.vitals.open()
            ready()
            end_duties, end_log, end_live = asyncio.Event(), asyncio.Event(), asyncio.Event()
            async with asyncio.TaskGroup() as group:
                end_calls = asyncio.Event()
                calls = [group.create_task(workers.run(end_calls)) for workers in self._workers]
                duties = [group.create_task(duty(end_duties)) for duty in self._duties]
                log = [group.create_task(runner.run(end_log)) for runner in self._runners]
                if self._managing is not None:
                    duties.append(group.create_task(self._managing.rested()))
                    log.append(group.create_task(self._managing.run(end_duties, end_log)))
                if self._live is not None:
                    group.create_task(self._live.run(end_live))
                if self._recorder is not None:
                    log.append(group.create_task(self._recorder.run(end_log)))
                try:
                    await stop.wait()
                    end_calls.set()
                    await ended(calls, GRACE_S)  # workers end first, so that the intake receives their results
                    await asyncio.sleep(HEARING_S if calls else 0)
                    end_duties.set()
                    await ended(duties, GRACE_S)
                    self.vitals.rest()
                    if self._office is not None:
                        await drain(self._office, self.positions, self.setup.home, self._consumers)
                finally:
                    # This also runs if a task has failed. In Python 3.11 `wait_for` loses a cancel that comes together
                    # with an answer. Without these events the task would then run for ever.
                    end_calls.set()
                    end_duties.set()
                    end_log.set()
                    await ended(log, GRACE_S)  # readers get their last events from the live log, so that ends last
                    end_live.set()

    def positions(self) -> dict[str, int]:
        """Return, for the recorder and each consumer of this process, the sequence of its last committed event."""
        positions = {runner.projection.name: runner.position for runner in self._runners}
        if self._recorder is not None:
            positions["recorder"] = self._recorder.position
        return positions

    async def _build(self) -> None:
        setup = self.setup
        unknown = [role for role in setup.roles if role not in (*STAFF_ROLES, "employees") and ":" not in role]
        if unknown:
            raise Invalid(f"There is no role {unknown[0]}.", hint=f"Roles: {', '.join(STAFF_ROLES)}, employee ID.")
        read_keys(setup.employees, setup.environment)
        read_account_keys(setup.employees, setup.environment)
        redactor = Redactor(secrets_of(setup.environment))
        self.vitals.begin([role for role in setup.roles if role in self._consumers], recorder="recorder" in setup.roles)
        if any(role in STAFF_ROLES for role in setup.roles):
            session = await LogSession.open(
                setup.nats_url,
                setup.postgres_dsn,
                name="aura",
                redactor=redactor,
                fault=setup.fault,
                outages=self._outages,
                stream_bytes_max=stream_room(setup.home),
            )
            self._office = session
            self.vitals.needs_log(session)
            self._closing.push_async_callback(session.close)
            blobs = Blobs(session.store, redactor)
            self._staff(Shared(setup, session, blobs, Library(blobs), redactor, self._closing))
        names = [role.partition(":")[2] for role in setup.roles if role.startswith("employee:")]
        if names or "employees" in setup.roles:
            client = await connect(setup.worker_nats_url or setup.nats_url, name="aura-worker", outages=self._outages)
            self._closing.push_async_callback(client.close)
            self.vitals.needs_nats(lambda: answers(client))
            workers = Workers(
                setup.employees,
                None if "employees" in setup.roles else names,
                lambda: WorkStream(client),
                with_agents(setup.build, setup.home),
                setup.environment,
                probes=ProbeChannel(client),
                sessions=self._sessions(client),
                fault=setup.fault,
                say=setup.say,
                log=setup.log,
            )
            self._workers.append(workers)

    def _sessions(self, client: Client) -> SessionPlace:
        """Return the parts that the sessions of this process share. The sandbox is opened for the first session."""
        setup = self.setup

        @cache
        def sandbox() -> Sandbox:
            from verification.sandbox.choice import open_sandbox  # slow import

            opened = open_sandbox(setup.boxes)
            self._closing.push_async_callback(opened.close)
            return opened

        credential = credential_in(setup.worker_nats_url)
        return SessionPlace(
            open_sandbox=sandbox,
            copies=WorkingCopies(packs_bucket(client), CopyCache(setup.working_copies)),
            uploads=upload_bucket(client, credential),
            credential=credential,
            libraries=setup.libraries,
            outcomes=setup.base_outcomes,
            machine=setup.machine,
            allow_degraded=setup.allow_degraded,
            sign_times=setup.sign_times,
            say=setup.say,
        )

    def _staff(self, shared: Shared) -> None:
        """Build the roles of this process, in the order of the table."""
        for role in self._roles:
            if role.name not in self.setup.roles:
                continue
            if role.projection is None:
                self._record(shared.session)
            elif role.led:
                self._lead(shared, role)
            else:
                parts = self._parts(shared, role)
                self._enter(self._runner(shared.session, role, parts))
                self._duties += [*parts.beside, *(duty.run for duty in parts.duties)]

    def _record(self, session: LogSession) -> None:
        self._recorder = Recorder(
            session.client,
            session.store,
            follower=self._live_of(session),
            on_recorded=self.vitals.on_recorded(),
            fault=self.setup.fault,
        )

    def _lead(self, shared: Shared, role: Role) -> None:
        """Build a role that waits until it holds the lease."""
        self._live_of(shared.session)

        @contextmanager
        def consume(parts: Parts) -> Iterator[Runner]:
            runner = self._runner(shared.session, role, parts)
            self._enter(runner)
            try:
                yield runner
            finally:
                self._runners.remove(runner)
                self.vitals.forget(runner)

        lease = Lease(shared.session.client, MANAGER_KEY, name=self.setup.name or "")
        log = self.setup.log.bind(role=role.name)
        self.vitals.wait_reasons = lambda rows, serving, at: WaitReasons(rows, serving, at).all()
        self._managing = Managing(lambda: self._parts(shared, role), lease, consume, log)
        self.vitals.health.manager = self._managing.standing

    def _parts(self, shared: Shared, role: Role) -> Parts:
        """Build the reactor and the duties of one role."""
        gate, reactor = self._gate(shared.session, role.name), role.reactor(self.setup)
        post = Post(shared, gate, reactor, role.send(gate, reactor))
        assert role.projection is not None
        historian = Historian(shared.session.store, role.projection(), turn=self._history_turn, fault=self.setup.fault)
        beside = [*(make(post) for make in role.beside), historian.run]
        return Parts(reactor, post.send, [make(post) for make in role.duties], beside, historian)

    def _enter(self, runner: Runner) -> None:
        self._runners.append(runner)
        self.vitals.watch(runner)

    def _live_of(self, session: LogSession) -> Live:
        """Return the live log that this process's consumers share. It is created at the first call."""
        if self._live is None:
            self._live = Live(session.client, session.store, fed="recorder" in self.setup.roles)
            session.loader.follow(self._live)
        return self._live

    def _gate(self, session: LogSession, name: authority.Role) -> Gate:
        return session.gate(keys.load_or_create(self.setup.keys, name))

    def _runner(self, session: LogSession, role: Role, parts: Parts) -> Runner:
        assert role.projection is not None

        def on_rows(rows: Rows, live: bool) -> None:
            for duty in parts.duties:
                duty.note(rows, live)

        told = self.vitals.on_commit(role.name)

        def on_commit(events: Sequence[Recorded], rows: Rows, took_s: float, live: bool) -> None:
            told(events, rows, took_s, live)
            if parts.historian is not None:
                parts.historian.note(events)

        return Runner(
            session.client,
            session.store,
            role.projection(),
            reactor=parts.reactor,
            send=parts.send,
            on_rows=on_rows,
            on_commit=on_commit,
            reader=LiveReader(self._live_of(session), session.store, gather_s=role.gather_s),
            commit_wait_s=0.0 if role.gather_s else COMMIT_WAIT_S,
            fault=self.setup.fault,
        )
