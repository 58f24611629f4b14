"""Random bytes, JSON and streams for the parsers of the model gateway. They refuse or read, and do nothing else."""

import asyncio
import copy
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import h11
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.employees.pricing import Rates
from agents.gateway.fields import Notes
from agents.gateway.gateway import WIRES
from agents.gateway.http_request import BodyRoom, Request, checked_head, read_request
from agents.gateway.json_body import encode_body, parse_body
from agents.gateway.metering import Meter
from agents.gateway.refusals import GatewayRefusal, NotAllowed, WireName
from agents.gateway.routes import match
from agents.gateway.sse import EventSplitter, data_of
from agents.gateway.wires.wire import Hired, Wire
from domain.money import Amount
from tests.attacks import gateway_bytes, gateway_fields
from tests.gateways import PATHS, honest_body, post

T = TypeVar("T")
EXAMPLES = 60
CANARY = gateway_fields.CANARY
FREE = ("parameters", "input_schema", "args", "response", "input", "action", "parametersJsonSchema")
"""Names of objects that only the model reads. A key inside them has no effect at a provider."""
scalars = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text(max_size=20)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
wires = st.sampled_from(WIRES)
heads = st.lists(
    st.sampled_from(
        [
            b"POST /v1/chat/completions HTTP/1.1",
            b"\r\n",
            b"\n",
            b"\r",
            b" ",
            b"\t",
            b":",
            b"\0",
            b"Host: x",
            b"Content-Length: 5",
            b"content-length:7",
            b"Transfer-Encoding: chunked",
            b"Transfer-Encoding",
            b"Expect: 100-continue",
            b"Connection: upgrade",
            b"X-A: \xff",
            b",",
            b"chunked",
        ]
    )
    | st.binary(max_size=6),
    max_size=14,
).map(b"".join)
attacks = st.sampled_from([row[1] for row in gateway_bytes.FRAMING] + [row[2] for row in gateway_bytes.FRAMING])


def _refused_or(read: Callable[[], T]) -> T | GatewayRefusal:
    try:
        return read()
    except GatewayRefusal as refusal:
        return refusal


@given(heads)
@settings(max_examples=EXAMPLES * 4, deadline=None)
def test_a_head_is_refused_or_read_as_h11_reads_it(head: bytes) -> None:
    read = _refused_or(lambda: checked_head(head + b"\r\n\r\n"))
    if isinstance(read, GatewayRefusal):
        assert 400 <= read.status < 500
        return
    connection = h11.Connection(our_role=h11.SERVER)
    connection.receive_data(head + b"\r\n\r\n")
    event = connection.next_event()
    assert isinstance(event, h11.Request)
    assert {name.decode(): value.decode("latin-1") for name, value in event.headers} == read


async def _read(pieces: list[bytes]) -> tuple[Any, ...]:
    """Return the request, or the code of its refusal, when its bytes arrive in these pieces."""
    reader, room = asyncio.StreamReader(), BodyRoom()
    reading = asyncio.ensure_future(read_request(reader, room))
    for piece in pieces:
        reader.feed_data(piece)
        await asyncio.sleep(0)
    reader.feed_eof()
    await asyncio.wait({reading})
    error = reading.exception()
    if error is None:
        return ("read", reading.result())
    assert isinstance(error, GatewayRefusal)
    assert room.left == BodyRoom().left
    return ("refused", error.code)


@given(attacks, st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3)), max_size=3), st.integers(1, 400))
@settings(max_examples=EXAMPLES, deadline=None)
def test_a_changed_request_is_refused_or_read_whatever_its_pieces_are(
    content: bytes, changes: list[tuple[int, bytes]], size: int
) -> None:
    for at, put in changes:
        content = content[:at] + put + content[at + len(put) :]
    content = content[:20_000]
    whole = asyncio.run(_read([content]))
    pieces = asyncio.run(_read([content[at : at + size] for at in range(0, len(content), size)]))
    if whole == ("refused", "bytes_follow"):  # bytes that come later are dropped
        return
    assert whole[0] == pieces[0]
    if whole[0] == "read":
        assert whole == pieces
        assert whole[1] is None or isinstance(whole[1], Request)


@given(st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=EXAMPLES * 4, deadline=None)
def test_a_body_is_refused_or_read_as_json(body: bytes) -> None:
    sent = _refused_or(lambda: encode_body(parse_body(body)))
    if isinstance(sent, GatewayRefusal):
        assert sent.status in (400, 413)
        return
    assert json.loads(body) == json.loads(sent)


@given(wires, st.dictionaries(st.text(max_size=12) | st.sampled_from(sorted(honest_body("chat"))), values, max_size=6))
@settings(max_examples=EXAMPLES, deadline=None)
def test_any_object_is_refused_or_reduced_to_known_fields(wire: Wire, body: dict[str, Any]) -> None:
    _checked(wire, {**honest_body(wire.name), **body})


@given(wires, st.data())
@settings(max_examples=EXAMPLES * 2, deadline=None)
def test_a_changed_part_is_refused_or_reduced_to_known_fields(wire: Wire, data: st.DataObject) -> None:
    body = copy.deepcopy(honest_body(wire.name))
    places = _places(body)
    for _ in range(data.draw(st.integers(1, 3))):
        holder, key = data.draw(st.sampled_from(places))
        holder[key] = data.draw(values | st.sampled_from([change for _, _, change in gateway_fields.REFUSED]))
    _checked(wire, body)


@given(wires, st.data())
@settings(max_examples=EXAMPLES * 2, deadline=None)
def test_an_unknown_or_refused_name_anywhere_is_never_sent(wire: Wire, data: st.DataObject) -> None:
    body = copy.deepcopy(honest_body(wire.name))
    names = st.sampled_from(["server_url", "file_id", "fileData", "background", "mcp_servers", "url", "container"])
    holder = data.draw(st.sampled_from(_objects(body)))
    name = data.draw(names | st.text(min_size=1, max_size=10))
    if name not in holder:
        holder[name] = {"url": CANARY}
        sent = _checked(wire, body)
        assert sent is None or CANARY not in sent


def _checked(wire: Wire, body: dict[str, Any]) -> str | None:
    """Return what would be sent, or None if it is refused. Check what must hold for anything that is sent."""
    checked = _refused_or(lambda: wire.rule.check(body, "", Notes()))
    if isinstance(checked, GatewayRefusal):
        assert isinstance(checked, NotAllowed)
        return None
    asked = wire.asked(checked)
    sent = wire.forced(checked, Hired("hired-model"), 100)
    assert asked is None or asked >= 1
    assert set(checked) <= set(wire.rule.known)
    assert wire.rule.check(checked, "", Notes()) == checked  # what was allowed is allowed as it is sent
    assert not {"n", "metadata", "background", "previous_response_id", "cachedContent", "mcp_servers"} & set(sent)
    assert sent.get("store", False) is False
    if wire.name != "gemini":
        assert sent["model"] == "hired-model"
    text = _refused_or(lambda: encode_body(sent).decode())
    return None if isinstance(text, GatewayRefusal) else text


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return each place of a body, as the holder and the key."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [place for key in keys for place in ((value, key), *_places(value[key]))]


def _objects(value: Any) -> list[dict[str, Any]]:
    """Return each object of a body that a provider reads itself."""
    found = [value] if isinstance(value, dict) else []
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    return found + [item for key, child in children if not _is_free(key, child) for item in _objects(child)]


def _is_free(key: Any, child: Any) -> bool:
    return key in FREE and isinstance(child, dict)


@given(
    st.lists(
        st.sampled_from([b"data: ", b"{}", b'{"a":1}', b"\n", b"\r", b"\r\n", b"\n\n", b": x", b"[DONE]", b"\xff"])
    ),
    st.integers(1, 9),
)
@settings(max_examples=EXAMPLES * 2, deadline=None)
def test_a_stream_is_split_into_the_same_events_whatever_its_pieces_are(parts: list[bytes], size: int) -> None:
    content = b"".join(parts)
    whole, pieces = EventSplitter(), EventSplitter()
    events = list(whole.feed(content))
    assert b"".join(events) + whole.rest() == content
    cut = [event for at in range(0, len(content), size) for event in pieces.feed(content[at : at + size])]
    assert b"".join(cut) + pieces.rest() == content
    assert [data_of(event) for event in cut] == [data_of(event) for event in events]


@given(
    st.decimals(0, 2, places=6),
    st.integers(0, 200_000),
    st.integers(0, 150_000),
    st.integers(1, 100_000),
    st.booleans(),
)
@settings(max_examples=EXAMPLES, deadline=None)
def test_the_output_within_a_rest_is_the_most_that_fits(
    usd: Decimal, tokens: int, asked: int, wanted: int, writes_cache: bool
) -> None:
    meter = Meter("http://x", "m", Rates(Decimal("3"), Decimal("15")), 100_000, writes_cache=writes_cache)
    left = Amount(usd, tokens)
    output = meter.output_within(left, asked, wanted)
    assert output <= wanted
    if output > 0:
        assert meter.bound(asked, output).fits(left)
    if output < wanted:
        assert not meter.bound(asked, max(output, 0) + 1).fits(left)


@given(st.sampled_from(["GET", "POST", "DELETE"]), st.text(alphabet="/v1betamodels:.%?=&chat-completions", max_size=60))
@settings(max_examples=EXAMPLES, deadline=None)
def test_a_path_is_refused_or_one_of_the_list(method: str, path: str) -> None:
    try:
        matched = match(method, f"/{path}")
    except GatewayRefusal:
        return
    assert matched.route.method == method


def test_the_honest_requests_are_read_and_allowed() -> None:
    """The control of all tests above."""
    names: list[WireName] = list(PATHS)
    for name in names:
        kind, request = asyncio.run(_read([post(PATHS[name], honest_body(name))]))
        assert kind == "read"
        wire = next(wire for wire in WIRES if wire.name == name)
        assert match("POST", request.target).route.wire == name
        assert _checked(wire, parse_body(request.body)) is not None
