"""The jobs of docs/ci.md work: their commands run on a repository with a right and a wrong branch."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ruamel.yaml import YAML

from tests.acceptance.cli import WAIT_S
from tests.unit.repositories import GIT_ENV, git, needs_git
from tests.unit.test_working_tree import put

pytestmark = [pytest.mark.needs_sandbox, needs_git]
GUIDE = Path(__file__).parents[2] / "docs" / "ci.md"
BLOCKS = dict(re.findall(r"^```yaml (\w+)\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
SPEC = b"""---
aura: 1
title: Shop
deliver: library
scope: ["shop.py"]
budget: {usd: "0", tokens: 0, minutes: 5}
---
# Shop
```yaml acceptance
- id: A1
  says: it totals
  cases:
    - {call: "shop:total", args: [[1, 2]], returns: 3}
```
"""
SEALED = b'- id: A1\n  cases:\n    - {call: "shop:total", args: [[4711]], returns: 4711}\n'
WRONG = b"def total(prices):\n    return 3\n"
RIGHT = b"def total(prices):\n    return sum(prices)\n"


def loaded(name: str) -> Any:
    return YAML(typ="safe", pure=True).load(BLOCKS[name])


def commands(name: str) -> list[str]:
    """Return the commands of a job that judge. Commands that install programs or change the machine are omitted."""
    if name == "gitlab":
        return [str(line) for line in loaded(name)["aura"]["script"]]
    steps = loaded(name) if name == "sarif" else loaded(name)["jobs"]["judge"]["steps"]
    lines = [str(step["run"]) for step in steps if "run" in step]
    before = commands("github")[:-1] if name == "sarif" else []
    return before + [line for line in lines if not line.startswith(("pip ", "sudo "))]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a clone with a right branch, and a branch whose author has also changed the requirement."""
    folder = tmp_path_factory.mktemp("ci")
    origin = folder / "origin"
    origin.mkdir()
    git(origin, "init", "-q", "-b", "main")
    put(origin, {"shop.py": b"def total(prices):\n    raise NotImplementedError\n"})
    put(origin, {"specs/shop.md": SPEC, "specs/shop.sealed.yaml": SEALED, "README.md": b"# Shop\n"})
    git(origin, "add", ".")
    git(origin, "commit", "-q", "-m", "base")
    git(folder, "clone", "-q", "origin", "work")
    work = folder / "work"
    for branch, files in (("right", {"shop.py": RIGHT}), ("wrong", {"shop.py": WRONG, "specs/shop.sealed.yaml": b""})):
        git(work, "checkout", "-q", "-b", branch, "origin/main")
        put(work, files)
        git(work, "commit", "-q", "-am", branch)
    return work


def run(shop: Path, tmp_path: Path, name: str, branch: str) -> subprocess.CompletedProcess[str]:
    git(shop, "checkout", "-q", branch)
    (shop / "uncommitted.py").write_text("import nothing\n")
    start = git(shop, "rev-parse", "origin/main").strip()
    env = {
        **GIT_ENV,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "AURA_HOME": str(tmp_path / "home"),
        "AURA_ALLOW_DEGRADED": "1",
        "GITHUB_BASE_REF": "main",
        "RUNNER_TEMP": str(tmp_path),
        "CI_BUILDS_DIR": str(tmp_path),
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": start,
        "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
    }
    script = "\n".join(["set -e -o pipefail", *commands(name)])
    return subprocess.run(
        ["bash", "-c", script], cwd=shop, env=env, capture_output=True, text=True, timeout=WAIT_S, check=False
    )


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.parametrize(("branch", "code"), [("right", 0), ("wrong", 1)])
@pytest.mark.parametrize("name", ["github", "sarif", "gitlab"])
def test_the_jobs_judge_a_branch_against_the_base(
    shop: Path, tmp_path: Path, name: str, branch: str, code: int
) -> None:
    """The wrong branch passes the visible case, and has emptied the sealed ones: they come from the base."""
    done = run(shop, tmp_path, name, branch)
    assert done.returncode == code, done.stderr
    texts = {
        "github": lambda: done.stdout,
        "sarif": lambda: (shop / "aura.sarif").read_text(),
        "gitlab": lambda: (shop / "aura.xml").read_text(),
    }
    text = texts[name]()
    assert "4711" not in text + done.stdout + done.stderr, "nothing sealed stands in a job's log"
    assert ("sealed_failed" in text) == (branch == "wrong")
    if name == "github":
        assert all(line.startswith("::") for line in text.splitlines())
        assert ("::error file=specs/shop.md" in text.replace(str(tmp_path) + "/", "")) == (branch == "wrong")
    elif name == "sarif":
        assert json.loads(text)["runs"][0]["invocations"][0]["exitCode"] == code
    else:
        assert (ElementTree.fromstring(text).get("failures") == "0") == (branch == "right")


def test_the_jobs_take_the_requirement_from_the_base_and_one_tree() -> None:
    """Fast: every judging line names the same things, and every form on the page is one that the command has."""
    from director.cli.commands.requirements import Form

    judging = [line for name in BLOCKS for line in commands(name) if line.startswith("aura judge ")]
    assert len(judging) == len(BLOCKS) == 3
    for line in judging:
        assert re.search(
            r'^aura judge "\$\w+/(base/)?specs/shop.md" --repo \. --ref HEAD --base-ref "[^"]+" --format', line
        )
    section = GUIDE.read_text(encoding="utf-8").split("## What a pull request")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == {form.value for form in Form}
