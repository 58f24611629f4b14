"""Sessions on a base: every kind of change is handed in, large work is uploaded, and a later task sees it."""

import asyncio
import random
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from dulwich.object_store import iter_tree_contents
from dulwich.objects import Commit
from dulwich.repo import Repo

from director.services.submit import submit
from domain import run_messages, task
from domain.tree import DELETED
from tests.integration.house import House, of
from tests.integration.test_sessions import hire, told
from tests.turns import turn
from tests.unit.repositories import git
from verification.requirements.parser import parse_requirement

pytestmark = [
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.needs_sandbox,
    pytest.mark.slow,
    pytest.mark.ci,
]
LARGE_BYTES = 9 * 1024**2
SOURCE = """---
aura: 1
title: Shapes
deliver: library
language: python
scope: ["**"]
base: {{repo: {repo}, ref: HEAD}}
budget: {{usd: "1.00", tokens: 1000000, minutes: 20}}
tasks:
  - {{id: T1, criteria: [A1], scope: ["**"], after: []}}
  - {{id: T2, criteria: [A2], scope: ["area.py"], after: [T1]}}
---
# Shapes

## Acceptance
```yaml acceptance
- id: A1
  says: side gives the side of a square
  cases:
    - {{call: "shapes:side", args: [9], returns: 3}}
- id: A2
  says: area gives the area of a square
  cases:
    - {{call: "area:area", args: [3], returns: 9}}
```
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Return a repository with a module, a program, a link, a file to delete, one to rename, and two commits."""
    folder = tmp_path / "base"
    folder.mkdir()
    git(folder, "init", "-q")
    files = {"shapes.py": "def side(area):\n    return area\n", "run.sh": "#!/bin/sh\n", "old.txt": "old\n"}
    for name, text in {**files, "moved.txt": "moved " * 100, ".gitignore": "*.log\n"}.items():
        (folder / name).write_text(text)
    (folder / "link.txt").symlink_to("old.txt")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "First")
    (folder / "second.txt").write_text("second\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Second")
    return folder


async def submitted(house: House, base: Path) -> UUID:
    run = uuid4()
    source = SOURCE.format(repo=base).encode()
    requirement = parse_requirement(source, None, name="shapes", folder=base.parent)
    await submit(house.director, house.blobs, requirement, id=uuid4(), run=run, folder=base.parent, allow_degraded=True)
    return run


async def test_every_kind_of_change_is_delivered_and_the_next_task_sees_it(house: House, base: Path) -> None:
    seed = random.randrange(10**9)
    large = f"import random; open('data.bin', 'wb').write(random.Random({seed}).randbytes({LARGE_BYTES}))"
    first = [
        turn("run", command="git log --format=%s; git status --short; ls -la"),
        turn("replace", path="shapes.py", old="    return area\n", new="    return int(area**0.5)\n"),
        turn("run", command="chmod +x run.sh; rm old.txt link.txt; git mv moved.txt kept.txt; ln -s kept.txt link.txt"),
        turn("run", command=f'python -c "{large}"; echo log > x.log; mkdir -p a/b && echo new > a/b/new.txt'),
        turn("submit"),
    ]
    second = [
        turn(
            "run",
            command="git log --format=%s; git status --short; ls; python -c 'import shapes; print(shapes.side(16))'",
        ),
        turn("write", path="area.py", content="def area(side):\n    return side * side\n"),
        turn("submit"),
    ]
    await hire(house, {"T1": first, "T2": second})
    async with house.running():
        run = await submitted(house, base)
        log = await house.until_type(run, "run.delivered")
    work = {
        event.event.task: event.event
        for event in of(log, run, "task.submitted")
        if isinstance(event.event, task.Submitted)
    }
    files = next(iter(work.values())).files
    kinds = {path: entry.kind for path, entry in files.items()}
    assert kinds == {
        "shapes.py": "file",
        "run.sh": "executable",
        "old.txt": "deleted",
        "moved.txt": "deleted",
        "kept.txt": "file",
        "link.txt": "link",
        "data.bin": "file",
        "a/b/new.txt": "file",
    }
    assert files["old.txt"] == DELETED
    assert files["link.txt"].target == "kept.txt"
    receipts = [event.event for event in of(log, run, "task.call_finished")]
    seen = await told(house, receipts[: len(first)])
    assert "Second\nFirst\n" in seen[0], "the history of the base is in the box"
    later = (await told(house, receipts[len(first) :]))[0]
    assert "4\n" in later
    assert "kept.txt" in later
    assert "old.txt" not in later.replace("link.txt", "")
    (delivered,) = [event.event for event in of(log, run, "run.delivered")]
    assert isinstance(delivered, run_messages.Delivered)
    with Repo(delivered.folder) as repository:
        tree = {path.decode(): mode for path, mode in _paths(repository)}
    assert tree["run.sh"] == 0o100755
    assert tree["link.txt"] == 0o120000
    assert "x.log" not in tree
    assert "old.txt" not in tree
    assert await asyncio.to_thread(git, Path(delivered.folder), "status", "--short") == ""


def _paths(repository: Repo) -> list[tuple[bytes, int]]:
    commit = repository[repository.head()]
    assert isinstance(commit, Commit)
    return [(entry.path, entry.mode) for entry in iter_tree_contents(repository.object_store, commit.tree)]
