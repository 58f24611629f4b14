"""Dependencies: resolved to a lock, installed from a local index of wheels, and visible to every kind of case."""

import asyncio
import shutil
from pathlib import Path

import pytest

from domain.errors import Invalid, Refused, Unavailable
from tests.sandboxes import sandbox
from tests.wheels import NOWHERE, make_wheel, only_from
from verification.judge import Candidate, judge
from verification.packages.libraries import installed, libraries_of, lock_of, modules_in, resolved
from verification.requirements.model import Requirement
from verification.requirements.parser import parse_requirement
from verification.sandbox.bubblewrap import Bubblewrap
from verification.verdict.model import Verdict

__all__ = ["sandbox"]

LOUD = {"loud/__init__.py": "from quiet import low\n\ndef loud(text):\n    return low(text).upper() + '!'\n"}
QUIET = {"quiet.py": "def low(text):\n    return text.strip()\n"}
REQUIREMENT = """---
aura: 1
title: Shouting
deliver: http
command: "shout = shout:main"
serve: {run: ["python3", "-m", "shout"], ready: "GET /health"}
scope: ["shout.py", "loud.py"]
budget: {usd: "1.00", tokens: 1000, minutes: 5}
dependencies: ["loud==1.0"]
---
# Shouting

```yaml acceptance
- id: A1
  says: it shouts
  cases:
    - {call: "shout:shout", args: [" hey "], returns: "HEY!"}
    - {run: ["shout", "hey"], stdout: "HEY!\\n"}
    - steps:
        - {request: "GET /hey", status: 200, body_contains: "HEY!"}
```
"""
SHOUT = b"""
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from loud import loud

def shout(text):
    return loud(text)

def main():
    print(shout(sys.argv[1]))

class Door(BaseHTTPRequestHandler):
    def do_GET(self):
        body = shout(self.path[1:]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Door).serve_forever()
"""


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Yield an index with the package `loud`, which needs `quiet`."""
    folder = tmp_path / "index"
    only_from(folder, monkeypatch)
    make_wheel(folder, "loud", "1.0", LOUD, ["quiet>=1"])
    make_wheel(folder, "quiet", "1.5", QUIET)
    return folder


def requirement(**given: bytes) -> Requirement:
    return parse_requirement(REQUIREMENT.encode(), None, name="shout", folder=None, fixtures=given)


async def test_a_lock_names_all_that_is_needed_and_is_not_resolved_again(index: Path, tmp_path: Path) -> None:
    said: list[str] = []
    lock = await resolved(["loud==1.0"], tmp_path / "kept", said.append)
    assert [line.split()[0] for line in lock.decode().splitlines()] == ["loud==1.0", "quiet==1.5"]
    assert any("loud==1.0" in line for line in said)
    make_wheel(index, "quiet", "1.6", QUIET)
    assert await resolved(["loud==1.0"], tmp_path / "kept", said.append) == lock
    newer = await resolved(["loud==1.0"], tmp_path / "other")
    assert b"quiet==1.6" in newer
    shutil.rmtree(index)
    folder = await installed(lock, tmp_path / "kept")
    assert modules_in(folder) == {"loud", "quiet"}
    assert folder.stat().st_mode & 0o777 == 0o755
    assert sorted(path.name for path in (tmp_path / "kept").glob("making-*")) == []


@pytest.mark.slow
@pytest.mark.ci
async def test_other_bytes_under_a_locked_name_are_refused(index: Path, tmp_path: Path) -> None:
    lock = await resolved(["loud==1.0"], tmp_path / "first")
    assert (await installed(lock, tmp_path / "second")).is_dir()
    make_wheel(index, "quiet", "1.5", {"quiet.py": "def low(text):\n    return 'evil'\n"})
    with pytest.raises(Refused, match=r"The hash of quiet==1\.5 in the package index differs") as refused:
        await installed(lock, tmp_path / "third")
    assert refused.value.code == "library_changed"
    assert list((tmp_path / "third").iterdir()) == []


@pytest.mark.usefixtures("index")
@pytest.mark.slow
@pytest.mark.ci
async def test_two_at_once_make_one_folder(tmp_path: Path) -> None:
    lock = await resolved(["loud==1.0"], tmp_path / "first")
    one, other = await asyncio.gather(installed(lock, tmp_path / "second"), installed(lock, tmp_path / "second"))
    assert one == other
    assert [path.name for path in (tmp_path / "second").iterdir()] == [one.name]


@pytest.mark.slow
@pytest.mark.ci
async def test_what_cannot_be_had_is_said_in_one_sentence(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Invalid, match=r"no wheel of loud==2\.0") as missing:
        await resolved(["loud==2.0"], tmp_path / "kept")
    assert "1.0" in missing.value.hint
    make_wheel(index, "rude", "1.0", {"rude.py": ""}, ["quiet<1"])
    with pytest.raises(Invalid, match="no wheel of quiet"):
        await resolved(["rude==1.0"], tmp_path / "kept")
    with pytest.raises(Invalid, match="conflict with each other"):
        await resolved(["loud==1.0", "quiet==1.5", "quiet==1.4"], tmp_path / "kept")
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", NOWHERE)
    with pytest.raises(Unavailable, match="the package index does not answer") as offline:
        await resolved(["nosuch==1.0"], tmp_path / "kept")
    assert "pip config list" in offline.value.hint


async def test_sources_are_not_built(index: Path, tmp_path: Path) -> None:
    """A source distribution could run anything while it is built."""
    mark = tmp_path / "ran"
    source = tmp_path / "evil-1.0"
    source.mkdir()
    (source / "setup.py").write_text(
        f"open({str(mark)!r}, 'w').close()\nfrom setuptools import setup\nsetup(name='evil')"
    )
    shutil.make_archive(str(index / "evil-1.0"), "gztar", tmp_path, "evil-1.0")
    with pytest.raises(Invalid, match="no wheel of evil"):
        await resolved(["evil==1.0"], tmp_path / "kept")
    assert not mark.exists()


async def verdict(given: Requirement, tree: dict[str, bytes], box: Bubblewrap, libraries: Path | None) -> Verdict:
    return await judge(
        Candidate(requirement=given, tree=tree, libraries=libraries, mutants_max=0),
        sandbox=box,
        seed=3,
        allow_degraded=True,
    )


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.needs_sandbox
@pytest.mark.usefixtures("index")
async def test_calls_commands_and_services_see_them(tmp_path: Path, sandbox: Bubblewrap) -> None:
    """Also where the box's user cannot walk to the folder."""
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    folder = await libraries_of(requirement(), hidden / "kept")
    right = await verdict(requirement(), {"shout.py": SHOUT}, sandbox, folder)
    assert right.verified, right.findings
    without = await verdict(requirement(), {"shout.py": SHOUT}, sandbox, None)
    assert {finding.kind for finding in without.findings} == {"did_not_start"}


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.needs_sandbox
@pytest.mark.usefixtures("index")
async def test_the_project_comes_first_and_hiding_is_said(tmp_path: Path, sandbox: Bubblewrap) -> None:
    folder = await libraries_of(requirement(), tmp_path / "kept")
    own = {"shout.py": SHOUT, "loud.py": b"def loud(text):\n    return 'OWN'\n"}
    found = await verdict(requirement(), own, sandbox, folder)
    assert "OWN" in found.findings[0].detail
    noted = {gate.gate: (gate.result, gate.text) for gate in found.gates}
    assert noted["shadowing"][0] == "noted"
    assert "loud" in noted["shadowing"][1]


async def test_a_lock_must_name_the_pins(tmp_path: Path) -> None:
    given = requirement(**{"/dependencies.lock": f"other==1.0 --hash=sha256:{'0' * 64}\n".encode()})
    with pytest.raises(Invalid, match=r"does not contain loud==1\.0"):
        await lock_of(given, tmp_path)
