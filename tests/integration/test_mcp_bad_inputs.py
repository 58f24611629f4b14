"""Generated bad messages at both transports: each gets a coded error and no traceback, and the server lives on."""

import asyncio
import json
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

import httpx2
import pytest

from director.mcp.registry import TOOLS
from tests.integration.house import House
from tests.integration.mcp_site import McpSite, mcp_site

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.slow]
SEED = 20261201
ODD: Sequence[Any] = (
    None, True, False, -1, 0, 2**31, 2**63, 2**70, 1e308, 0.5, "", " ", "x", "\0", "a\0b", "\ud800", "\udfff",
    "../../etc/passwd", "' OR 1=1 --", "%00", "$(id)", "last\n", "ffffffff-ffff-ffff-ffff-ffffffffffff", "9" * 400,
    "x" * 5000, [], ["x"], {}, {"x": 1}, {"\0": 1}, {"a/../b": "x"}, [[[[[[[[[[1]]]]]]]]]], "🦊" * 50,
)  # fmt: skip
"""Values that fit nowhere, or only just."""
CALLS_EACH = 14


def bad_calls() -> Iterator[dict[str, Any]]:
    """Yield calls of tools with odd arguments. Some may happen to be valid, for example an empty list of filters."""
    draw = random.Random(SEED)
    for tool in TOOLS:
        fields = list(tool.arguments.__struct_fields__)
        for _ in range(CALLS_EACH):
            chosen = {name: draw.choice(ODD) for name in fields if draw.random() < 0.8}
            extra = {draw.choice(["x", "role", "as", "scopes", "user", "\0"]): draw.choice(ODD)}
            yield {"name": tool.name, "arguments": chosen | (extra if draw.random() < 0.3 or not fields else {})}
    names: Sequence[Any] = ("", "x", "Status", "status ", "../status", "\0", "x" * 5000, None, 5, [], {})
    for odd in names:
        yield {"name": odd, "arguments": {}}
    others: Sequence[Any] = ("x", 5, [], True)
    for arguments in others:
        yield {"name": "status", "arguments": arguments}


ODD_URIS: Sequence[Any] = (
    "", "x", "aura://", "aura://runs/", "aura://runs/a/b/c", "aura://runs/%00", "file:///etc/passwd", None, 5,
    "http://127.0.0.1:1/", "aura://runs/" + "x" * 5000, "aura://runs/\ud800",
)  # fmt: skip
ODD_PROMPTS: Sequence[tuple[Any, Any]] = (
    ("x", {}),
    ("write_requirement", {}),
    ("write_requirement", {"idea": 5}),
    ("write_requirement", {"idea": "\0"}),
    ("explain_rejected_run", {"run": "x", "y": "z"}),
    (None, None),
)
ODD_METHODS: Sequence[Any] = ("x", "", "tools/", "tools/call ", "../", None, 5, [], "resources/subscribe", "sampling/x")


def bad_requests() -> Iterator[dict[str, Any]]:
    """Yield requests that are no calls of tools, or no requests of the protocol."""
    for uri in ODD_URIS:
        yield {"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": uri}}
    for name, arguments in ODD_PROMPTS:
        yield {"jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": {"name": name, "arguments": arguments}}
    for method in ODD_METHODS:
        yield {"jsonrpc": "2.0", "id": 1, "method": method, "params": {}}
    for params in (None, 5, "x", [], [1]):
        yield {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    for version in ("1.0", None, 2, ""):
        yield {"jsonrpc": version, "id": 1, "method": "tools/list", "params": {}}
    yield {"jsonrpc": "2.0", "id": {}, "method": "tools/list"}
    yield {"jsonrpc": "2.0", "id": None, "method": "tools/list"}


BYTES: Sequence[bytes] = (
    b"", b"{", b"null", b"5", b'"x"', b"[]", b"[[]]", b"\xff\xfe", b"\0", b"NaN", b"[" * 20_000, b'{"a":' * 20_000,
    b'{"jsonrpc":"2.0","id":1e999,"method":"tools/list"}', b'{"jsonrpc":"2.0"}', b'{"id":1}',
    b'[{"jsonrpc":"2.0","id":1,"method":"tools/list"}]', b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}}',
)  # fmt: skip


def encoded(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode()  # it writes a lone surrogate as an escape, which JSON permits


@pytest.fixture
async def site(house: House, monkeypatch: pytest.MonkeyPatch) -> Any:
    async with mcp_site(house, monkeypatch, "recorder", "manager", "auditor", "accountant", "hr") as made:
        yield made


def problem_in(answer: Any) -> str:
    """Return the code of the error in an answer; empty for a result that is no error."""
    if "error" in answer:
        assert isinstance(answer["error"]["code"], int)
        assert answer["error"]["message"]
        return str(answer["error"]["code"])
    if answer["result"].get("isError"):
        error = json.loads(answer["result"]["content"][0]["text"])["error"]
        assert error["message"]
        assert error["hint"]
        assert error["code"] != "defect", error
        return str(error["code"])
    return ""


async def test_bad_messages_over_http_get_coded_errors_and_the_server_lives_on(site: McpSite) -> None:
    token = await site.token("viewer", "read")
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
    refused, fine = 0, 0
    calls = [{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call} for call in bad_calls()]
    messages = [*map(encoded, [*calls, *bad_requests()]), *BYTES]
    async with httpx2.AsyncClient(base_url=site.url, trust_env=False, timeout=120, headers=headers) as client:
        for message in messages:
            answer = await client.post("/mcp", content=message, headers={"Content-Type": "application/json"})
            assert answer.status_code < 500, (message[:200], answer.text)
            assert "Traceback" not in answer.text
            found = parsed(answer)
            assert found is not None or answer.status_code == 202, (message[:200], answer.text)  # a notification
            problem = problem_in(found) if found is not None else ""
            refused, fine = refused + bool(problem), fine + (not problem)
        control = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "status", "arguments": {}}}
        assert problem_in(parsed(await client.post("/mcp", json=control))) == ""
    print(f"{refused} of {len(messages)} refused, {fine} happened to be valid")
    assert refused >= 200


def parsed(answer: httpx2.Response) -> Any:
    """Return the message in an answer, which is JSON or one event; None for a body without a message."""
    if answer.headers.get("content-type", "").startswith("text/event-stream"):
        data = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
        return json.loads(data[-1]) if data else None
    try:
        return json.loads(answer.text)
    except ValueError:
        return None


async def test_bad_lines_at_stdio_get_coded_errors_and_the_server_lives_on(site: McpSite) -> None:
    """A line that is no message, such as one with a lone surrogate, gets no answer. All others are answered."""
    program = site.program(await site.token("viewer", "read"))
    process = await asyncio.create_subprocess_exec(
        program.command, *program.args, env=program.env, limit=2**24,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    calls = [
        {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": call}
        for number, call in enumerate(bad_calls(), 100)
    ]
    process.stdin.write(encoded({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}) + b"\n")
    process.stdin.write(encoded({"jsonrpc": "2.0", "method": "notifications/initialized"}) + b"\n")
    for line in (*BYTES, *map(encoded, bad_requests()), *map(encoded, calls)):
        process.stdin.write(line.replace(b"\n", b" ") + b"\n")
    process.stdin.write(
        encoded({"jsonrpc": "2.0", "id": 99_999, "method": "tools/call", "params": {"name": "status"}}) + b"\n"
    )
    await process.stdin.drain()
    readable = [call for call in calls if not re.search("[\ud800-\udfff]", json.dumps(call, ensure_ascii=False))]
    wanted = {call["id"] for call in readable} | {99_999}
    answers: dict[int, Any] = {}
    while wanted - answers.keys():
        async with asyncio.timeout(120):
            line = await process.stdout.readline()
        assert line, "the server has ended"
        answer = json.loads(line)
        if answer.get("id") in wanted:
            answers[answer["id"]] = answer
    refused = [number for number, answer in answers.items() if problem_in(answer)]
    assert 99_999 not in refused, "the control"
    assert len(refused) >= 200
    process.stdin.close()
    errors = await process.stderr.read() if process.stderr is not None else b""
    assert b"Traceback" not in errors, errors.decode()[-3000:]
    assert await asyncio.wait_for(process.wait(), 120) == 0
