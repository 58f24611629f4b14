"""Attacks that use a server up: large and slow requests, streams, and many sign-ins."""

import asyncio
from contextlib import AsyncExitStack

from director.http.stream import STREAMS_OF_USER_MAX
from director.services import people
from tests.attacks.http_bytes import exchange, request
from tests.attacks.stranger import ATTACK, CONTROL, Outcome, Scene, attack, bearer, comment, key
from tests.integration.test_http_api import SECRET

STREAM = "/api/events/live"


@attack("size: a body of more than a million bytes")
async def large(scene: Scene) -> Outcome:
    async with scene.client(**bearer(await scene.token("director", "submit"))) as client:
        answer = await client.post(scene.path, json={"text": ATTACK * 60_000}, headers=key())
        return answer.status_code, await comment(scene, client, CONTROL)


@attack("size: a length of a million million bytes, and no body")
async def promised(scene: Scene) -> Outcome:
    asked = request(scene.place, "POST /auth/sign-in HTTP/1.1", "Content-Length: 1000000000000")
    got = await exchange(scene.place, asked)
    return got.status, (await exchange(scene.place, request(scene.place, "GET /healthz HTTP/1.1"))).status


@attack("size: chunks without an end")
async def endless(scene: Scene) -> Outcome:
    asked = request(scene.place, "POST /auth/sign-in HTTP/1.1", "Transfer-Encoding: chunked")
    got = await exchange(scene.place, asked, *[b"10000\r\n" + b"x" * 65536 + b"\r\n"] * 40)
    return got.status, (await exchange(scene.place, request(scene.place, "GET /healthz HTTP/1.1"))).status


@attack("size: an address of 100,000 characters")
async def long_address(scene: Scene) -> Outcome:
    got = await exchange(scene.place, request(scene.place, f"GET /healthz?x={'a' * 100_000} HTTP/1.1"))
    return got.status, (await exchange(scene.place, request(scene.place, "GET /healthz?x=a HTTP/1.1"))).status


@attack("size: 5,000 headers")
async def many_headers(scene: Scene) -> Outcome:
    got = await exchange(
        scene.place, request(scene.place, "GET /healthz HTTP/1.1", *[f"X-{n}: a" for n in range(5000)])
    )
    return got.status, (await exchange(scene.place, request(scene.place, "GET /healthz HTTP/1.1", "X-1: a"))).status


@attack("size: a password of 900,000 characters costs a hash")
async def long_password(scene: Scene) -> Outcome:
    async with scene.client() as client:
        got = await client.post("/auth/sign-in", json={"name": "viewer", "password": "x" * 900_000})
        done = await client.post("/auth/sign-in", json={"name": "viewer", "password": SECRET})
        return (200 if got.status_code == 401 else got.status_code), done.status_code


@attack("size: a form of 20,000 fields")
async def many_fields(scene: Scene) -> Outcome:
    async with await scene.signed_in() as client:
        got = await client.post("/stop/pause", data={f"f{number}": "x" for number in range(20_000)})
        return got.status_code, await comment(scene, client, CONTROL)


@attack("slow: a body that never comes")
async def slow_body(scene: Scene) -> Outcome:
    asked = request(scene.place, "POST /auth/sign-in HTTP/1.1", "Content-Length: 100", body=b"{")
    got = await exchange(scene.place, asked)
    return got.status, (await exchange(scene.place, request(scene.place, "GET /healthz HTTP/1.1"))).status


async def held(scene: Scene, count: int, beginning: bytes) -> Outcome:
    """Open connections that send only a beginning. The attack succeeds if the server keeps one of them."""
    async with asyncio.timeout(60), AsyncExitStack() as stack:
        readers = []
        for _ in range(count):
            reader, writer = await asyncio.open_connection(*scene.place)
            stack.callback(writer.close)
            writer.write(beginning)
            readers.append(reader)
        try:
            async with asyncio.timeout(30):
                await asyncio.gather(*(reader.read() for reader in readers), return_exceptions=True)  # some are reset
        except TimeoutError:
            return 200, 200
    half = request(scene.place, "GET /healthz HTTP/1.1")
    return 408, (await exchange(scene.place, half[:20], half[20:])).status


@attack("slow: 450 connections that send nothing keep others out")
async def idle_connections(scene: Scene) -> Outcome:
    return await held(scene, 450, b"")


@attack("slow: 450 connections whose headers never end keep others out")
async def slow_headers(scene: Scene) -> Outcome:
    return await held(scene, 450, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")


@attack("slow: a second request on a connection, whose headers never end")
async def slow_second(scene: Scene) -> Outcome:
    first = request(scene.place, "GET /healthz HTTP/1.1").replace(b"Connection: close", b"Connection: keep-alive")
    return await held(scene, 2, first + b"GET /healthz HTTP/1.1\r\nX-Slow: ")


@attack("stream: one reader opens more than eight")
async def many_streams(scene: Scene) -> Outcome:
    client = scene.client(**bearer(await scene.token("auditor", "read")))
    async with client, AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(client.stream("GET", STREAM)) for _ in range(STREAMS_OF_USER_MAX)]
        other = scene.client(
            **bearer((await people.create_token(scene.opened, "auditor", scopes=["read"], days=1)).text)
        )
        await stack.enter_async_context(other)
        refused = await stack.enter_async_context(other.stream("GET", STREAM))
        return refused.status_code, max(each.status_code for each in opened)


@attack("stream: nobody opens 250")
async def streams_of_nobody(scene: Scene) -> Outcome:
    async with scene.client() as nobody:
        answers = await asyncio.gather(*(nobody.get(STREAM) for _ in range(250)))
        statuses = {answer.status_code for answer in answers}
    async with (
        scene.client(**bearer(await scene.token("director", "read"))) as client,
        client.stream("GET", STREAM) as answer,
    ):
        return min(each if each in (401, 429) else 200 for each in statuses), answer.status_code


def stream_of(name: str, headers: dict[str, str], query: dict[str, str], scopes: tuple[str, ...] = ("read",)) -> None:
    @attack(f"stream: {name}")
    async def run(scene: Scene) -> Outcome:
        async with (
            scene.client(**bearer(await scene.token("director", *scopes))) as client,
            client.stream("GET", STREAM, headers=headers, params=query) as answer,
            scene.client(**bearer(await scene.token("director", "read"))) as right,
            right.stream("GET", STREAM, headers={"Last-Event-ID": "1"}) as done,
        ):
            return answer.status_code, done.status_code


stream_of("without the scope read", {}, {}, ("submit", "admin"))
stream_of("a negative id", {"Last-Event-ID": "-1"}, {})
stream_of("an id with an SQL statement", {"Last-Event-ID": "1; DROP TABLE events"}, {})
stream_of("a negative position", {}, {"after": "-1"})
