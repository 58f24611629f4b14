"""The events of one order, as the log has them. They are the causes of the next commands about the order."""

from collections.abc import Callable
from uuid import UUID

from domain.message import Event
from domain.registry import Scope
from governance.repository import Loader


def _any(_event: Event) -> bool:
    return True


async def last_event(loader: Loader, run: UUID, order: UUID, wanted: Callable[[Event], bool] = _any) -> UUID | None:
    """Return the id of the last wanted event about the order; None if the log has none. It reads the log if needed."""
    scope = Scope("run", run)
    async with loader.lock(scope):
        for fresh in (False, True):
            loaded = await loader.load(scope, fresh=fresh)
            found = [
                recorded
                for events in loaded.commands.values()
                for recorded in events
                if recorded.void is None
                and isinstance(recorded.event, Event)
                and getattr(recorded.event, "order", None) == order
                and wanted(recorded.event)
            ]
            if found:
                return max(found, key=lambda recorded: recorded.seq).envelope.id
    return None
