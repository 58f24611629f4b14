"""One HTTP/1.1 request over one connection. Untrusted code answers it, so the size of the response is limited."""

import asyncio
import socket
from collections.abc import Sequence

import h11
import msgspec

HEADER_BYTES_MAX = 32 * 1024  # limit for the headers of one response
RESPONSE_BYTES_MAX = 1 << 20  # limit for the body; the whole response may have HEADER_BYTES_MAX more
READ_BYTES = 65536


class Sent(msgspec.Struct, frozen=True):
    """An HTTP request to send."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Response(msgspec.Struct, frozen=True):
    """A complete response. Header names are in lower case. A comma joins the values of a repeated header."""

    status: int
    headers: dict[str, str]
    body: bytes


class BadResponse(Exception):
    """Error raised when the received bytes are not a response within the limits. Its text gives the reason."""


class Unsendable(Exception):
    """Error raised for a request that breaks HTTP's rules, for example with a value from an earlier response."""


async def exchange(line: socket.socket, sent: Sent, host: str) -> Response:
    """Send a request and return its response. The caller limits the time and closes `line`.

    Raises BadResponse, Unsendable, or OSError if the connection breaks.
    """
    connection = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=HEADER_BYTES_MAX)
    loop = asyncio.get_running_loop()
    try:
        request = connection.send(h11.Request(method=sent.method, target=sent.target, headers=_headers(sent, host)))
        body = connection.send(h11.Data(data=sent.body)) if sent.body else b""
        connection.send(h11.EndOfMessage())
    except (h11.LocalProtocolError, UnicodeEncodeError) as error:
        raise Unsendable(str(error)) from error
    # Read while the request is sent: a service may answer before it has read everything, and close the connection.
    sending = loop.create_task(_send(line, (request or b"") + (body or b"")))
    try:
        return await _received(connection, line)
    finally:
        sending.cancel()
        await asyncio.wait({sending})


async def _send(line: socket.socket, content: bytes) -> None:
    try:
        await asyncio.get_running_loop().sock_sendall(line, content)
    except OSError:
        return  # `_received` reports the error


def _headers(sent: Sent, host: str) -> list[tuple[str, str]]:
    given = {name.lower() for name, _ in sent.headers}
    own = [("Host", host), ("Connection", "close"), ("Accept", "*/*")]
    if sent.body or sent.method in ("POST", "PUT", "PATCH"):
        own.append(("Content-Length", str(len(sent.body))))
    return [(name, value) for name, value in own if name.lower() not in given] + list(sent.headers)


async def _received(connection: h11.Connection, line: socket.socket) -> Response:
    loop = asyncio.get_running_loop()
    head: h11.Response | None = None
    body = bytearray()
    total = 0
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError as error:
            raise BadResponse(f"sent bytes that are not an HTTP response: {error}") from error
        if event is h11.NEED_DATA:
            part = await loop.sock_recv(line, READ_BYTES)
            if not part and not total:
                raise BadResponse("closed the connection without a response")
            total += len(part)
            if total > RESPONSE_BYTES_MAX + HEADER_BYTES_MAX:
                raise BadResponse(f"answered with more than {RESPONSE_BYTES_MAX} bytes")
            connection.receive_data(part)
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > RESPONSE_BYTES_MAX:
                raise BadResponse(f"answered with more than {RESPONSE_BYTES_MAX} bytes")
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return Response(head.status_code, _joined(head.headers), bytes(body))
        elif event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
            raise BadResponse("closed the connection without a response")


def _joined(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw, content in headers:
        name, value = raw.decode("latin-1").lower(), content.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined
