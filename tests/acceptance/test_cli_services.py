"""The notes service of the examples, through the command line: a scripted employee delivers it, and it is judged."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.acceptance.cli import WAIT_S, Aura, homely
from tests.services import FOLDER, FORGETFUL

pytestmark = pytest.mark.needs_sandbox
FILE = str(FOLDER / "notes-service.md")


@pytest.fixture
def aura(tmp_path: Path) -> Aura:
    return Aura(tmp_path)


def tree(folder: Path, code: bytes) -> str:
    folder.mkdir()
    (folder / "notes.py").write_bytes(code)
    return str(folder)


def test_a_wrong_one_is_rejected(aura: Aura, tmp_path: Path) -> None:
    """The control is the right one, which is judged when it is delivered."""
    assert aura.json("check", FILE)["tasks"] == ["T1"]
    wrong = aura.answer("judge", FILE, tree(tmp_path / "wrong", FORGETFUL), "--allow-degraded", code=1)
    assert wrong["error"]["code"] == "rejected"
    assert {each["kind"] for each in wrong["data"]["findings"]} == {"wrong_result", "sealed_failed"}


@pytest.mark.slow
@pytest.mark.needs_postgres
@pytest.mark.needs_nats
def test_the_example_is_delivered() -> None:
    """The recorded employee first forgets, then keeps; what is delivered starts as its README says."""
    with homely("up", "--no-model") as home:
        aura = home.inside()
        aura.json("hire", "anna", "--script", str(FOLDER / "answers.json"))
        line = aura.json("submit", FILE, "--wait")
        assert line["phase"] == "delivered"
        shown = aura.json("run", "show", line["run"])
        assert [one["verified"] for one in shown["attempts"]] == [False, True]
        folder = Path(line["folder"])
        assert aura.json("judge", FILE, str(folder), "--allow-degraded")["verified"] is True
        readme = (folder / "README.md").read_text(encoding="utf-8")
        assert "PORT=8000 DATA=data .venv/bin/python3 -m notes" in readme
        assert "-m pytest tests/acceptance" in readme
        starts(folder)


def starts(folder: Path) -> None:
    """Start the delivered service on a free port, with its data in a separate folder."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "data").mkdir()
    own = {"PATH": os.environ["PATH"], "PORT": str(port), "DATA": "data"}
    with subprocess.Popen([sys.executable, "-m", "notes"], cwd=folder, env=own, stderr=subprocess.DEVNULL) as service:
        try:
            deadline = time.monotonic() + WAIT_S
            while True:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=WAIT_S) as answer:
                        assert json.load(answer) == {"notes": 0}
                    return
                except urllib.error.URLError:
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
        finally:
            service.terminate()
