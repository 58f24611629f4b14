"""Files that employees wrote outside their scope. They are left out of the verified work and shown at approval."""

from uuid import UUID

from bus.store import Store
from domain import task


async def left_out(store: Store, run: UUID) -> list[str]:
    """Return the paths, sorted, that verified submissions of a run wrote outside their scopes."""
    dropped: dict[UUID, tuple[str, ...]] = {}
    paths: set[str] = set()
    for recorded in await store.read_run(run):
        event = recorded.event
        if recorded.void:
            continue
        if isinstance(event, task.Submitted):
            dropped[event.order] = event.dropped
        elif isinstance(event, task.Verified):
            paths.update(dropped.get(event.order, ()))
    return sorted(paths)
