"""The roles of an organisation: projection, reactor and duties of each.

This table is the second table of contents. The first is `domain/registry.py`. A new consumer is a new entry here.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from agents.accountant import Accountant
from agents.auditor.reactor import Auditor
from agents.delivery import override
from agents.duty import Duty
from agents.halt_receipts import Acknowledging
from agents.hr import HR
from agents.hr_terms import Terms
from agents.manager.briefing import Sizing
from agents.manager.deadlines import Deadlines
from agents.manager.delivery_steps import Delivering
from agents.manager.halting import Halting
from agents.manager.intake import Reception
from agents.manager.leadership import Act, Handle, flush_refusals, forgetting
from agents.manager.orders import Ordering
from agents.manager.permits import Permitting
from agents.manager.prompt_sizes import PromptSizes
from agents.manager.reactor import Manager
from agents.manager.session_orders import SessionOrders
from agents.null_reactor import Observer
from agents.run_content import Library
from agents.trust_terms import TrustTerms
from agents.verifier.attestor import Attestor
from agents.verifier.judging import Judging
from agents.working_copies.hand_over import upload_bucket
from agents.working_copies.packing import Packs, packs_bucket
from bus.blobs import Blobs
from bus.object_bucket import ObjectBucket
from bus.probes import ProbeChannel
from bus.projection import Projection, Reactor
from bus.redaction import Redactor
from bus.work_queue import WorkStream
from domain.career_messages import FineRules
from domain.tiers import TierRules
from governance import authority, hr_rules
from governance.gate import Gate
from governance.log_session import LogSession
from projections.accountant import AccountantProjection
from projections.auditor import AuditorProjection
from projections.hr import HRProjection
from projections.manager import ManagerProjection
from projections.verifier import VerifierProjection
from runtime.process_config import Setup

GATHER_S = 0.1
"""Auditor, accountant and HR process the events of this time together, which costs a fraction of one by one."""


@dataclass(frozen=True)
class Shared:
    """The objects that the roles of one process share. `closing` is closed at the end, in reverse order."""

    setup: Setup
    session: LogSession
    blobs: Blobs
    content: Library
    redactor: Redactor
    closing: AsyncExitStack


@dataclass(frozen=True)
class Post:
    """The objects from which the duties of one role are built. A manager gets new ones each time it gets the lease."""

    shared: Shared
    gate: Gate
    reactor: Reactor
    send: Handle


@dataclass(frozen=True)
class Role:
    """One role of the staff. The recorder has no projection, because it stores the log itself."""

    name: authority.Role
    projection: Callable[[], Projection] | None = None
    reactor: Callable[[Setup], Reactor] = lambda _setup: Observer()
    duties: tuple[Callable[[Post], Duty], ...] = ()
    """Background work that uses the rows after each batch."""
    beside: tuple[Callable[[Post], Act], ...] = ()
    """Background work that needs no rows. It stops together with the duties."""
    send: Callable[[Gate, Reactor], Handle] = lambda gate, _reactor: gate.handle
    gather_s: float = 0.0
    """Seconds that new events wait for further ones. It is for roles for whose reactions no step of a run waits."""
    hears_again: bool = False
    """Whether parked events are delivered to the reactor again after a rebuild.

    This is correct if a reaction depends only on one event and the rows at the time of the event. The other reactors
    use the present rows, and would repeat work that is already done.
    """
    led: bool = False
    """Whether the role works only while this process holds the lease."""


def _forgetting(gate: Gate, reactor: Reactor) -> Handle:
    assert isinstance(reactor, Manager)
    return forgetting(gate, reactor)


def _orders(post: Post) -> Duty:
    shared, setup = post.shared, post.shared.setup
    sessions = SessionOrders(shared.content, Packs(shared.blobs, packs_bucket(shared.session.client)))
    return Ordering(shared.content, sessions, _queue(post), post.send, fault=setup.fault, log=setup.log)


def _permits(post: Post) -> Duty:
    assert isinstance(post.reactor, Manager)
    shared, signs = post.shared, post.reactor.signs
    return Permitting(post.gate, shared.session.loader, _queue(post), signs, _uploads(post), log=shared.setup.log)


def _sizes(post: Post) -> Duty:
    assert isinstance(post.reactor, Manager)
    return Sizing(post.reactor, post.shared.content, post.send, log=post.shared.setup.log)


def _deadlines(post: Post) -> Duty:
    assert isinstance(post.reactor, Manager)
    return Deadlines(post.reactor, post.shared.session.loader.history, post.send)


def _terms(post: Post) -> Duty:
    return Terms(post.send)


def _career_rules(setup: Setup) -> tuple[TierRules, FineRules]:
    rules = hr_rules.in_force(setup.home)
    return rules.of_tiers, rules.of_fines


def _trust(post: Post) -> Duty:
    tiers, _ = _career_rules(post.shared.setup)
    return TrustTerms(post.send, tiers)


def _halting(post: Post) -> Duty:
    return Halting(ProbeChannel(post.shared.session.client), post.send, log=post.shared.setup.log)


def _deliveries(post: Post) -> Duty:
    shared, setup = post.shared, post.shared.setup
    history, folder = shared.session.loader.history, setup.deliveries
    sign = override.signer(setup.keys)
    return Delivering(
        history, shared.blobs, shared.content, post.send, folder, sign=sign, fault=setup.fault, say=setup.say
    )


def _intake(post: Post) -> Act:
    shared, loader = post.shared, post.shared.session.loader
    intake = Reception(
        post.gate,
        loader,
        shared.blobs,
        shared.content,
        _queue(post),
        shared.redactor,
        _uploads(post),
        fault=shared.setup.fault,
        log=shared.setup.log,
    )
    return intake.run


def _refusals(post: Post) -> Act:
    return lambda stop: flush_refusals(post.gate, stop)


def _queue(post: Post) -> WorkStream:
    return WorkStream(post.shared.session.client)


def _uploads(post: Post) -> Callable[[str], ObjectBucket]:
    return partial(upload_bucket, post.shared.session.client)


def _judging(post: Post) -> Duty:
    from verification.sandbox.choice import open_sandbox  # only a process with a verifier pays for this import
    from verification.sandbox.pool_size import PoolSize

    shared, setup = post.shared, post.shared.setup
    sandbox = open_sandbox(setup.boxes, pool=PoolSize())
    shared.closing.push_async_callback(sandbox.close)
    return Judging(
        sandbox,
        shared.blobs,
        shared.content,
        post.send,
        judge=setup.judge,
        attest=Attestor.of(setup.keys),
        libraries=setup.libraries,
        outcomes=setup.base_outcomes,
        allow_degraded=setup.allow_degraded,
        machine=setup.machine,
        keep_boxes=sandbox.keep_boxes,
        fault=setup.fault,
        say=setup.say,
    )


ROLES: tuple[Role, ...] = (
    Role("recorder"),
    Role(
        "manager",
        ManagerProjection,
        lambda setup: Manager(lease_margin_s=setup.lease_margin_s, sizes=PromptSizes(), sign_times=setup.sign_times),
        duties=(_halting, _orders, _permits, _sizes, _deadlines, _deliveries),
        beside=(_intake, _refusals),
        send=_forgetting,
        led=True,
    ),
    Role("verifier", VerifierProjection, duties=(_judging,)),
    Role(
        "auditor",
        AuditorProjection,
        lambda _setup: Acknowledging(Auditor(), "auditor"),
        hears_again=True,
        gather_s=GATHER_S,
    ),
    Role(
        "accountant",
        AccountantProjection,
        lambda setup: Acknowledging(Accountant(*_career_rules(setup)), "accountant"),
        duties=(_trust,),
        hears_again=True,
        gather_s=GATHER_S,
    ),
    Role(
        "hr",
        HRProjection,
        lambda setup: Acknowledging(HR(hr_rules.in_force(setup.home).of_strikes), "hr"),
        duties=(_terms,),
        hears_again=True,
        gather_s=GATHER_S,
    ),
)
"""In the order of `STAFF_ROLES` (`runtime/process_config.py`)."""


def consumers(roles: Collection[Role] = ROLES) -> Mapping[str, Callable[[], Projection]]:
    """Return the projection of each role that has one, by name. Replay rebuilds and checks exactly these."""
    return {role.name: role.projection for role in roles if role.projection is not None}


CONSUMERS: Mapping[str, Callable[[], Projection]] = consumers()
HEAR_AGAIN = frozenset(role.name for role in ROLES if role.hears_again)
"""The consumers to which parked events are delivered again after a rebuild."""
