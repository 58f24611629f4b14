"""Servers, addresses, keys and proxies that do not exist, that fail in the middle, or that cannot be used."""

import asyncio
from typing import Any

from pydantic import SecretStr

from tests.behaviours.model import BOUND, GOOD, NOTHING, Behaviour
from tests.loopback import cut, cut_chunks, drip, hang, honest

NOWHERE = "http://127.0.0.1:1/v1"
SHORT_S = 1.5


async def closes(writer: Any, seen: Any) -> None:
    """Close the connection without an answer."""
    del writer, seen


async def resets(writer: Any, seen: Any) -> None:
    """Reset the connection."""
    del seen
    writer.transport.abort()


async def babbles(writer: Any, seen: Any) -> None:
    """Send bytes that are not HTTP."""
    del seen
    writer.write(b"SSH-2.0-OpenSSH_9.0\r\n\r\n")


async def half_a_head(writer: Any, seen: Any) -> None:
    del seen
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-ty")


async def endless_head(writer: Any, seen: Any) -> None:
    del seen
    writer.write(b"HTTP/1.1 200 OK\r\n" + b"x-filler: " + b"y" * 300_000 + b"\r\n\r\n{}")


async def late(writer: Any, seen: Any) -> None:
    """Send the right answer after a delay."""
    await asyncio.sleep(0.3)
    await honest(GOOD)(writer, seen)


def key(text: str) -> dict[str, Any]:
    return {"api_key": SecretStr(text)}


def at(base_url: str, name: str, outcome: str, *says: str) -> Behaviour:
    return Behaviour(name, None, outcome, NOTHING, says=says, requests=None, settings={"base_url": base_url})


BEHAVIOURS = (
    Behaviour("late", late),
    Behaviour("closed without a word", closes, "connection", BOUND),
    Behaviour("reset", resets, "connection", BOUND),
    Behaviour("no HTTP", babbles, "connection", BOUND),
    Behaviour("half a head", half_a_head, "connection", BOUND),
    Behaviour("a head without end", endless_head, "connection", BOUND),
    Behaviour("a body that ends early", cut, "connection", BOUND, says=("The connection to", "failed")),
    Behaviour("chunks that end early", cut_chunks, "connection", BOUND),
    Behaviour("no answer", hang, "timeout", BOUND, says=("within 1.5 s", "--wall-s"), wall_s=SHORT_S),
    Behaviour("a byte now and then", drip, "timeout", BOUND, says=("within 1.5 s",), wall_s=SHORT_S),
    at(NOWHERE, "nobody listens", "connection", "cannot be reached"),
    at("http://127.0.0.1:0/v1", "a port that is none", "bad_settings", "is not an address"),
    at("http://127.0.0.1:99999/v1", "a port that is too high", "bad_settings", "is not an address"),
    at("127.0.0.1:8080/v1", "an address without a scheme", "bad_settings", "is not an address", "aura hire"),
    at("ftp://127.0.0.1/v1", "an address of another scheme", "bad_settings", "is not an address"),
    at("http://127.0.0.1:1\n/v1", "an address with a line break", "bad_settings", "is not an address"),
    at("http://127.0.0.1:1/v\u20111", "an address with an odd hyphen", "connection", "cannot be reached"),
    at("http://[::1/v1", "an address with one bracket", "bad_settings", "is not an address"),
    at("http:///v1", "an address without a host", "bad_settings", "is not an address"),
    Behaviour(
        "a key in curly quotes",
        honest(GOOD),
        "bad_settings",
        NOTHING,
        requests=0,
        settings=key("\u201csk-0123456789\u201d"),
    ),
    Behaviour(
        "a key with a zero-width space",
        honest(GOOD),
        "bad_settings",
        NOTHING,
        requests=0,
        settings=key("sk-\u200b0123456789"),
    ),
    Behaviour(
        "a key with a line break", honest(GOOD), "bad_settings", NOTHING, requests=0, settings=key("sk-0123\n456789")
    ),
)
