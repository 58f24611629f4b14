"""A test notification to each receiver, sent at once and from this process."""

import asyncio
from pathlib import Path
from uuid import UUID, uuid4

import msgspec

from bus.clock import now
from director.notify.notices import trial_notice
from director.notify.receivers import Receiver, read_receivers
from director.notify.senders import sender
from domain.errors import AuraError, NotFound


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a test. `error`: why it did not arrive; empty if it arrived."""

    receiver: str
    event: UUID
    error: str = ""


async def send_trials(home: Path, name: str = "") -> list[Trial]:
    """Send a test to each receiver, or to the one with this name. Raises NotFound, Invalid."""
    receivers = [each for each in read_receivers(home) if name in ("", each.name)]
    if not receivers:
        what = f"no receiver {name!r}" if name else "no receiver"
        raise NotFound(f"There is {what} in {home}/notify.toml.", hint="docs/notifications.md shows an example.")
    return list(await asyncio.gather(*(_trial(home, receiver) for receiver in receivers)))


async def _trial(home: Path, receiver: Receiver) -> Trial:
    notice = trial_notice(uuid4(), now())
    try:
        await sender(home, receiver)(notice)
    except AuraError as error:
        return Trial(receiver=receiver.name, event=notice.id, error=error.message)
    return Trial(receiver=receiver.name, event=notice.id)
