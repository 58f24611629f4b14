"""The demonstration with the real model, for many seeds: the delivered code is the model's own, and is verified."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agents.employees.providers import llama_cpp_server
from bus.embedded.home import Home
from bus.embedded.servers import postgres_at
from bus.store import Store
from verification.requirements.parser import read_requirement

ROOT = Path(__file__).resolve().parents[2]
SEEDS = 10
DEMO_WAIT_S = 900
GIVEN = ("items", "numbers", "words", "first, second")  # what the functions of the demonstration are given
SKIPPED_FOLDERS = {
    ".git",
    ".venv",
    ".aura",
    ".aura-demo",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    "__pycache__",
}

needs_model = pytest.mark.skipif(
    llama_cpp_server.model_available() is not None, reason=f"the embedded model: {llama_cpp_server.model_available()}"
)


def demo_home(home: Path) -> Path:
    """Return the home of a demonstration, which is a folder next to the user's home."""
    return home.with_name(f"{home.name}-demo")


def aura(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"AURA_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-m", "director", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEMO_WAIT_S,
        check=False,
    )


def demonstrate(home: Path) -> dict[str, Any]:
    """Run one demonstration, and return its report. The demonstration stops by itself."""
    try:
        done = aura(home, "demo", "--json")
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        data: dict[str, Any] = json.loads(done.stdout)["data"]
        assert aura(demo_home(home), "status").returncode == 69
        assert not home.exists(), "the user's home"
        return data
    finally:
        aura(demo_home(home), "down")


def project_files() -> list[Path]:
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not SKIPPED_FOLDERS & set(path.relative_to(ROOT).parts) and path.stat().st_size < 2**20
    ]


def functions_in(folder: Path) -> list[bytes]:
    """Return the delivered functions, by file."""
    return [path.read_bytes().strip() for path in sorted(folder.glob("*.py"))]


def holders_of(texts: list[bytes]) -> list[Path]:
    """Return the project's files that contain one of the texts."""
    return [path for path in project_files() if any(text in path.read_bytes() for text in texts)]


async def answers(home: Path, digests: list[str]) -> list[bytes]:
    """Return the model's answers from the log's blobs."""
    server = postgres_at(Home(home))
    await server.start()
    try:
        store = await Store.open(server.url)
        async with store.connection() as connection:
            rows = await connection.fetch("SELECT bytes FROM log.blob WHERE digest = ANY($1::text[])", digests)
        await store.close()
        return [bytes(row["bytes"]) for row in rows]
    finally:
        server.stop()


def hold(report: dict[str, Any]) -> None:
    """Check the facts that every demonstration must show."""
    assert len(report["tasks"]) == 5
    for task in report["tasks"]:
        assert task["provider"] == "llama.cpp"
        assert not task["scripted"]
        assert task["model_digest"] == llama_cpp_server.model_digest()
        assert task["attempts"] >= 1
        assert task["answer_digest"]
        assert task["verdict_event"]
    assert sum(task["rejected_real"] for task in report["tasks"]) >= 1
    cheaters = [person for person in report["staff"] if person["name"].startswith("cheater")]
    assert cheaters
    assert all(person["standing"] in ("suspended", "dismissed") for person in cheaters)
    assert report["delivery"]["outcome"] == "delivered"


def test_no_project_file_defines_a_function_as_the_model_writes_it() -> None:
    """A right solution among the tests, written as the model would, was once found to be its own."""
    tasks = read_requirement(ROOT / "examples/small-tools/small-tools.md").tasks
    names = [Path(path).stem for task in tasks for path in task.scope]
    assert len(names) == 5
    assert holders_of([f"def {name}({given}):".encode() for name in names for given in GIVEN]) == []
    assert holders_of([f"`{name}(".encode() for name in names]) != []  # control: the requirement is seen


@pytest.mark.slow
@pytest.mark.ci
@needs_model
@pytest.mark.real_model
@pytest.mark.timeout(DEMO_WAIT_S)
async def test_the_demonstration_delivers_the_models_own_answers(open_home: Path) -> None:
    home = open_home / "home"
    report = demonstrate(home)
    hold(report)
    folder = Path(report["delivery"]["folder"])
    judged = aura(home, "judge", "examples/small-tools/small-tools.md", str(folder), "--allow-degraded")
    assert judged.returncode == 0, judged.stdout + judged.stderr
    given = await answers(demo_home(home), [task["answer_digest"] for task in report["tasks"]])
    assert len(given) == len({task["answer_digest"] for task in report["tasks"]})
    assert holders_of(given + functions_in(folder)) == []


@needs_model
@pytest.mark.slow
@pytest.mark.real_model
@pytest.mark.timeout(SEEDS * DEMO_WAIT_S)
def test_ten_demonstrations_with_seeds_drawn_now(open_home: Path) -> None:
    for number in range(SEEDS):
        report = demonstrate(open_home / str(number))
        print(f"demo {number}: run {report['run']}, attempts {[task['attempts'] for task in report['tasks']]}")
        hold(report)
