"""Moves events (JetStream) and keeps them (Postgres)."""

import sys
from importlib import import_module
from types import ModuleType


class _Deferred(ModuleType):
    """A stand-in for a module that imports it when an attribute of it is first asked for."""

    def __getattr__(self, name: str) -> object:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


# nats-py imports it for WebSocket addresses alone, and it takes a quarter of the start of each process.
sys.modules.setdefault("aiohttp", _Deferred("aiohttp"))
