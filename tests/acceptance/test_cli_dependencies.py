"""A requirement with a dependency, through the command line: a scripted employee delivers it, and it is judged."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.cli import Aura, homely
from tests.wheels import NOWHERE
from verification.requirements.dependencies import locked

pytestmark = pytest.mark.needs_sandbox
FOLDER = Path(__file__).resolve().parents[2] / "examples" / "link-slugs"
FILE = str(FOLDER / "link-slugs.md")
PIN = "python-slugify==8.0.4"
ASK_WALL_S = 60.0


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip the test if no package index has the library of the example."""
    words = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--retries", "0", "-d"]
    folder = str(tmp_path_factory.mktemp("wheels"))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip", *words, folder, PIN], capture_output=True, timeout=ASK_WALL_S, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"no package index answers for {PIN}")
    if done.returncode != 0:
        pytest.skip(f"no package index answers for {PIN}")


def test_without_an_index_it_says_so(tmp_path: Path) -> None:
    aura = Aura(tmp_path, PIP_INDEX_URL=NOWHERE, PIP_FIND_LINKS="", PIP_CONFIG_FILE="/dev/null")
    assert aura.json("check", FILE)["tasks"] == ["T1", "T2"]
    (tmp_path / "tree").mkdir()
    error = aura.json("judge", FILE, str(tmp_path / "tree"), code=69)
    assert error["code"] == "index_unreachable"
    assert PIN in error["message"]
    assert "pip config list" in error["hint"]


@pytest.mark.slow
@pytest.mark.needs_postgres
@pytest.mark.needs_nats
@pytest.mark.usefixtures("index")
def test_the_example_is_delivered(tmp_path: Path) -> None:
    """The first answer does without the library and fails; what is delivered names its pin and is judged again."""
    with homely("up", "--no-model") as home:
        aura = home.inside()
        aura.json("hire", "anna", "--script", str(FOLDER / "answers.json"))
        line = aura.json("submit", FILE, "--wait")
        assert line["phase"] == "delivered"
        shown = aura.json("run", "show", line["run"])
        assert [one["verified"] for one in shown["attempts"]] == [False, True, True]
        folder = Path(line["folder"])
        assert f'dependencies = ["{PIN}"]' in (folder / "pyproject.toml").read_text(encoding="utf-8")
        lock = locked((folder / "requirements.lock").read_bytes()) or {}
        assert lock["python-slugify"][0] == "8.0.4"
        assert "text-unidecode" in lock, "what the pin leaves open"
        exact = (
            "install",
            "--quiet",
            "--require-hashes",
            "--target",
            str(tmp_path / "site"),
            "-r",
            "requirements.lock",
        )
        subprocess.run([sys.executable, "-m", "pip", *exact], cwd=folder, check=True)
        assert {"slugify", "text_unidecode"} <= {path.name for path in (tmp_path / "site").iterdir()}
        assert "requirements.lock" in aura.json("attestation", "verify", str(folder))["delivered"]
        words = ("judge", FILE, str(folder), "--allow-degraded")
        again = aura.json(*words, PIP_INDEX_URL=NOWHERE, PIP_FIND_LINKS="", PIP_CONFIG_FILE="/dev/null")
        assert again["verified"] is True
        gates = {gate["gate"]: gate["result"] for gate in again["gates"]}
        assert gates["smoke"] == "passed"
