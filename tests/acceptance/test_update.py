"""A running checkout of release 0.1.0 gets the present sources, as with `git pull`, and continues."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.house import Sample
from tests.releases import RELEASE, release

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.needs_sandbox,
    pytest.mark.needs_git,
]

ROOT = Path(__file__).parents[2]
SCRIPT = "import sys\nfrom director.cli import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
"""The text of `.venv/bin/aura`, as pip wrote it for release 0.1.0."""
WAIT_S = 180.0
POLL_S = 0.2
SETTLED_S = 5.0  # after a change of its file, when the former worker of an employee has gone
CALL_S = 15.0


class Checkout:
    """A checkout with its own home. The script that release 0.1.0 installed runs every command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sources = folder / "checkout"
        self.home = folder / "home"
        self.script = folder / "aura"
        self.script.write_text(SCRIPT)

    def pull(self) -> None:
        """Replace the old sources by the present sources. Untracked files stay."""
        for path in self._listed("git", "ls-tree", "-r", "--name-only", RELEASE):
            (self.sources / path).unlink(missing_ok=True)
        for path in self._listed("git", "ls-files", "--cached", "--others", "--exclude-standard"):
            if (ROOT / path).is_file():
                (self.sources / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / path, self.sources / path)

    @staticmethod
    def _listed(*command: str) -> list[str]:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    def run(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """Run a command that must end with `code`, and return its data."""
        data: dict[str, Any] = self.answer(*arguments, code=code)["data"]
        return data

    def error(self, *arguments: str, code: int) -> dict[str, Any]:
        """Return the error of a command that ends with `code`."""
        error: dict[str, Any] = self.answer(*arguments, code=code)["error"]
        return error

    def answer(self, *arguments: str, code: int) -> dict[str, Any]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AURA_", "OPENAI_"))}
        environment |= {"AURA_HOME": str(self.home), "AURA_ALLOW_DEGRADED": "1", "PYTHONPATH": str(self.sources)}
        done = subprocess.run(
            [sys.executable, self.script, *arguments, "--json"],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        whole: dict[str, Any] = json.loads(done.stdout)
        return whole

    def until(self, found: Callable[[], object]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not found():
            assert time.monotonic() < deadline, (self.run("status"), self.logs())
            time.sleep(POLL_S)

    def phase(self, run: str) -> str:
        lines = {line["run"]: line for line in self.run("runs")["runs"]}
        return str(lines[run]["outcome"] or lines[run]["phase"]) if run in lines else ""

    def logs(self) -> str:
        return "\n".join(
            path.read_text(errors="replace") for path in sorted((self.home / "run" / "logs").glob("*.log"))
        )

    def calling(self) -> bool:
        """Whether an attempt of the only run is in progress."""
        runs = self.run("runs")["runs"]
        attempts = self.run("run", "show", str(runs[0]["run"]))["attempts"] if runs else []
        return any(attempt["outcome"] is None for attempt in attempts)


@pytest.fixture
def checkout() -> Iterator[Checkout]:
    folder = Path(tempfile.mkdtemp(prefix="aura-update-"))
    folder.chmod(0o711)
    found = Checkout(folder)
    release(found.sources)
    try:
        yield found
    finally:
        found.run("down")
        shutil.rmtree(folder, ignore_errors=True)


def begun(checkout: Checkout) -> str:
    """Begin a run under release 0.1.0 with a slow call, and return its id."""
    sample = Sample(1)
    (checkout.folder / "adders.md").write_bytes(sample.source)
    (checkout.folder / "adders.sealed.yaml").write_bytes(sample.sealed)
    script = checkout.folder / "answers.json"
    answers = {name: [sample.right(name)] for name in sample.numbers}
    script.write_text(json.dumps(answers))
    checkout.run("up", "--no-model")
    checkout.run("hire", "slow", "--script", str(script), "--wall-s", str(3 * CALL_S))
    (posting,) = (checkout.home / "employees").glob("*.json")
    posting.write_text(json.dumps(json.loads(posting.read_text()) | {"delay_s": CALL_S}))
    time.sleep(SETTLED_S)
    run = str(checkout.run("submit", "adders.md")["run"])
    checkout.until(checkout.calling)
    return run


def test_the_processes_of_the_former_release_carry_an_open_run_to_its_end(checkout: Checkout) -> None:
    run = begun(checkout)
    checkout.pull()
    assert checkout.run("status")["running"] is True
    assert checkout.error("run", "show", run, code=69)["code"] == "other_release"
    checkout.until(lambda: checkout.phase(run) == "delivered")
    print([(child["name"], child["restarts"]) for child in checkout.run("status")["children"]])
    checkout.run("down")
    checkout.run("up", "--no-model")
    checkout.until(lambda: set(checkout.run("status").get("lag", {"none": 1}).values()) == {0})
    assert checkout.run("replay", "--check")["differences"] == []


def test_an_open_run_goes_on_after_down_and_up(checkout: Checkout) -> None:
    run = begun(checkout)
    checkout.pull()
    assert checkout.run("status")["running"] is True
    assert checkout.run("down")["running"] is False
    assert checkout.run("status", code=69)["running"] is False
    checkout.run("up", "--no-model")
    checkout.until(lambda: checkout.phase(run) == "delivered")
    assert checkout.run("replay", "--check")["differences"] == []
