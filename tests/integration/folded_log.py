"""The rows of a projection after a fold of the log, to compare other rows with them."""

from bus.projection import Projection, fold
from bus.projection_rows import Rows
from bus.store import FAR, Store


async def rows_of_log(store: Store, projection: Projection, up_to: int = FAR) -> Rows:
    """Fold the log up to a sequence in memory, and return the rows."""
    rows, after = Rows(projection.tables), 0
    while page := await store.read(after, up_to):
        for recorded in page:
            fold(projection, None, recorded, rows, 0)
        rows.settle()
        after = page[-1].seq
    return rows
