"""Services that are wrong, cheat or misbehave: each gets its typed finding. Similar right services pass."""

import asyncio
import os
import socket

import pytest

from tests.attacks.leftovers import descriptors, gone, groups_of, processes_with
from tests.cheats.wrong_services import ADDS, BEGINS, FORGES, LITERALS, WRONG
from tests.services import RIGHT, changed, verdict_of
from tests.tiers import CI, every_fourth
from verification.judge import Candidate, judge
from verification.requirements.parser import parse_requirement
from verification.sandbox.bubblewrap import Bubblewrap

pytestmark = pytest.mark.needs_sandbox


LONG = ("is never ready", "claims more than it sends")  # they are waited for until the judge gives up


@pytest.mark.parametrize("name", every_fourth(WRONG, slow=LONG))
async def test_a_wrong_service_is_refused(sandbox: Bubblewrap, name: str) -> None:
    code, criterion, kinds, told = WRONG[name]
    found = await verdict_of(code, sandbox, criterion, within_s=3.0)
    assert not found.verified
    seen = {each.kind for each in found.findings}
    assert seen <= kinds | {"sealed_failed"}, found.findings
    assert seen & kinds, found.findings
    assert any(told in each.for_author for each in found.findings), found.findings


async def test_answers_from_visible_cases_are_told_as_such(sandbox: Bubblewrap) -> None:
    found = await verdict_of(LITERALS, sandbox, "A1", "A3")
    assert not found.verified
    assert [result.visible_passed for result in found.criteria] == [2, 1], found.findings
    kinds = {(each.kind, each.criterion) for each in found.findings}
    assert {("sealed_failed", "A1"), ("sealed_failed", "A3"), ("hard_coded", "A1"), ("hard_coded", "A3")} == kinds


MARKS = """def main():
    marks = [os.path.join(folder, "mark") for folder in ("/tmp", "/dev/shm", "/work", os.getcwd())]
    if any(os.path.exists(mark) for mark in marks):
        raise SystemExit("somebody was here before")
    for mark in marks:
        open(mark, "w").close()
"""
ROOMS = """def main():
    made, rooms = (os.path.join(os.environ["DATA"], name) for name in ("made", "rooms"))
    if not os.path.exists(made):
        os.makedirs(os.path.join(rooms, "empty"))
        open(made, "w").close()
    if os.listdir(rooms) != ["empty"]:
        raise SystemExit("an empty folder was lost")
"""


STAYS = f"{BEGINS}    import signal\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"


@pytest.mark.parametrize(
    "code",
    [
        RIGHT,
        pytest.param(changed(BEGINS, MARKS), marks=CI),
        pytest.param(changed(BEGINS, ROOMS), marks=[pytest.mark.slow, pytest.mark.ci]),
        pytest.param(changed(BEGINS, FORGES), marks=CI),
        pytest.param(changed(BEGINS, STAYS), marks=pytest.mark.slow),
        pytest.param(
            changed("json.dumps(value)", 'json.dumps(value, ensure_ascii=False, separators=(",", ":"), indent=1)'),
            marks=[pytest.mark.slow, pytest.mark.ci],
        ),
        pytest.param(
            changed('self.send_header("Content-Length", str(len(body)))', "pass"),
            marks=[pytest.mark.slow, pytest.mark.ci],
        ),
    ],
    ids=[
        "as it is",
        "leaves marks",
        "makes folders once",
        "forges, but is right",
        "does not end by itself",
        "other spaces",
        "no length",
    ],
)
async def test_a_right_service_is_accepted(sandbox: Bubblewrap, code: bytes) -> None:
    found = await verdict_of(code, sandbox)
    assert found.verified, found.findings


async def test_a_service_reaches_nothing_outside(sandbox: Bubblewrap) -> None:
    """It tells a listener on this machine what it was asked; nobody hears it, but hears us."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        tell = f"socket.create_connection(('127.0.0.1', {port}), timeout=5).sendall(b'the service')"
        code = changed(ADDS, f"            import socket\n            {tell}\n{ADDS}")
        found = await verdict_of(code, sandbox, "A3")
        with socket.create_connection(("127.0.0.1", port)) as control:
            control.sendall(b"the test")
        line, _ = listener.accept()
        with line:
            assert line.recv(100) == b"the test"
    assert not found.verified
    assert any("closed the connection" in each.for_author for each in found.findings), found.findings


@pytest.mark.parametrize(
    "names", [("as it is", "forks without end"), pytest.param(("hangs", "exits after readiness", "floods"), marks=CI)]
)
async def test_nothing_is_left_behind(sandbox: Bubblewrap, names: tuple[str, ...]) -> None:
    mark = f"notes-left-behind-{os.urandom(6).hex()}"
    before = descriptors()
    for name in names:
        code = RIGHT if name == "as it is" else WRONG[name][0]
        await verdict_of(code, sandbox, "A3", mark=mark)
    assert await gone(mark)
    assert groups_of(os.getpid()) == []
    assert descriptors() <= before


LOOKS = """def main():
    found = []
    for name in ("mem", "maps", "environ", "fd"):
        try:
            name == "fd" and os.listdir(f"/proc/{os.getppid()}/fd") or open(f"/proc/{os.getppid()}/{name}", "r+b")
            found.append(name)
        except OSError:
            pass
    raise SystemExit(f"found {found} of {os.getppid()}")
"""


async def test_the_doorkeeper_is_closed_to_the_service(sandbox: Bubblewrap) -> None:
    """Neither its memory nor its descriptors can be opened; those of the service's own process can."""
    found = await verdict_of(changed(BEGINS, LOOKS), sandbox, "A3")
    assert any("found [] of" in each.for_author for each in found.findings), found.findings
    control = await verdict_of(changed(BEGINS, LOOKS.replace("os.getppid()", "os.getpid()")), sandbox, "A3")
    assert any("'mem'" in each.for_author for each in control.findings), control.findings


HANGS = changed(BEGINS, "def main():\n    import time\n    time.sleep(600)\n")


@pytest.mark.parametrize("code", [RIGHT, HANGS], ids=["before its service runs", "while its service runs"])
async def test_a_judge_that_is_stopped_leaves_nothing(sandbox: Bubblewrap, code: bytes) -> None:
    """The service that hangs keeps the judge at work, so that the judge cannot have ended before the stop."""
    before, mark = descriptors(), f"notes-stopped-{os.urandom(6).hex()}"
    judging = asyncio.ensure_future(verdict_of(code, sandbox, "A3", mark=mark))
    await asyncio.sleep(0)
    while code == HANGS and not judging.done() and not processes_with(mark):  # noqa: ASYNC110 - no event says it
        await asyncio.sleep(0.02)
    judging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await judging
    assert await gone(mark)
    assert groups_of(os.getpid()) == []
    assert descriptors() <= before


@pytest.mark.slow
async def test_the_right_one_is_accepted_three_times(sandbox: Bubblewrap) -> None:
    for _ in range(3):
        found = await verdict_of(RIGHT, sandbox)
        assert found.verified, found.findings


NAMELESS = """---
aura: 1
title: Notes
deliver: http
serve: {run: ["python3", "-m", "notes"], ready: "GET /health"}
scope: ["notes.py"]
budget: {usd: "1.00", tokens: 1000, minutes: 5}
---
# Notes

```yaml acceptance
- id: A1
  says: what was posted is found
  cases:
    - steps:
        - {request: "POST /notes", json: {text: "milk"}, status: 201, save: {id: body.id}}
        - {request: "GET /PLACE", body_contains: "${id}"}
```
"""
KEEPS = """
import json, os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def say(self, status, value):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def do_POST(self):
        self.say(201, {"id": "ID"})

    def do_GET(self):
        self.say(200, ["ID"])

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.mark.parametrize(
    ("name", "place", "told"),
    [("k7", "notes/${id}", ""), ("", "notes/${id}", "`id` is empty"), ("", "found", "so the check would always pass")],
)
async def test_an_empty_name_is_none(sandbox: Bubblewrap, name: str, place: str, told: str) -> None:
    asked = parse_requirement(NAMELESS.replace("PLACE", place).encode(), None, name="notes", folder=None)
    tree = {"notes.py": KEEPS.replace("ID", name).encode()}
    found = await judge(
        Candidate(requirement=asked, tree=tree, whole=False), sandbox=sandbox, seed=3, allow_degraded=True
    )
    assert [told in each.for_author for each in found.findings] == ([True] if told else [])
    assert found.verified is not bool(told)
