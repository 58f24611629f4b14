"""The server of the HTTP API: uvicorn on a loopback address, until a signal."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import msgspec
import uvicorn

from bus.logger import SILENT, Logger
from director.http.app import LOOPBACK_HOSTS, make_app, make_mcp
from director.http.commands import Commands
from director.http.connection import TimedConnection
from director.http.request_checks import HEAD_BYTES_MAX
from director.http.shield import host_of
from director.http.sign_in import Doorkeeper
from director.oidc.config import client_secret, read_config
from director.oidc.provider import Provider
from director.services.session import open_log
from director.settings import Settings
from domain.errors import Invalid, Unavailable

PORT = 8000
CONNECTIONS_MAX = 400
DRAIN_S = 3


class HttpServed(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP server that has stopped."""

    url: str


class _Server(uvicorn.Server):
    """A server that tells when it is ready, and leaves the signals to its caller."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_http(
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    log: Logger = SILENT,
    on_ready: Callable[[str], None] = lambda _: None,
    stop: asyncio.Event | None = None,
    commands: Commands | None = None,
) -> HttpServed:
    """Serve the API until SIGTERM, SIGINT or `stop`. Port 0: any free port. `commands`: those of the command line.

    Raises Invalid for an address that is not loopback, because there is no TLS, unless it is the address of a container
    whose port is published on loopback. Raises Unavailable if the port is taken or the servers do not answer.
    """
    listening = _listen(host, port, published=settings.serve_http_at() == host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
    public = settings.public_address()
    hosts = (*LOOPBACK_HOSTS, host_of(public.removeprefix("https://"))) if public else LOOPBACK_HOSTS
    office = await open_log(settings, "aura-http")
    ended = stop or asyncio.Event()
    try:
        keeper = Doorkeeper(settings, office, secure=bool(public), provider=_provider(settings, log))
        mcp = make_mcp(keeper, log)
        app = make_app(keeper, mcp=mcp, hosts=hosts, log=log, known=commands)
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="error",  # a broken request writes no line, so strangers cannot fill the log
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            limit_concurrency=CONNECTIONS_MAX,
            timeout_graceful_shutdown=DRAIN_S,
            h11_max_incomplete_event_size=HEAD_BYTES_MAX,
            http=TimedConnection,
            ws="none",
        )
        server = _Server(config, lambda: on_ready(url))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        async with mcp.running(), asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve([listening])).add_done_callback(lambda _: ended.set())
            await ended.wait()
            server.should_exit = True
    finally:
        await office.close()
        listening.close()
    return HttpServed(url=url)


def _provider(settings: Settings, log: Logger) -> Provider | None:
    """Return the configured OpenID provider. A fault in its configuration is logged, and passwords go on."""
    try:
        config = read_config(settings.root)
        return Provider(config, client_secret(config, settings.root, os.environ)) if config is not None else None
    except Invalid as error:
        log.error("oidc", code=error.code, message=error.message, hint=error.hint)
        return None


def _listen(host: str, port: int, *, published: bool) -> socket.socket:
    try:
        address = ip_address(host)
    except ValueError:
        raise Invalid(f"{host} is not an IP address.", hint="Write 127.0.0.1 or ::1.") from None
    if not address.is_loopback and not published:
        raise Invalid(
            f"{host} is not a loopback address, and this server has no TLS.",
            hint="Listen on 127.0.0.1, and put a proxy with TLS in front.",
            code="needs_tls",
        )
    listening = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise Unavailable(
            f"Port {port} of {host} cannot be used: {error.strerror}.",
            hint="Choose another one: --port N",
            code="port_taken",
        ) from error
    return listening
