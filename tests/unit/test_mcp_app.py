"""The application at /mcp loads the SDK at its first request."""

import asyncio
from typing import Any, cast

import pytest

from director.http.problems import problem
from director.mcp.http_app import McpApp
from director.services.callers import Callers


def made(monkeypatch: pytest.MonkeyPatch, load: Any) -> McpApp:
    monkeypatch.setattr(McpApp, "_load", load)
    callers = cast("Callers", object())  # nobody is asked
    return McpApp(callers, check=lambda _: None, refuse=problem, other_method=cast("Any", None))


async def test_it_is_loaded_once_for_all_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    class Manager:
        ended = False

        def run(self) -> "Manager":
            return self

        async def __aenter__(self) -> None: ...

        async def __aexit__(self, *_: object) -> None:
            self.ended = True

    manager, loads = Manager(), list[object]()

    def load(app: McpApp) -> Manager:
        loads.append(app)
        return manager

    app = made(monkeypatch, load)
    async with app.running():
        assert loads == []
        opened: Any = await asyncio.gather(app._opened(), app._opened())
        assert list(opened) == [manager, manager]
        assert (loads, manager.ended) == ([app], False)
    assert manager.ended


async def test_one_that_cannot_be_loaded_fails_each_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_: McpApp) -> None:
        raise ImportError("no SDK")

    app = made(monkeypatch, load)
    async with app.running():
        for _ in range(2):
            with pytest.raises(ImportError, match="no SDK"):
                await app._opened()
