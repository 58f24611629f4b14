"""The model gateway of a real box: an agent's program reaches the model through it, and nothing else."""

import socket

import pytest

from agents.gateway.box_channel import PORT, GatewayChannel, RelayOrder, relay_files
from tests.gateway_box import run_with_channel, run_with_gateway
from tests.gateways import SECRET, World, honest_body, world
from tests.provider_double import provider
from tests.providers import answering, endless
from tests.sandboxes import sandbox
from verification.sandbox.base import MIB, PYTHON, Limits, RunResult, RunSpec, Sandbox
from verification.sandbox.bubblewrap import Bubblewrap

__all__ = ["sandbox"]
pytestmark = pytest.mark.needs_sandbox
LIMITS = Limits(wall_s=60, processes=128, memory_bytes=512 * MIB)
ASK = """
import http.client, json, sys, threading
BODY = json.dumps(BODY_)
def ask():
    line = http.client.HTTPConnection("127.0.0.1", PORT_, timeout=120)
    line.request("POST", "/v1/chat/completions", BODY, {"Content-Type": "application/json"})
    answer = line.getresponse()
    try:
        text = answer.read()
    except http.client.IncompleteRead as cut:
        text = cut.partial
    return answer.status, text
"""


def _program(code: str, body: object = None) -> bytes:
    head = ASK.replace("BODY_", repr(body or honest_body("chat"))).replace("PORT_", str(PORT))
    return (head + code).encode()


async def _run(made: World, box: Sandbox, code: str, **order: object) -> RunResult:
    spec = RunSpec(argv=(), files={"agent.py": _program(code)}, limits=LIMITS)
    run = (PYTHON, "-I", "agent.py")
    return await run_with_gateway(box, spec, RelayOrder(run=run, **order), made.gateway.serve)  # type: ignore[arg-type]  # fields of RelayOrder


async def test_an_agent_reaches_the_model_and_its_exit_status_is_the_boxes(sandbox: Bubblewrap) -> None:
    async with world(answering("the sum")) as made:
        code = "status, text = ask(); print(status, 'the sum' in text.decode()); sys.exit(7)"
        result = await _run(made, sandbox, code)
        assert (result.exit_code, result.stdout, result.stderr) == (7, b"200 True\n", b"")
        assert made.account.calls[0].snapshot.outcome == "answered"


async def test_50_connections_at_once(sandbox: Bubblewrap) -> None:
    code = """
results = []
threads = [threading.Thread(target=lambda: results.append(ask()[0])) for _ in range(50)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sorted(results) == [200] * 50)
"""
    async with world(answering()) as made:
        result = await _run(made, sandbox, code)
        assert (result.stdout, result.exit_code) == (b"True\n", 0)
        assert len(made.account.calls) == 50


async def test_there_is_no_other_way_out(sandbox: Bubblewrap) -> None:
    """The control connects to the same address without a box."""
    async with world(answering()) as made, provider(answering()) as elsewhere:
        code = f"""
import socket
for address in (("127.0.0.1", {elsewhere.port}), ("127.0.0.1", {made.provider.port}), ("192.0.2.7", 80)):
    try:
        socket.create_connection(address, timeout=3)
        print("out", address)
    except OSError:
        print("no way")
print(ask()[0])
"""
        result = await _run(made, sandbox, code)
        assert result.stdout == b"no way\nno way\nno way\n200\n"
        assert elsewhere.connections == 0
        socket.create_connection(("127.0.0.1", elsewhere.port)).close()


async def test_the_key_is_not_in_the_box(sandbox: Bubblewrap) -> None:
    code = """
import os, pathlib
print(ask()[0])
held = [str(dict(os.environ))]
for place in ("/work", "/tmp", "/aura", "/proc/self", "/proc/1"):
    for path in pathlib.Path(place).rglob("*"):
        try:
            if path.is_file() and path.stat().st_size < 1_000_000:
                held.append(path.read_bytes().decode("latin-1"))
        except OSError:
            pass
print("KEY" + "-IN-BOX" if any(MARK in text for text in held) else "none")
"""
    async with world(answering()) as made:
        for mark, expected in ((SECRET, b"200\nnone\n"), ("Add two numbers", b"200\nKEY-IN-BOX\n")):
            spelled = f'MARK = "".join({list(mark)!r})\n'  # the program must not find itself
            result = await _run(made, sandbox, spelled + code)
            assert result.stdout == expected  # the second is the control: the search finds what the box has


async def test_a_hostile_relay_gets_no_further_than_the_gateway(sandbox: Bubblewrap) -> None:
    """The program has the door itself, as if it had taken over the relay. It sends odd packets and descriptors."""
    code = """
import os, socket
door = socket.socket(fileno=os.dup(0))
door.recv(65536)
for packet in (b"", b"x", b"take", b"open" * 5, b"open\\0"):
    if packet: door.send(packet)
with open("/dev/zero") as zero:
    for _ in range(20):
        socket.send_fds(door, [b"open"], [zero.fileno()] * 5)
lines = []
for _ in range(20):
    word, descriptors, _, _ = socket.recv_fds(door, 16, 1)
    lines.append((word, socket.socket(fileno=descriptors[0])))
for _, line in lines[1:]: line.close()
line = lines[0][1]
line.sendall(b"GET /v1/models HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
text = b""
while part := line.recv(65536): text += part
print(b"hired-model" in text)
"""
    async with world(answering()) as made:
        channel, spec = GatewayChannel(), RunSpec(argv=(PYTHON, "-I", "-c", code), limits=LIMITS)
        result = await run_with_channel(sandbox, spec, channel, RelayOrder(), made.gateway.serve)
        assert (result.stdout, result.stderr) == (b"True\n", b"")


async def test_a_box_that_opens_too_many_connections_is_told_that_there_is_no_room(sandbox: Bubblewrap) -> None:
    code = """
import os, socket
door = socket.socket(fileno=os.dup(0))
door.recv(65536)
held, words = [], []
for _ in range(80):
    door.send(b"open")
    word, descriptors, _, _ = socket.recv_fds(door, 16, 1)
    words.append(word); held += descriptors
print(words.count(b"take"), words.count(b"full"))
"""
    async with world(answering()) as made:
        channel, spec = GatewayChannel(), RunSpec(argv=(PYTHON, "-I", "-c", code), limits=LIMITS)
        result = await run_with_channel(sandbox, spec, channel, RelayOrder(), made.gateway.serve)
        assert result.stdout == b"64 16\n"
        assert channel.refused == 16


async def test_a_cut_stream_is_cut_for_the_agent_too(sandbox: Bubblewrap) -> None:
    async with world(endless(), output_tokens_max=50) as made:
        code = "status, text = ask(); print(status, len(text) > 100_000)"
        spec = RunSpec(
            argv=(), files={"agent.py": _program(code, {**honest_body("chat"), "stream": True})}, limits=LIMITS
        )
        order = RelayOrder(run=(PYTHON, "-I", "agent.py"))
        result = await run_with_gateway(sandbox, spec, order, made.gateway.serve)
        assert result.stdout == b"200 True\n"
        assert made.account.calls[0].snapshot.cost is None


async def test_a_large_request_that_is_refused_early_is_answered(sandbox: Bubblewrap) -> None:
    code = """
BODY = "x" * 9_000_000
status, text = ask()
print(status, json.loads(text)["error"]["code"])
"""
    async with world(answering()) as made:
        result = await _run(made, sandbox, code)
        assert result.stdout == b"413 too_large\n"


async def test_a_program_that_cannot_start_says_so(sandbox: Bubblewrap) -> None:
    async with world(answering()) as made:
        order = RelayOrder(run=("/no/such/agent",))
        result = await run_with_gateway(sandbox, RunSpec(argv=(), limits=LIMITS), order, made.gateway.serve)
        assert result.exit_code == 127
        assert b"/no/such/agent cannot be started" in result.stderr


def test_the_relay_is_a_file_of_the_standard_library_alone() -> None:
    (source,) = relay_files().values()
    names = [line.split()[1] for line in source.decode().splitlines() if line.startswith(("import ", "from "))]
    assert {"asyncio"} <= set(names) <= {"asyncio", "ctypes", "json", "os", "signal", "socket", "contextlib", "typing"}
