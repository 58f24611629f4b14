"""Callbacks after a reconnect to NATS. The server forgets the requests of the former connection, so they are repeated.

Without these callbacks, each waiting reader would have to look again and again whether its connection is a new one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from nats.aio.client import Client

_callbacks: WeakKeyDictionary[Client, list[Callable[[], None]]] = WeakKeyDictionary()


@contextmanager
def after_reconnect(client: Client, call: Callable[[], None]) -> Iterator[None]:
    """Within this context, call `call` each time after the client has connected again."""
    callbacks = _callbacks.setdefault(client, [])
    callbacks.append(call)
    try:
        yield
    finally:
        callbacks.remove(call)


def reconnected(client: Client) -> None:
    """Call the callbacks of a client that has connected again."""
    for call in list(_callbacks.get(client, ())):
        call()
