"""Answers of every provider with odd values in odd places: each is parsed, or is a typed failure."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import msgspec

from agents.employees.call_errors import CallFailed
from agents.employees.conversation import Message
from agents.employees.providers.remote_model import RemoteModel
from agents.employees.reply import Reply
from tests.wires.cases import GOOD, READ, RUN
from tests.wires.conversing import each
from tests.wires.played import request_of
from tests.wires.wire import Wire, events

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**40,
    1.5,
    "",
    "\ud800\0",
    "x" * 5000,
    [],
    [1, "x", None, {}, []],
    {},
    {"type": "text"},
    {"text": {"text": []}},
    {"error": "x"},
)
ROUNDS = 400


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value inside a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def damaged(body: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """Return the body with one to three values exchanged or removed."""
    body = copy.deepcopy(body)
    for _ in range(draw.randint(1, 3)):
        path = draw.choice(list(places(body)) or [("added",)])
        place: Any = body
        for key in path[:-1]:
            place = place[key]
        if draw.random() < 0.2:
            place.pop(path[-1], None) if isinstance(place, dict) else place.pop(path[-1])
        else:
            place[path[-1]] = copy.deepcopy(draw.choice(ODD))
    return body


def bodies(wire: Wire, draw: random.Random) -> bytes:
    """Return the bytes of a damaged answer: whole, as a stream, or cut."""
    good = wire.body(GOOD, calls=draw.choice(((), (READ,), (READ, RUN))), thinking=draw.choice(("", "hm")))
    if draw.random() < 0.5:
        return json.dumps(damaged(good, draw)).encode()
    objects = [damaged(each, draw) if draw.random() < 0.3 else each for each in wire.stream(good)]
    data = events(objects)
    return data[: draw.randrange(len(data))] if draw.random() < 0.2 else data


def parsed(model: RemoteModel, body: bytes) -> Reply | None:
    try:
        return model._reply(body)
    except CallFailed:
        return None


@each
def test_an_odd_answer_is_parsed_or_is_a_typed_failure(wire: Wire) -> None:
    model = wire.model("http://127.0.0.1:1")
    assert isinstance(model, RemoteModel)
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    good = 0
    for _ in range(ROUNDS):
        reply = parsed(model, bodies(wire, draw))
        if reply is None:
            continue
        good += 1
        msgspec.json.encode(reply)  # everything in it can be stored
        back = Message(role="assistant", text=reply.text or "", calls=reply.calls, opaque=reply.opaque)
        request = request_of((Message(role="user", text="x"), back))
        msgspec.json.encode(model._params(request))
    assert 0 < good < ROUNDS, "some are usable and some are not"
