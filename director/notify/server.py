"""The process of notifications: it opens the store and sends until a signal. It needs no key and no NATS."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec

from bus.logger import SILENT, Logger
from bus.store import Store
from director.notify.notifier import Fault, notify


class Notified(msgspec.Struct, frozen=True, kw_only=True):
    """A process of notifications that has stopped."""

    receivers: bool = True


async def serve_notify(
    home: Path,
    postgres_dsn: str,
    *,
    log: Logger = SILENT,
    on_ready: Callable[[], None] = lambda: None,
    fault: Fault = lambda _: None,
) -> Notified:
    """Send notifications until SIGTERM or SIGINT. Raises Invalid for the file of receivers, Unavailable."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    store = await Store.open(postgres_dsn, pool_max=4)
    try:
        await notify(home, store, stop, log=log, on_ready=on_ready, fault=fault)
    finally:
        await store.close()
    return Notified()
