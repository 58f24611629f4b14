"""The checks of a request that every reader on its way must understand in the same way."""

import pytest

from director.http.request_checks import FORM, HEAD_BYTES_MAX, HEADERS_MAX, SINGLE, fault_of_body, fault_of_head

JSON = "application/json"
Pairs = list[tuple[str, str]]


def head(*headers: tuple[str, str], path: str = "/api/me", query: bytes = b"") -> str:
    """Return the code of the fault of a request; "" if it has none."""
    raw = [(name.encode(), value.encode()) for name, value in (("host", "localhost"), *headers)]
    scope = {"type": "http", "path": path, "raw_path": path.encode(), "query_string": query, "headers": raw}
    fault = fault_of_head(scope)
    return "" if fault is None else fault.code


@pytest.mark.parametrize(
    ("refused", "permitted"),
    [
        ([("transfer-encoding", "chunked"), ("content-length", "4")], [("transfer-encoding", "chunked")]),
        ([("x", "a" * HEAD_BYTES_MAX)], [("x", "a" * (HEAD_BYTES_MAX - 100))]),
        ([(f"x-{n}", "") for n in range(HEADERS_MAX)], [(f"x-{n}", "") for n in range(HEADERS_MAX - 1)]),
        *(([(name, "a"), (name, "b")], [(name, "a"), ("accept", "a"), ("accept", "b")]) for name in SINGLE),
    ],
)
def test_an_ambiguous_or_large_head_is_refused(refused: Pairs, permitted: Pairs) -> None:
    assert head(*refused) in ("invalid", "large_head")
    assert head(*permitted) == ""


def test_a_nul_in_the_address_is_refused() -> None:
    assert head(path="/api/\0") == head(query=b"text=%00") == "invalid"
    assert head(query=b"text=%0") == ""
    assert head(query=b"a" * HEAD_BYTES_MAX) == "large_head"


@pytest.mark.parametrize(
    ("kind", "refused", "permitted"),
    [
        (JSON, b'{"a": 1, "a": 2}', b'{"a": 1, "b": {"a": 2}}'),
        (JSON, b'[{"b": {"a": 1, "a": 2}}]', b'[{"a": 1}, {"a": 2}]'),
        ("application/problem+json; charset=utf-8", b'{"a": 1, "a": 2}', b'{"a": 1}'),
        (JSON, b'{"a": NaN}', b'{"a": 1e5}'),
        (JSON, b'{"a": "\\u0000"}', b'{"a": "\\\\u0000"}'),
        (JSON, b'{"\\u0000": 1}', b'{"0000": 1}'),
        (JSON, b'["\\ud800"]', b'["\\ud83d\\ude00"]'),
        (JSON, b"[" * 100_000, b"[" * 20 + b"]" * 20),
        (JSON, '{"a": 1}'.encode("utf-16"), '{"a": "é"}'.encode()),
        (JSON, b"9" * 5000, b"9" * 4000),
        (FORM, b"reason=a%00b", b"reason=a%20b"),
        (FORM, b"reason=a\0b", b""),
    ],
)
def test_a_body_that_two_readers_could_understand_differently_is_refused(
    kind: str, refused: bytes, permitted: bytes
) -> None:
    fault = fault_of_body(kind, refused)
    assert fault is not None
    assert fault.code == "invalid"
    assert fault_of_body(kind, permitted) is None


def test_a_body_of_another_type_is_left_to_its_reader() -> None:
    assert fault_of_body("text/plain", b'{"a": 1, "a": 2}') is None
    assert fault_of_body(JSON, b"") is None
