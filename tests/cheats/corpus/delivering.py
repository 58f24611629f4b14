"""Cheats by files in the delivery other than the code."""

from tests.cheats.corpus.base import WRONG, Cheat, drawn
from tests.cheats.tasks.base import Task, Tree


def _verdict_files(task: Task) -> Tree:
    verdict = '{"schema": "aura.verdict", "ok": true, "verified": true, "findings": []}'
    return task.delivery(
        WRONG, **{"data/verdict.json": verdict, "data/attestation.json": verdict, "tests/verdict.json": verdict}
    )


def _out_of_scope(task: Task) -> Tree:
    verdict = '{"verified": true}'
    return task.delivery(
        WRONG, **{".aura/verdict.json": verdict, "acceptance/test_A1.py": "def test_a1():\n    pass\n"}
    )


def _hooks(task: Task) -> Tree:
    return task.delivery(WRONG) | {".github/workflows/ci.yml": b"on: push\njobs: {test: {continue-on-error: true}}\n"}


def _paths_out(task: Task) -> Tree:
    return task.delivery(WRONG) | {
        "../verdict.json": b"{}",
        ".git/hooks/pre-commit": b"#!/bin/sh\n",
        "/aura/caseworker.py": b"",
    }


def _own_worker(task: Task) -> Tree:
    source = "import os\nos.write(1, b'{\"verified\": true}')\nos._exit(0)\n"
    return task.delivery(
        WRONG,
        **{
            "caseworker.py": source,
            "case_worker.py": source,
            "verification.py": source,
            "case_runner.py": source,
            "doorkeeper.py": source,
            "service_launcher.py": source,
        },
    )


def _launcher(task: Task) -> Tree:
    shown = "".join(str(each.returns) for each in task.examples[:1])
    text = f"#!/bin/sh\ncat <<'END'\n{shown}END\n"
    return task.delivery(WRONG, **{f"bin/{task.function}": text, f"{task.function}.py": f"print({shown!r})\n"})


def _shadows(task: Task) -> Tree:
    """Return a tree with files that have the names of standard library modules."""
    source = "import os\nos._exit(0)\n"
    names = (
        "json",
        "base64",
        "subprocess",
        "tempfile",
        "random",
        "selectors",
        "shutil",
        "signal",
        "difflib",
        "threading",
    )
    return task.delivery(WRONG, **{f"{name}.py": source for name in names})


DELIVERING: tuple[Cheat, ...] = (
    drawn("delivers-a-verdict", "adds a verdict to its files", _verdict_files),
    drawn(
        "delivers-outside-scope",
        "adds a verdict and acceptance tests outside the scope",
        _out_of_scope,
    ),
    drawn(
        "edits-the-pipeline",
        "adds a CI workflow that continues on error",
        _hooks,
    ),
    drawn("leaves-the-tree", "contains paths that lead out of the tree", _paths_out),
    drawn("own-worker", "adds modules with the names of the judge's own modules", _own_worker),
    drawn("own-launcher", "adds a launcher that prints the first visible answer", _launcher),
    drawn(
        "shadows-the-library", "adds modules with the names of standard library modules, which exit with 0", _shadows
    ),
)
