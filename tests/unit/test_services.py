"""Judging services without a box: the limits for responses, saved values and a forged channel."""

import os
import socket
from typing import Any

import pytest

from tests.services import notes
from verification.execution.http_exchange import BadResponse, Response, Sent, Unsendable, exchange
from verification.execution.response_comparison import problem_of_reply, saved_from
from verification.execution.service_channel import Forged, Gone, ServiceChannel
from verification.requirements.model import Reply
from verification.requirements.placeholders import filled, filled_target, names_in
from verification.source_scan.hard_coding import telling_values

JSON = {"content-type": "application/json; charset=utf-8"}


def response(body: bytes, headers: dict[str, str] | None = None, status: int = 200) -> Response:
    return Response(status, JSON if headers is None else headers, body)


@pytest.mark.parametrize(
    ("reply", "body", "headers"),
    [
        (Reply(body={"a": 1}), b'{"a": 1}', None),
        (Reply(body={"a": 1}), b' {"a":\n1}', {}),
        (Reply(body={"a": {"$any": True}}), b'{"a": [1]}', None),
        (Reply(body=[1.5], approx=0.01), b"[1.504]", None),
        (Reply(body="text"), b"text", {"content-type": "text/plain"}),
        (Reply(body="text"), b'"text"', None),
        (Reply(body=""), b"", None),
        (Reply(body={"$bytes": "/w=="}), b"\xff", {}),
        (Reply(body={"$matches": "^a"}), b"abc", {}),
        (Reply(body=9007199254740993), b"9007199254740993", None),
        (Reply(body_contains="${id}"), b"<p>7</p>", {}),
        (Reply(headers={"content-type": {"$matches": "json"}}), b"{}", None),
    ],
)
def test_a_right_response(reply: Reply, body: bytes, headers: dict[str, str] | None) -> None:
    assert problem_of_reply(reply, response(body, headers), {"id": 7}) is None


@pytest.mark.parametrize(
    ("reply", "body", "headers"),
    [
        (Reply(body={"a": 1}), b'{"a": 1.0}', None),
        (Reply(body={"a": 1}), b'{"a": true}', None),
        (Reply(body={"a": 1}), b'{"a": 2, "a": 1}', None),
        (Reply(body={"a": 1}), b'{"a": 1, "b": 2}', None),
        (Reply(body={"a": 1}), b"{'a': 1}", None),
        (Reply(body={"a": 1}), b'{"$any": true}', None),
        (Reply(body=[1]), b'{"$tuple": [1]}', None),
        (Reply(body={"$set": [1]}), b'{"$set": [1]}', None),
        (Reply(body=[1.5], approx=0.01), b"[NaN]", None),
        (Reply(body=[1]), b"[" * 100_000 + b"]" * 100_000, None),
        (Reply(body=1), b"1" * 100_000, None),
        (Reply(body="\ud800"), b'"\\ud800"', None),
        (Reply(body="text"), b"text", None),
        (Reply(body="text"), b'"text"', {}),
        (Reply(body_contains="8"), b"7", {}),
        (Reply(headers={"etag": {"$any": True}}), b"{}", None),
        (Reply(status=201), b"{}", None),
    ],
)
def test_a_wrong_response(reply: Reply, body: bytes, headers: dict[str, str] | None) -> None:
    problem = problem_of_reply(reply, response(body, headers), {})
    assert problem is not None
    assert problem.kind == "wrong_result"
    assert len(problem.text) < 1000


def test_without_a_status_it_is_success_that_is_expected() -> None:
    assert problem_of_reply(Reply(), response(b"", status=204), {}) is None
    assert problem_of_reply(Reply(), response(b"", status=302), {}) is not None
    assert problem_of_reply(Reply(status=302), response(b"", status=302), {}) is None


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("body.id", 7),
        ("body.items.1.name", "b"),
        ("headers.location", "/x"),
        ("status", 200),
        ("body.items", None),
        ("body.items.9.name", None),
        ("body.none", None),
        ("body.long", None),
        ("headers.etag", None),
    ],
)
def test_only_scalars_are_saved(path: str, found: Any) -> None:
    body = b'{"id": 7, "items": [{"name": "a"}, {"name": "b"}], "none": null, "long": "' + b"x" * 5000 + b'"}'
    assert saved_from(response(body, {**JSON, "location": "/x"}), path) == found


def test_what_was_saved_stays_a_value() -> None:
    saved: dict[str, str | int | float | bool] = {"id": 7, "text": "a/b?c#${id}", "tag": "$any"}
    assert filled({"a": "${id}", "b": ["no ${id}"]}, saved) == {"a": 7, "b": ["no 7"]}
    assert filled_target("/x/${text}?q=${text}", saved) == "/x/a%2Fb%3Fc%23%24%7Bid%7D?q=a%2Fb%3Fc%23%24%7Bid%7D"
    assert filled("${text}", saved) == "a/b?c#${id}"
    assert filled("$${id}", saved) == "${id}"
    assert filled({"$matches": "${text}"}, saved) == {"$matches": "${text}"}
    assert list(names_in({"a": ["${x}", "$${y}", {"$matches": "${z}"}]})) == ["x"]


def test_what_tells_hard_coded_answers() -> None:
    first = notes().criteria[0].cases[0]
    assert telling_values(first) == ({("str", "Buy oat milk")}, {("str", "Buy oat milk")})


SENT = Sent("GET", "/", (), b"")


async def answered(content: bytes, sent: Sent = SENT) -> Response:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.sendall(content)
        theirs.shutdown(socket.SHUT_WR)
        return await exchange(ours, sent, "127.0.0.1:1")


async def test_whole_responses_are_read() -> None:
    plain = await answered(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 2\r\n\r\nok")
    assert plain == Response(200, {"x-a": "1, 2", "content-length": "2"}, b"ok")
    chunked = await answered(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
    assert chunked.body == b"ok"
    assert (await answered(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 201 Made\r\n\r\nto the end")).body == b"to the end"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
        b"{}",
    ],
)
async def test_what_is_no_response_is_told(content: bytes) -> None:
    with pytest.raises(BadResponse):
        await answered(content)


async def test_a_saved_value_adds_no_header() -> None:
    with pytest.raises(Unsendable):
        await answered(b"", Sent("GET", "/", (("X-A", "1\r\nX-B: 2"),), b""))


async def test_an_honest_door() -> None:
    door = ServiceChannel()
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as line:
        line.setblocking(False)
        line.connect_ex(listener.getsockname())
        socket.send_fds(door.theirs, [b"runs"], [line.fileno()])
        found = await door.connect()
        assert found is not None
        found.close()
    door.theirs.send(b"ended 3")
    assert await door.state() == "ended 3"
    door.theirs.send(b"ended 3")
    with pytest.raises(Gone, match="ended 3"):
        await door.connect()
    door.shut()
    assert await door.state() == ""
    with pytest.raises(Gone):
        await door.connect()
    door.close()


@pytest.mark.parametrize("what", ["garbage", "no descriptor", "two", "many", "a file", "a unix socket", "too long"])
async def test_a_forged_door_is_told_and_leaks_nothing(what: str) -> None:
    door = ServiceChannel()
    before = set(os.listdir("/proc/self/fd"))
    file = os.open(os.devnull, os.O_RDONLY)
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as unix:
        packet, given = {
            "garbage": (b"PASSED", []),
            "no descriptor": (b"runs", []),
            "two": (b"runs", [tcp.fileno()] * 2),
            "many": (b"runs", [tcp.fileno()] * 40),
            "a file": (b"runs", [file]),
            "a unix socket": (b"runs", [unix.fileno()]),
            "too long": (b"ended " + b"x" * 5000, []),
        }[what]
        socket.send_fds(door.theirs, [packet], given)
        with pytest.raises(Forged):
            await door.connect()
    os.close(file)
    assert set(os.listdir("/proc/self/fd")) == before
    door.close()
