"""Transport of events (JetStream) and their storage (Postgres)."""

import sys
from importlib import import_module
from types import ModuleType


class _Deferred(ModuleType):
    """A placeholder for a module. It imports the module at the first access to an attribute."""

    def __getattr__(self, name: str) -> object:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


# nats-py imports aiohttp, but needs it for WebSocket addresses only. The import takes a quarter of the start time.
sys.modules.setdefault("aiohttp", _Deferred("aiohttp"))
