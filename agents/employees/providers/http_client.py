"""The HTTP client of a provider. It limits the size of bodies while it reads them. A redirected request keeps its
method and its body.

Import this module late, because the import of httpx2 is slow.
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

BODY_BYTES_MAX = 16 * 1024**2  # limit of a decompressed answer
ERROR_BYTES_MAX = 64 * 1024  # limit of an error's body; bytes after it are not read
REDIRECTS_MAX = 3
CONNECT_WALL_S = 5.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_UNPACKED = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class BoundedClient(httpx2.AsyncClient):
    """A client that reads each response completely, up to a limit, before it returns the response.

    `keyed`: the requests have a key. The key must not go to another server.
    """

    keyed = True

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Send a request. If the server redirects the request, send it again to the new address.

        :raises CallFailed: moved, if a redirect would send the key to another host; too_large, if the body is too long.
        """
        options |= {"stream": True, "follow_redirects": False}
        for _ in range(REDIRECTS_MAX):
            response = await super().send(request, **options)
            if response.status_code not in _REDIRECTS or "location" not in response.headers:
                return await read_bounded(response)
            await response.aclose()
            request = self._redirected(request, response)
        raise CallFailed("moved", f"{request.url} redirects again, after {REDIRECTS_MAX} redirects.")

    async def begin(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request, and return its response before the body is read. The caller closes it.

        A redirect is returned like any other response: it is not followed.
        """
        return await super().send(request, stream=True, follow_redirects=False)

    def _redirected(self, request: httpx2.Request, response: httpx2.Response) -> httpx2.Request:
        """Return the request to the new address. Method and body stay the same for every redirect status."""
        try:
            url = request.url.join(response.headers["location"])
        except httpx2.InvalidURL:
            raise CallFailed("moved", f"{request.url} redirects to an address that is not valid.") from None
        same = _origin(url) == _origin(request.url)
        upgraded = url.host == request.url.host and (request.url.scheme, url.scheme) == ("http", "https")
        if url.scheme not in ("http", "https") or (self.keyed and not same and not upgraded):
            raise CallFailed("moved", f"{request.url} answered {response.status_code}: the new address is {url}.")
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        return self.build_request(
            request.method, url, headers=headers, content=request.content, extensions=request.extensions
        )


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


async def read_bounded(response: httpx2.Response) -> httpx2.Response:
    """Read the body of a response up to a limit, and close it.

    The body is decompressed in pieces, so a small compressed body cannot use all memory.
    """
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
    """Yield the pieces of the body. If the body of an error answer is damaged or incomplete, stop without an exception,
    because the status is enough.
    """
    try:
        async for piece in response.aiter_bytes():
            yield piece
    except (httpx2.DecodingError, httpx2.TransportError):
        if response.status_code < 300:
            raise


def open_client(
    base_url: str,
    wall_s: float,
    *,
    keyed: bool,
    environment: Mapping[str, str] | None = None,
    kind: type[BoundedClient] = BoundedClient,
) -> BoundedClient:
    """Return a client of a kind for one server, with the proxy for that server and the certificates of SSL_CERT_FILE or
    SSL_CERT_DIR.

    :raises CallFailed: bad_settings, if an address, a proxy or a file of certificates is not usable.
    """
    address_of(base_url)
    variables = os.environ if environment is None else environment
    proxy = proxy_of(base_url, variables)
    try:
        _ = urlsplit(proxy or "").port  # raises ValueError if the port is not valid
        client = kind(
            verify=_certificates(variables.get("SSL_CERT_FILE") or "", variables.get("SSL_CERT_DIR") or ""),
            proxy=proxy,
            trust_env=False,  # proxy and certificates are already chosen
            timeout=httpx2.Timeout(wall_s, connect=CONNECT_WALL_S),
        )
        client.keyed = keyed
        return client
    except (OSError, ValueError, ImportError, httpx2.InvalidURL) as error:
        used = f"the proxy {_masked(proxy)}" if proxy else "the certificates in SSL_CERT_FILE or SSL_CERT_DIR"
        raise CallFailed("bad_settings", f"The HTTP client cannot use {used}: {type(error).__name__}.") from None


@lru_cache(maxsize=8)
def _certificates(file: str, folder: str) -> ssl.SSLContext:
    """Load the trusted certificates from `file` and `folder`, or else from this machine. The result is cached, because
    a load takes 0.1 s.
    """
    if file or folder:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    return httpx2.create_ssl_context(trust_env=False)


def timeout_of(wall_s: float) -> httpx2.Timeout:
    """Return the time limits of one request. A server that cannot be reached must not use up the time of the call."""
    return httpx2.Timeout(wall_s, connect=min(CONNECT_WALL_S, wall_s))


def address_of(base_url: str) -> str:
    """Return the address without spaces around it and without slashes at its end.

    :raises CallFailed: bad_settings, if it is not a valid http or https address.
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
    """Return the address of a proxy without its password."""
    head, at, tail = (proxy or "").rpartition("@")
    return f"{head.partition('://')[0]}://…@{tail}" if at else tail
