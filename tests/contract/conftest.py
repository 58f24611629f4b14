"""The environment of the contract tests."""

import pytest

from agents.employees import pricing

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxy_of_this_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, *(name.upper() for name in PROXIES)):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def priced(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the loopback server the prices of the wire's vendor. A test of one model has the prices of Google."""
    wire = request.node.callspec.params.get("wire") if hasattr(request.node, "callspec") else None
    monkeypatch.setitem(pricing._PROVIDERS, "127.0.0.1", wire.prices if wire else "google")
