"""Ways to reach a model server: certificates, proxies, and the two names of the token limit."""

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from agents.employees import pricing
from agents.employees.adaptations import adaptation_for, adapted
from agents.workers.result import HandIn
from domain.money import NOTHING
from tests.behaviours.adapting import LIMIT, has, named
from tests.behaviours.model import GOOD, Behaviour, error, picky, sends
from tests.behaviours.played import hired, order_of, worked
from tests.loopback import Loopback, Reply, honest, loopback

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxy_of_this_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, *(name.upper() for name in PROXIES), "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


def certificate(folder: Path) -> tuple[Path, Path]:
    """Return a self-signed certificate for 127.0.0.1, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "server.pem", folder / "server.key"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return public, private


@asynccontextmanager
async def secure(folder: Path, reply: Reply | None = None) -> AsyncIterator[tuple[Loopback, Path]]:
    """Yield a model server with TLS. Without `reply` it is a good one."""
    public, private = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    server = Loopback(reply or honest(GOOD))
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0, ssl=context)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server, public
    finally:
        listening.close()
        await server.end()


async def one(base_url: str, **settings: Any) -> HandIn:
    (hand_in,) = await worked(hired(base_url, **settings), [order_of(Behaviour("x", None))])
    return hand_in


async def test_ssl_cert_file_is_believed_on_loopback_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with secure(tmp_path) as (server, public):
        address = f"https://127.0.0.1:{server.port}/v1"
        refused = await one(address)
        monkeypatch.setenv("SSL_CERT_FILE", str(public))
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        believed = await one(address)
    assert (refused.calls[0].snapshot.outcome, refused.calls[0].snapshot.cost) == ("tls", NOTHING)
    assert "certificate" in refused.calls[0].snapshot.message.lower()
    assert believed.calls[0].snapshot.outcome == "answered"


@pytest.mark.parametrize("file", ["no-such-file.pem", "empty.pem"])
async def test_a_file_of_certificates_that_does_not_read_is_said_and_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    (tmp_path / "empty.pem").write_text("")
    async with loopback(honest(GOOD)) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / file))
        failed = await one(server.base_url)
        monkeypatch.delenv("SSL_CERT_FILE")
        assert (await one(server.base_url)).calls[0].snapshot.outcome == "answered", "control"
    assert (failed.calls[0].snapshot.outcome, failed.calls[0].snapshot.cost) == ("bad_settings", NOTHING)
    assert "SSL_CERT_FILE" in failed.calls[0].snapshot.message


async def test_tls_to_a_server_without_it_costs_nothing() -> None:
    async def answers_at_once(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    listening = await asyncio.start_server(answers_at_once, "127.0.0.1", 0)
    async with listening:
        failed = await one(f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1")
    assert (failed.calls[0].snapshot.outcome, failed.calls[0].snapshot.cost) == ("tls", NOTHING)


async def test_a_server_elsewhere_is_reached_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with loopback(honest(GOOD)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        answered = await one("http://models.example/v1")
        (request,) = proxy.seen
        monkeypatch.setenv("NO_PROXY", "models.invalid")
        direct = await one("http://models.invalid/v1")
    assert (answered.calls[0].snapshot.outcome, request.path) == (
        "answered",
        "http://models.example/v1/chat/completions",
    )
    assert (direct.calls[0].snapshot.outcome, direct.calls[0].snapshot.cost) == ("connection", NOTHING)
    assert len(proxy.seen) == 1


@pytest.mark.parametrize(
    ("proxy", "outcome"),
    [
        ("http://127.0.0.1:1", "connection"),
        ("http://me:secret@127.0.0.1:1", "connection"),
        ("gopher://127.0.0.1:1", "bad_settings"),
        ("http://[::1", "bad_settings"),
        ("http://127.0.0.1:99999", "bad_settings"),
    ],
)
async def test_a_bad_proxy_costs_nothing_and_shows_no_password(
    monkeypatch: pytest.MonkeyPatch, proxy: str, outcome: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    failed = await one("http://models.example/v1")
    assert (failed.calls[0].snapshot.outcome, failed.calls[0].snapshot.cost) == (outcome, NOTHING)
    assert "secret" not in failed.calls[0].snapshot.message


async def test_the_newer_name_of_the_limit_is_exchanged_for_the_older_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pricing._PROVIDERS, "127.0.0.1", "openai")
    refuses = picky(has("max_completion_tokens"), error(400, "Unknown parameter: max_completion_tokens"))
    async with loopback(refuses) as server:
        hand_in = await one(server.base_url)
    assert (hand_in.calls[0].snapshot.outcome, hand_in.calls[0].snapshot.adaptations) == ("answered", ("max_tokens",))
    assert [sorted({"max_tokens", "max_completion_tokens"} & set(each.body)) for each in server.seen] == [
        ["max_completion_tokens"],
        ["max_tokens"],
    ]


PARAMS = {"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": 64, "seed": 7}


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (429, "Unsupported parameter: 'seed'"),
        (401, "Unsupported parameter: 'seed'"),
        (400, "insufficient_quota: seed is not supported"),
        (400, "maximum context length is 5 tokens; the seed is invalid"),
        (400, "what?"),
        (400, "the seeds of doubt are invalid"),
        (400, "temperature is not supported"),
    ],
)
def test_what_is_no_refusal_of_a_form_is_not_adapted_to(status: int, message: str) -> None:
    assert adaptation_for(status, message, dict(PARAMS), []) is None
    assert adaptation_for(400, "Unsupported parameter: 'seed'", dict(PARAMS), []) == "no_seed"


def test_an_adaptation_is_made_once_and_never_turned_back() -> None:
    body = sends(400, named(LIMIT, "max_tokens"))
    assert body is not None
    assert adaptation_for(400, "Unsupported parameter: 'seed'", dict(PARAMS), ["no_seed"]) is None
    renamed = adapted(dict(PARAMS), ["max_completion_tokens"])
    assert "max_tokens" not in renamed
    assert adaptation_for(400, "max_completion_tokens is not supported", renamed, ["max_completion_tokens"]) is None
    assert adapted(dict(PARAMS), ["no_seed", "no_such", "output_tokens_max=nonsense", "output_tokens_max=9"]) == {
        "model": "m",
        "messages": [{"role": "user", "content": "x"}],
        "max_tokens": 9,
    }
