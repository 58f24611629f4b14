"""The strict parser of one HTTP/1.1 request from the box. Whatever two parsers could read differently is refused.

A connection has one request. Bytes that follow it are refused, or dropped if they come later. The head is checked as
bytes before h11 parses it, because h11 accepts some old forms.
"""

import asyncio
import re
from typing import NamedTuple

import h11

from agents.gateway import limits
from agents.gateway.refusals import GatewayRefusal

READ_BYTES = 65_536
METHODS = (b"GET", b"POST")
_REQUEST_LINE = re.compile(rb"([A-Z]+) (/[!-~]*) HTTP/1\.1")
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t -~\x80-\xff]*)")
_SINGLE = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"content-type", b"content-encoding", b"connection", b"expect"}
)
_LENGTH = re.compile(rb"0|[1-9][0-9]{0,15}")


class Request(NamedTuple):
    """One complete request. `target`: the path and the query, as sent. Header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class BodyRoom:
    """The memory for the bodies of all requests that are read or served at the same time."""

    def __init__(self, bytes_max: int = limits.BODIES_BYTES_MAX) -> None:
        self.left = bytes_max

    def take(self, length: int) -> None:
        """Take room for further bytes. Raises GatewayRefusal if there is none."""
        if length > self.left:
            raise GatewayRefusal(
                503, "busy", "Too many large requests are open. Ask again when they have ended.", retry_after_s=5
            )
        self.left -= length

    def give_back(self, length: int) -> None:
        self.left += length


async def read_request(reader: asyncio.StreamReader, room: BodyRoom) -> Request | None:
    """Read the request of a connection. None: the connection was closed before its first byte.

    The caller gives the length of the body back to `room`.
    :raises GatewayRefusal: if the request is not allowed, or does not arrive in time.
    """
    try:
        async with asyncio.timeout(limits.HEAD_WAIT_S):
            head, rest = await _head(reader)
    except TimeoutError:
        raise GatewayRefusal(408, "timeout", "The head of the request did not arrive in time.") from None
    if not head:
        return None
    headers = checked_head(head)
    connection = h11.Connection(our_role=h11.SERVER, max_incomplete_event_size=limits.HEAD_BYTES_MAX)
    try:
        async with asyncio.timeout(limits.BODY_WAIT_S):
            return await _request(connection, headers, head + rest, reader, room)
    except TimeoutError:
        raise GatewayRefusal(408, "timeout", "The body of the request did not arrive in time.") from None
    except h11.RemoteProtocolError as error:
        raise _bad(f"it is not valid HTTP/1.1: {error}") from None


def checked_head(head: bytes) -> dict[str, str]:
    """Return the headers of a head that ends with an empty line, by their names in lower case.

    :raises GatewayRefusal: for each form that a second parser could read differently, and for what is not allowed.
    """
    first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    _check_request_line(first)
    if len(lines) > limits.HEADERS_MAX:
        raise GatewayRefusal(431, "too_many_headers", f"A request may have at most {limits.HEADERS_MAX} headers.")
    headers: dict[bytes, bytes] = {}
    for line in lines:
        found = _HEADER.fullmatch(line)
        if found is None:
            raise _bad("a header is folded, or has a character that is not allowed")
        name, value = found[1].lower(), found[2].rstrip(b" \t")
        if name in headers and name in _SINGLE:
            raise _bad(f"the header {name.decode()} comes twice")
        headers[name] = value
    _check_framing(headers)
    return {name.decode(): value.decode("latin-1") for name, value in headers.items()}


def _check_request_line(line: bytes) -> None:
    method, _, rest = line.partition(b" ")
    if method == b"CONNECT" or not rest.startswith(b"/"):
        raise GatewayRefusal(
            400, "not_allowed", "The gateway is not a proxy: it answers only requests with a path, such as /v1/models."
        )
    if _REQUEST_LINE.fullmatch(line) is None:
        raise _bad("its first line must be METHOD /PATH HTTP/1.1, in printable ASCII")
    if len(rest) > limits.TARGET_BYTES_MAX:
        raise GatewayRefusal(414, "target_too_long", f"A path has at most {limits.TARGET_BYTES_MAX} bytes.")
    if method not in METHODS:
        raise GatewayRefusal(405, "method_not_allowed", "The gateway allows only GET and POST.")


def _check_framing(headers: dict[bytes, bytes]) -> None:
    """Check everything that decides where the request ends, and what follows it on the connection."""
    if b"host" not in headers:
        raise _bad("it has no Host header")
    if b"content-length" in headers and b"transfer-encoding" in headers:
        raise _bad("it has both Content-Length and Transfer-Encoding")
    if not _LENGTH.fullmatch(headers.get(b"content-length", b"0")):
        raise _bad("its Content-Length is not a number")
    if int(headers.get(b"content-length", b"0")) > limits.BODY_BYTES_MAX:
        raise _too_large()
    if headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
        raise _bad("the only Transfer-Encoding is chunked")
    if headers.get(b"content-encoding", b"identity").lower() not in (b"identity", b""):
        raise GatewayRefusal(415, "not_allowed", "Send the body without compression (no Content-Encoding).")
    if b"expect" in headers:
        raise GatewayRefusal(417, "not_allowed", "Send the body at once, without the header Expect.")
    tokens = {token.strip() for token in headers.get(b"connection", b"").lower().split(b",")}
    if b"upgrade" in headers or b"upgrade" in tokens or b"http2-settings" in headers:
        raise GatewayRefusal(400, "not_allowed", "The gateway speaks only HTTP/1.1: a connection cannot be upgraded.")


async def _head(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Return the bytes up to the first empty line, and the bytes that came with them."""
    received = bytearray()
    while True:
        at = received.find(b"\r\n\r\n")
        if at >= 0 and at + 4 <= limits.HEAD_BYTES_MAX:
            return bytes(received[: at + 4]), bytes(received[at + 4 :])
        if len(received) > limits.HEAD_BYTES_MAX:
            raise GatewayRefusal(431, "head_too_large", f"A head has at most {limits.HEAD_BYTES_MAX} bytes.")
        content = await reader.read(READ_BYTES)
        if not content:
            if received:
                raise _bad("it ended before its head did")
            return b"", b""
        received += content


async def _request(
    connection: h11.Connection, headers: dict[str, str], begun: bytes, reader: asyncio.StreamReader, room: BodyRoom
) -> Request:
    connection.receive_data(begun)
    head: h11.Request | None = None
    body = bytearray()
    try:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await reader.read(READ_BYTES))
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                if len(body) + len(event.data) > limits.BODY_BYTES_MAX:
                    raise _too_large()
                room.take(len(event.data))
                body += event.data
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                _check_end(event, connection)
                return Request(head.method.decode(), head.target.decode(), headers, bytes(body))
            else:
                raise _bad("it ended before its body did")
    except BaseException:
        room.give_back(len(body))
        raise


def _check_end(end: h11.EndOfMessage, connection: h11.Connection) -> None:
    if end.headers:
        raise _bad("it has headers after its body")
    if connection.trailing_data[0]:
        raise GatewayRefusal(
            400, "bytes_follow", "Bytes follow the request. A connection has one request: open another for the next."
        )


def _bad(reason: str) -> GatewayRefusal:
    return GatewayRefusal(400, "bad_request", f"The request is refused: {reason}.")


def _too_large() -> GatewayRefusal:
    return GatewayRefusal(413, "too_large", f"A body has at most {limits.BODY_BYTES_MAX // limits.MIB} MiB.")
