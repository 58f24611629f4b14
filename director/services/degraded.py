"""Degraded machines. For each machine, the log has the sandbox limits that the Director has accepted as missing."""

from collections.abc import Collection, Sequence
from uuid import UUID

import msgspec

from bus.clock import now
from bus.store import FAR, Store
from director.services.session import DirectorSession, archive, new_id
from director.settings import Settings
from director.terminal.degraded_text import degraded_text
from domain import run_messages, task
from domain.errors import AuraError, Refused
from domain.message import Recorded
from domain.organisation import AcceptLimit, LimitAccepted, LimitWithdrawn, WithdrawLimit
from verification.sandbox.machine import limit_named, name_of

JUDGED = task.Verified | task.Rejected | run_messages.Verified | run_messages.Rejected
TYPES = (LimitAccepted.type, LimitWithdrawn.type)


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """One limit that a machine need not hold. `name`: the name that `aura sandbox accept` takes."""

    machine: str
    limit: str
    name: str
    reason: str
    seq: int


async def accepted_limits(store: Store) -> list[Accepted]:
    """Return the limits that are accepted now, in the order of their acceptance."""
    return _standing(await store.read_types(TYPES, FAR))


async def degraded_run(store: Store, run: UUID) -> str:
    """Return the sentence about the limits that the verdicts of a run lacked; an empty text if they lacked none."""
    judged = [each for each in await store.read_run(run) if each.void is None and isinstance(each.event, JUDGED)]
    return await degraded_verdicts(store, judged)


async def degraded_verdicts(store: Store, judged: Sequence[Recorded]) -> str:
    """Return the sentence about the limits that these verdicts lacked, with the acceptances at that time."""
    limits: dict[str, None] = {}
    for recorded in judged:
        assert isinstance(recorded.event, JUDGED)
        limits |= dict.fromkeys(recorded.event.judgement.not_held)
    if not limits:
        return ""
    known = _standing(await store.read_types(TYPES, judged[-1].seq))
    return degraded_text(limits, {each.machine: each.reason for each in known if each.limit in limits})


def _standing(events: Sequence[Recorded]) -> list[Accepted]:
    found: dict[tuple[str, str], Accepted] = {}
    for recorded in events:
        match recorded.event if recorded.void is None else None:
            case LimitAccepted(machine=machine, limit=limit, reason=reason):
                found[machine, limit] = Accepted(
                    machine=machine, limit=limit, name=name_of(limit), reason=reason, seq=recorded.seq
                )
            case LimitWithdrawn(machine=machine, limit=limit):
                found.pop((machine, limit), None)
    return list(found.values())


async def accepted_here(settings: Settings) -> frozenset[str]:
    """Return the limits that are accepted on this machine; none if the log cannot be read."""
    try:
        async with archive(settings) as store:
            return frozenset(each.limit for each in await accepted_limits(store) if each.machine == settings.machine_id)
    except AuraError:
        return frozenset()


async def require_limits(settings: Settings, not_held: Collection[str], *, allow_degraded: bool) -> None:
    """Raise Refused if this machine does not hold a limit and nobody has accepted the missing limit."""
    if not_held and not allow_degraded:
        check_limits(not_held, await accepted_here(settings))


def check_limits(not_held: Collection[str], accepted: Collection[str]) -> None:
    """Raise Refused if a limit is neither held nor accepted."""
    missing = [limit for limit in not_held if limit not in accepted]
    if missing:
        raise refused(missing)


def refused(missing: Sequence[str]) -> Refused:
    """Return the error for limits that are neither held nor accepted."""
    names = " ".join(name_of(limit) for limit in missing)
    return Refused(
        f"This machine's sandbox does not hold: {', '.join(missing)}. Nobody has accepted that here.",
        hint=f'Accept it once for this machine, on record: aura sandbox accept {names} --reason "why"\n'
        "Or accept it for this command: --allow-degraded, or AURA_ALLOW_DEGRADED=1.\n"
        "Or run Aura where it may create control groups. `aura doctor` explains how.",
        code="sandbox_degraded",
    )


async def accept_limits(opened: DirectorSession, names: Sequence[str], machine: str, reason: str) -> list[Accepted]:
    """Record that a machine need not hold these limits. Return all accepted limits. Raises Invalid, Refused."""
    for limit in [limit_named(name) for name in names]:
        await opened.done(AcceptLimit(id=new_id(), at=now(), machine=machine, limit=limit, reason=reason))
    return await accepted_limits(opened.store)


async def withdraw_limits(opened: DirectorSession, names: Sequence[str], machine: str, reason: str) -> list[Accepted]:
    """Record that a machine must hold these limits again. Return all accepted limits. Raises Invalid, Refused."""
    for limit in [limit_named(name) for name in names]:
        await opened.done(WithdrawLimit(id=new_id(), at=now(), machine=machine, limit=limit, reason=reason))
    return await accepted_limits(opened.store)
