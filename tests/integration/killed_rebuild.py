"""A process that rebuilds the manager's rows and kills itself at a point: `python -m … POINT DSN`."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Collection
from typing import Any

from bus.projection_tables import Tables
from bus.store import Store
from projections import rebuilding, replay
from projections.log_fold import LogFold
from projections.row_file import RowFile
from runtime.roles import CONSUMERS

POINTS: dict[str, Collection[str]] = {
    "schema created": {"changed"},
    "page folded": {"changed"},
    "one table written": {"changed"},
    "all tables written": {"changed"},
    "old schema dropped": {"changed"},
    "schemas swapped": {"changed"},
    "swap committed": set(),
}
"""Point -> what a check finds afterwards, if a row was altered before. The last point is after the commit."""


def killing(owner: Any, name: str, *, times: int = 1) -> None:
    """Replace a function by one that kills the process after its last call."""
    original: Callable[..., Any] = getattr(owner, name)
    left = times

    def counted() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    async def waited(*values: Any, **named: Any) -> Any:
        result = await original(*values, **named)
        counted()
        return result

    def called(*values: Any, **named: Any) -> Any:
        result = original(*values, **named)
        counted()
        return result

    setattr(owner, name, waited if asyncio.iscoroutinefunction(original) else called)


def arrange(point: str) -> None:
    match point:
        case "schema created":
            killing(Tables, "create")
        case "page folded":
            killing(LogFold, "take", times=3)
        case "one table written":
            killing(RowFile, "ordered", times=2)
        case "all tables written":
            killing(rebuilding._Rebuild, "write")
        case "old schema dropped":
            killing(Tables, "drop", times=2)
        case "schemas swapped":
            killing(Tables, "swap_in")
        case "swap committed":
            killing(rebuilding._Rebuild, "swap")


async def main() -> None:
    arrange(sys.argv[1])
    store = await Store.open(sys.argv[2])
    await replay.rebuild(store, CONSUMERS["manager"]())
    await store.close()


if __name__ == "__main__":
    asyncio.run(main())
