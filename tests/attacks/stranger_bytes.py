"""Attacks: bytes that two parsers could read differently, and JSON that two readers could understand differently.

A smuggled request would be a second answer on the connection, or a comment in the log.
"""

from collections.abc import Callable

from tests.attacks.http_bytes import exchange, request
from tests.attacks.stranger import ATTACK, CONTROL, Outcome, Scene, Sent, attack, bearer, comment, key, send

Parts = tuple[str, ...]


async def headers_of(scene: Scene) -> Parts:
    token = await scene.token("director", "read", "submit")
    return (
        f"Authorization: Bearer {token}",
        f"Idempotency-Key: {key()['Idempotency-Key']}",
        "Content-Type: application/json",
    )


def body_of(text: str) -> bytes:
    return b'{"text": "%s"}' % text.encode()


def chunked(body: bytes, end: bytes = b"0\r\n\r\n", extension: bytes = b"") -> bytes:
    return b"%x%s\r\n%s\r\n%s" % (len(body), extension, body, end)


def framed(name: str, lines: Parts, body: Callable[[bytes], bytes] = chunked) -> None:
    """Add an attack with these lines that tell where the body ends. `{size}`: the size of the plain body."""

    @attack(f"bytes: {name}")
    async def run(scene: Scene) -> Outcome:
        line, headers, plain = f"POST {scene.path} HTTP/1.1", await headers_of(scene), body_of(ATTACK)
        framing = [each.format(size=len(plain)) for each in lines]
        got = await exchange(scene.place, request(scene.place, line, *headers, *framing, body=body(plain)))
        done = await exchange(
            scene.place,
            request(
                scene.place,
                line,
                *await headers_of(scene),
                "Transfer-Encoding: chunked",
                body=chunked(body_of(CONTROL)),
            ),
        )
        return got.status, done.status


def same(body: bytes) -> bytes:
    return body


CHUNKED = "Transfer-Encoding: chunked"
framed("a length and chunks", ("Content-Length: {size}", CHUNKED))
framed("chunks and a length", (CHUNKED, "Content-Length: 4"))
framed("a length, and chunks behind a blank", ("Content-Length: {size}", "Transfer-Encoding : chunked"), same)
framed("chunks that are not chunked at last", ("Transfer-Encoding: chunked, identity",))
framed("chunks twice", (CHUNKED, CHUNKED))
framed("chunks with another name", ("Transfer-Encoding: xchunked",))
framed("chunks behind a vertical tab", ("Transfer-Encoding: \x0bchunked",))
framed("two lengths", ("Content-Length: {size}", "Content-Length: 4"), same)
framed("a length with a sign", ("Content-Length: +{size}",), same)
framed("a negative length", ("Content-Length: -1",), same)
framed("a length in hexadecimal digits", ("Content-Length: 0x1a",), same)
framed("a length in two parts", ("Content-Length: {size}, 4",), same)
framed("a header on two lines", ("X-Folded: a\r\n Content-Length: {size}",), same)
framed("a name with a blank", ("X Header: a", "Content-Length: {size}"), same)
framed("a header with a NUL", ("X-Nul: a\0b", "Content-Length: {size}"), same)
framed("a bare carriage return", ("X-Bare: a\rTransfer-Encoding: chunked", "Content-Length: {size}"), same)
framed("chunk of a negative size", (CHUNKED,), lambda body: b"-1\r\n" + body + b"\r\n0\r\n\r\n")
framed("chunk of a size with a prefix", (CHUNKED,), lambda body: b"0x%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
framed("chunk that ends early", (CHUNKED,), lambda body: b"%x\r\n%s0\r\n\r\n" % (len(body), body))
framed("an unknown encoding", ("Content-Encoding: gzip", "Content-Length: {size}"), lambda body: b"\x1f\x8b" + body[2:])


def whole(name: str, line: str, *headers: str, body: bytes = b"") -> None:
    """Add an attack with another first line, as a director."""

    @attack(f"bytes: {name}")
    async def run(scene: Scene) -> Outcome:
        own = await headers_of(scene)
        target = line.format(path=scene.path)
        got = await exchange(scene.place, request(scene.place, target, *own, *headers, body=body))
        done = await exchange(scene.place, request(scene.place, "GET /api/status HTTP/1.1", *own))
        return got.status, done.status


whole("TRACE repeats the secrets of a request", "TRACE /api/status HTTP/1.1")
whole("CONNECT opens a way to another server", "CONNECT 127.0.0.1:5432 HTTP/1.1")
whole("HTTP/2 without a handshake", "PRI * HTTP/2.0", body=b"SM\r\n\r\n")
whole("a method that does not exist", "POSTX {path} HTTP/1.1", "Content-Length: 0")
whole("a method in small letters", "post {path} HTTP/1.1", "Content-Length: 26", body=body_of(ATTACK)[:26])
whole("a new line in the path", "GET /api/status\r\nX-Evil: 1 HTTP/1.1")


@attack("bytes: a second request in the body of the first")
async def second_request(scene: Scene) -> Outcome:
    own, body = await headers_of(scene), body_of(ATTACK)
    line = f"POST {scene.path} HTTP/1.1"
    inner = request(scene.place, line, *own, f"Content-Length: {len(body)}", body=body)
    outer = request(scene.place, "GET /healthz HTTP/1.1", f"Content-Length: {len(inner)}", body=inner)
    got = await exchange(scene.place, outer)
    done = await exchange(scene.place, request(scene.place, "GET /healthz HTTP/1.1"))
    return 404 if got.statuses == [200] else 200, done.status


@attack("bytes: a body that ends before its length")
async def short_body(scene: Scene) -> Outcome:
    line, body = f"POST {scene.path} HTTP/1.1", body_of(ATTACK)
    asked = request(scene.place, line, *await headers_of(scene), f"Content-Length: {len(body) + 100}", body=body)
    got = await exchange(scene.place, asked, ended=True)
    whole = request(scene.place, line, *await headers_of(scene), f"Content-Length: {len(body_of(CONTROL))}")
    return got.status, (await exchange(scene.place, whole, body_of(CONTROL))).status


@attack("bytes: an upgrade to a WebSocket without a credential")
async def web_socket(scene: Scene) -> Outcome:
    lines = ("Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: YXR0YWNrIG9mIGEgc3Rybg==")
    asked = request(scene.place, "GET /api/events/live HTTP/1.1", *lines)
    got = await exchange(scene.place, asked.replace(b"Connection: close", b"Connection: Upgrade, close"))
    done = await exchange(scene.place, request(scene.place, "GET /healthz HTTP/1.1", "Upgrade: h2c"))
    return got.status, done.status


def json_of(name: str, content: str | bytes) -> None:
    """Add an attack with this body instead of a plain JSON object."""

    @attack(f"json: {name}")
    async def run(scene: Scene) -> Outcome:
        async with scene.client(**bearer(await scene.token("director", "submit"))) as client:
            sent = Sent(ATTACK, {"Content-Type": "application/json"}, body={"content": content})
            return await send(scene, client, sent), await comment(scene, client, CONTROL)


DEEP = 100_000
TEXT = f'"text": "{ATTACK}"'
json_of("the same key twice", f'{{"text": "harmless", {TEXT}}}')
json_of("a field more", f'{{{TEXT}, "role": "director"}}')
json_of("a prototype", f'{{{TEXT}, "__proto__": {{"admin": true}}}}')
json_of("100,000 lists in each other", f'{{{TEXT}, "task": {"[" * DEEP}{"]" * DEEP}}}')
json_of("100,000 open lists", "[" * DEEP)
json_of("a number of 100,000 digits", f'{{{TEXT}, "task": {"9" * DEEP}}}')
json_of("a number as text", '{"text": 1e999}')
json_of("NaN", f'{{{TEXT}, "task": NaN}}')
json_of("half of a character", f'{{{TEXT[:-1]} \\ud800"}}')
json_of("bytes that are no UTF-8", f"{{{TEXT[:-1]} ".encode() + b'\xff\xfe"}')
json_of("UTF-16", f"{{{TEXT}}}".encode("utf-16"))
json_of("a list around it", f"[{{{TEXT}}}]")
json_of("a comma at the end", f"{{{TEXT},}}")
json_of("a NUL in the text", f'{{{TEXT[:-1]} \\u0000"}}')
json_of("an empty body", "")
