"""Unusual cases, drawn from a seed: a server's behaviour with further damage, and an order that may be unusual, too."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import msgspec
from pydantic import SecretStr

from tests.behaviours import adapting, answering, breaking, charging, refusing, waiting
from tests.behaviours.model import GOOD, Behaviour
from tests.behaviours.played import order_of
from tests.loopback import Reply, honest
from tests.orders import BRIEF

KNOWN: Sequence[Behaviour] = (
    *adapting.BEHAVIOURS,
    *answering.BEHAVIOURS,
    *charging.BEHAVIOURS,
    *refusing.BEHAVIOURS,
    *waiting.BEHAVIOURS,
    *breaking.BEHAVIOURS,
)
ODD_TEXTS = (
    "\ud800",
    "\udfff half",
    "a\0b",
    "\u202e",
    "\ufeff",
    "\x1b[31m",
    "``` ~~~",
    "%s {} \\",
    "x" * 70_000,
    "\U0001f600" * 500,
)
WALL_S = 2.0


@dataclass(frozen=True)
class OddCase:
    """One case. `order` is bytes, because they may be no valid order."""

    name: str
    reply: Reply
    settings: dict[str, Any]
    order: bytes
    readable: bool


class Tape:
    """A writer that stores the bytes of a reply, so that they can be damaged before they are sent."""

    def __init__(self, writer: Any) -> None:
        self.written = bytearray()
        self.transport = writer.transport

    def write(self, data: bytes) -> None:
        self.written += data

    async def drain(self) -> None:
        """Do nothing, because the bytes are not sent yet."""


def broken(reply: Reply, damage: Callable[[bytes], bytes]) -> Reply:
    """Return the reply with damaged bytes."""

    async def send(writer: Any, seen: Any) -> None:
        tape = Tape(writer)
        try:
            async with asyncio.timeout(WALL_S):
                await reply(tape, seen)  # type: ignore[arg-type]  # it writes, and nothing else
        except TimeoutError:
            return
        writer.write(damage(bytes(tape.written)))

    return send


def _damage(draw: random.Random) -> Callable[[bytes], bytes]:
    """Return one way to damage bytes."""
    seed = draw.random()

    def cut(data: bytes) -> bytes:
        return data[: int(seed * len(data))]

    def flipped(data: bytes) -> bytes:
        own = random.Random(seed)
        body = bytearray(data)
        for _ in range(8):
            if body:
                body[own.randrange(len(body))] = own.randrange(256)
        return bytes(body)

    def doubled(data: bytes) -> bytes:
        place = int(seed * len(data))
        return data[:place] + data[place // 2 : place] + data[place:]

    def surrogates(data: bytes) -> bytes:
        return data.replace(b"a", b"\\ud83d", 3)

    def nothing(data: bytes) -> bytes:
        return data

    return draw.choice((cut, flipped, doubled, surrogates, nothing))


def _order(draw: random.Random, behaviour: Behaviour, number: int) -> tuple[bytes, bool]:
    """Return an order as bytes, and whether it can be decoded as an order."""
    order = replace_wall(behaviour, number)
    kind = draw.randrange(6)
    if kind == 0:  # text that JSON writes as escapes, as another program may have sent it
        text = draw.choice(ODD_TEXTS)
        data = msgspec.json.encode(msgspec.structs.replace(order, brief=msgspec.structs.replace(BRIEF, prose="ODD")))
        return data.replace(b'"ODD"', _escaped(text)), True
    if kind == 1:
        limits = msgspec.structs.replace(order.limits, output_tokens_max=draw.choice((0, -1, 1, 10**9)))
        return msgspec.json.encode(msgspec.structs.replace(order, limits=limits)), True
    if kind == 2:
        return draw.choice((b"", b"{}", b"\xff\xfe", b"[" * 5000, msgspec.json.encode(order)[:-9])), False
    if kind == 3:
        return msgspec.json.encode({**msgspec.to_builtins(order), "brief": 7}), True
    return msgspec.json.encode(order), True


def replace_wall(behaviour: Behaviour, number: int) -> Any:
    """Return the behaviour's order with a short time limit and a separate id."""
    order = order_of(replace(behaviour, wall_s=WALL_S), number=number)
    return msgspec.structs.replace(order, id=UUID(int=10_000 + number))


def _escaped(text: str) -> bytes:
    """Return the text as an ASCII JSON string. Half of a surrogate pair is not changed."""
    return b'"' + b"".join(_escape(character) for character in text) + b'"'


def _escape(character: str) -> bytes:
    if character.isalnum() and character.isascii():
        return character.encode()
    units = character.encode("utf-16-be", "surrogatepass")
    return b"".join(b"\\u%02x%02x" % (units[at], units[at + 1]) for at in range(0, len(units), 2))


def drawn(seed: int, count: int) -> list[OddCase]:
    """Draw this number of cases. The same seed gives the same cases."""
    draw = random.Random(seed)
    cases = []
    for number in range(count):
        behaviour = draw.choice(KNOWN)
        data, readable = _order(draw, behaviour, number)
        settings = dict(behaviour.settings)
        if draw.random() < 0.05:
            settings["api_key"] = SecretStr(draw.choice(ODD_TEXTS[:5]) + "sk-0123456789")
        reply = broken(behaviour.reply or honest(GOOD), _damage(draw))
        cases.append(OddCase(f"{number}: {behaviour.name}", reply, settings, data, readable))
    return cases
