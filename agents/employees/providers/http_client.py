"""The HTTP client of a provider: bodies bounded while they are read, redirects that keep a request what it is.

Import it late: httpx2 takes a while.
"""

import os
import ssl
from collections.abc import AsyncIterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import httpx2

from agents.employees.call_errors import CallFailed
from agents.employees.providers.proxies import proxy_of

BODY_BYTES_MAX = 16 * 1024**2  # of an answer, unpacked
ERROR_BYTES_MAX = 64 * 1024  # of an error's body; the rest is not read
REDIRECTS_MAX = 3
CONNECT_WALL_S = 5.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_UNPACKED = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class BoundedClient(httpx2.AsyncClient):
    """A client whose responses are read whole, up to a bound, before anybody else sees them.

    `keyed`: its requests carry a key, which must not go to another server.
    """

    keyed = True

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request and the same one again where it is redirected to.

        :raises CallFailed: moved, for a redirect that would carry the key to another host; too_large, for the body.
        """
        options |= {"stream": True, "follow_redirects": False}
        for _ in range(REDIRECTS_MAX):
            response = await super().send(request, **options)
            if response.status_code not in _REDIRECTS or "location" not in response.headers:
                return await _read(response)
            await response.aclose()
            request = self._redirected(request, response)
        raise CallFailed("moved", f"{request.url} was reached after {REDIRECTS_MAX} redirects, and redirects again.")

    def _redirected(self, request: httpx2.Request, response: httpx2.Response) -> httpx2.Request:
        """Send the request to the new address: method and body stay, whatever the status is."""
        try:
            url = request.url.join(response.headers["location"])
        except httpx2.InvalidURL:
            raise CallFailed("moved", f"{request.url} redirects to an address that cannot be read.") from None
        same = _origin(url) == _origin(request.url)
        upgraded = url.host == request.url.host and (request.url.scheme, url.scheme) == ("http", "https")
        if url.scheme not in ("http", "https") or (self.keyed and not same and not upgraded):
            raise CallFailed("moved", f"{request.url} answered {response.status_code}: it is now at {url}.")
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        return self.build_request(
            request.method, url, headers=headers, content=request.content, extensions=request.extensions
        )


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


async def _read(response: httpx2.Response) -> httpx2.Response:
    """The response with its body, unpacked piece by piece so that a small packed body cannot become endless."""
    failed = response.status_code >= 300
    most = ERROR_BYTES_MAX if failed else BODY_BYTES_MAX
    try:
        body = bytearray()
        async for piece in _pieces(response):
            body += piece
            if len(body) > most:
                break
    finally:
        await response.aclose()
    if len(body) > most and not failed:
        raise CallFailed("too_large", f"The answer has more than {BODY_BYTES_MAX // 1024**2} MiB. It was not read.")
    headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in _UNPACKED]
    return httpx2.Response(response.status_code, headers=headers, content=bytes(body[:most]), request=response.request)


async def _pieces(response: httpx2.Response) -> AsyncIterator[bytes]:
    """The body's pieces. An error whose body cannot be unpacked or ends early is still an error of its status."""
    try:
        async for piece in response.aiter_bytes():
            yield piece
    except (httpx2.DecodingError, httpx2.TransportError):
        if response.status_code < 300:
            raise


def open_client(
    base_url: str, wall_s: float, *, keyed: bool, environment: Mapping[str, str] | None = None
) -> BoundedClient:
    """A client for one server, with the proxy that is meant for it and the certificates of SSL_CERT_FILE or _DIR.

    :raises CallFailed: bad_settings, for an address, a proxy or a file of certificates that cannot be used.
    """
    address_of(base_url)
    variables = os.environ if environment is None else environment
    proxy = proxy_of(base_url, variables)
    try:
        _ = urlsplit(proxy or "").port  # ValueError for one that no socket has
        client = BoundedClient(
            verify=_certificates(variables.get("SSL_CERT_FILE") or "", variables.get("SSL_CERT_DIR") or ""),
            proxy=proxy,
            trust_env=False,  # the proxy is chosen already; the certificates too
            timeout=httpx2.Timeout(wall_s, connect=CONNECT_WALL_S),
        )
        client.keyed = keyed
        return client
    except (OSError, ValueError, ImportError, httpx2.InvalidURL) as error:
        told = f"the proxy {_masked(proxy)}" if proxy else "the certificates that SSL_CERT_FILE or SSL_CERT_DIR names"
        raise CallFailed("bad_settings", f"No client can be made with {told}: {type(error).__name__}.") from None


@lru_cache(maxsize=8)
def _certificates(file: str, folder: str) -> ssl.SSLContext:
    """Load the trusted certificates that the variables name, else this machine's own. Read once: it takes 0.1 s."""
    if file or folder:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    return httpx2.create_ssl_context(trust_env=False)


def address_of(base_url: str) -> str:
    """The address without spaces around it and without a slash at its end.

    :raises CallFailed: bad_settings, when it is no address of a web server.
    """
    address = base_url.strip().rstrip("/")
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        httpx2.URL(address)
    except (ValueError, httpx2.InvalidURL):
        usable = False
    if not usable or any(not character.isprintable() or character.isspace() for character in address):
        shown = "".join(character if character.isprintable() else "?" for character in base_url)[:200]
        raise CallFailed("bad_settings", f"The base URL {shown!r} is not an address such as https://host/v1.")
    return address


def _masked(proxy: str | None) -> str:
    """The address of a proxy without its password."""
    head, at, tail = (proxy or "").rpartition("@")
    return f"{head.partition('://')[0]}://…@{tail}" if at else tail
