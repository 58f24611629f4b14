"""The proxy of a call: chosen as in other clients, and never used for servers on this machine."""

import socket

import pytest

from agents.employees.providers.proxies import is_this_machine, proxy_of

PROXY = "http://proxy.example:3128"
ENVIRONMENT = {"HTTP_PROXY": PROXY, "HTTPS_PROXY": "proxy.example:3129"}
OWN = socket.gethostname()


@pytest.mark.parametrize(
    ("base_url", "environment", "proxy"),
    [
        ("https://api.example/v1", ENVIRONMENT, "http://proxy.example:3129"),
        ("http://api.example/v1", ENVIRONMENT, PROXY),
        ("http://api.example/v1", {"ALL_PROXY": PROXY}, PROXY),
        ("https://api.example/v1", {"all_proxy": "socks5://p:1"}, "socks5://p:1"),
        ("https://api.example/v1", {}, None),
        ("https://api.example/v1", {"HTTPS_PROXY": PROXY, "https_proxy": ""}, None),
        ("https://api.example/v1", {"HTTPS_PROXY": "http://no", "https_proxy": PROXY}, PROXY),
        ("http://10.0.0.7/v1", ENVIRONMENT, PROXY),
    ],
)
def test_a_server_elsewhere(base_url: str, environment: dict[str, str], proxy: str | None) -> None:
    assert proxy_of(base_url, environment) == proxy


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.9.9.9",
        "localhost",
        "LocalHost",
        "x.localhost",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        OWN,
    ],
)
def test_this_machine_is_reached_without_one(host: str) -> None:
    assert proxy_of(f"http://{host}:8080/v1", ENVIRONMENT) is None
    assert proxy_of("http://elsewhere.example:8080/v1", ENVIRONMENT) == PROXY


@pytest.mark.parametrize(
    ("no_proxy", "host", "direct"),
    [
        ("*", "api.example", True),
        ("api.example", "api.example", True),
        ("API.Example", "api.example", True),
        ("example", "api.example", True),
        (".example", "api.example", True),
        ("*.example", "api.example", True),
        ("pi.example", "api.example", False),
        ("other.example, api.example", "api.example", True),
        ("other.example api.example", "api.example", True),
        ("api.example:8080", "api.example", True),
        ("api.example:9090", "api.example", False),
        ("10.0.0.7", "10.0.0.7", True),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("fd00::/8", "[fd00::1]", True),
        ("[fd00::1]:8080", "[fd00::1]", True),
        ("http://api.example", "api.example", True),
        ("10.0.0.0/99, , :", "api.example", False),
        ("", "api.example", False),
    ],
)
def test_no_proxy(no_proxy: str, host: str, direct: bool) -> None:
    proxy = proxy_of(f"http://{host}:8080/v1", {**ENVIRONMENT, "NO_PROXY": no_proxy})
    assert proxy == (None if direct else PROXY)


def test_names_of_others_are_not_this_machine() -> None:
    assert not is_this_machine("example.com")
    assert not is_this_machine(f"{OWN}.example.com")
    assert not is_this_machine("localhost.example")
