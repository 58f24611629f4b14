"""The gates syntax, lint and types: what they refuse and what they only report. No file can crash the judge."""

import random
from pathlib import Path

import pytest

from tests.cheats.judged import Puzzle
from tests.sandboxes import sandbox
from tests.tiers import every_fourth
from verification.judge import Candidate, judge
from verification.sandbox.bubblewrap import Bubblewrap
from verification.verdict.model import Verdict

__all__ = ["sandbox"]

pytestmark = pytest.mark.needs_sandbox


@pytest.fixture
def puzzle() -> Puzzle:
    return Puzzle(random.Random(7))


async def verdict(puzzle: Puzzle, tree: dict[str, bytes], box: Bubblewrap) -> Verdict:
    return await judge(
        Candidate(requirement=puzzle.requirement(), tree=tree, mutants_max=0), sandbox=box, seed=1, allow_degraded=True
    )


def gate(found: Verdict, name: str) -> tuple[str, str]:
    return next((each.result, each.text) for each in found.gates if each.gate == name)


HOSTILE = {
    "brackets": b"x = " + b"(" * 5000 + b")" * 5000,
    "sum": b"x = " + b"1+" * 200_000 + b"1",
    "attributes": b"x = a" + b".b" * 200_000,
    "null": b"x = 1\0",
    "encoding": b"# coding: nosuch\n",
    "a long name of an encoding": b"# coding: " + b"a" * 2_000_000 + b"\n",
    "outside": b"return 1\n",
}


@pytest.mark.parametrize("name", every_fourth(HOSTILE))
async def test_a_changed_file_that_does_not_compile_is_refused(puzzle: Puzzle, sandbox: Bubblewrap, name: str) -> None:
    found = await verdict(puzzle, {**puzzle.right(), "notes/more.py": HOSTILE[name]}, sandbox)
    assert [(each.kind, each.path, each.integrity) for each in found.findings] == [
        ("does_not_parse", "notes/more.py", False)
    ]
    assert "notes/more.py" in found.findings[0].for_author


async def test_what_was_there_before_and_what_tests_are_tried_with_is_not(puzzle: Puzzle, sandbox: Bubblewrap) -> None:
    base = {"old.py": b"def"}
    tree = {**base, **puzzle.right(), "notes/tests/broken.py": b"def"}
    found = await judge(
        Candidate(requirement=puzzle.requirement(), tree=tree, base=base, mutants_max=0),
        sandbox=sandbox,
        seed=1,
        allow_degraded=True,
    )
    assert found.verified, found.findings
    assert gate(found, "syntax") == ("passed", "2 files")


@pytest.mark.slow
@pytest.mark.ci
async def test_lint_and_types_say_and_do_not_refuse(puzzle: Puzzle, sandbox: Bubblewrap) -> None:
    silent = await verdict(puzzle, puzzle.right(), sandbox)
    assert silent.verified, silent.findings
    assert gate(silent, "lint") == ("passed", "1 file")
    assert gate(silent, "types") == ("not_run", "no changed file has annotations")
    more = b"\ndef unused(number: int) -> str:\n    return number if number else nosuch\n"
    (path,) = puzzle.right()
    found = await verdict(puzzle, {path: puzzle.right()[path] + more}, sandbox)
    assert found.verified, found.findings
    assert gate(found, "lint")[0] == gate(found, "types")[0] == "noted"
    assert "Undefined name `nosuch`" in gate(found, "lint")[1]
    assert "Incompatible return value type" in gate(found, "types")[1]


@pytest.mark.slow
@pytest.mark.ci
async def test_the_code_of_libraries_is_not_checked(puzzle: Puzzle, sandbox: Bubblewrap, tmp_path: Path) -> None:
    """A library may bear a name that the checker knows, hold errors, or not parse: the work's own lines are checked."""
    (tmp_path / "typing_extensions.py").write_text("x: int = 'no'\n")
    (tmp_path / "wrong.py").write_text("def f() -> int:\n    return 'no'\n")
    (tmp_path / "broken.py").write_text("def (\n")
    (path,) = puzzle.right()
    head = b"def unused(number: int) -> str:\n    import typing_extensions, wrong, broken\n"
    told: list[tuple[str, str]] = []
    for text in ("return str(number)", "return number"):
        tree = {path: puzzle.right()[path] + b"\n" + head + f"    {text}\n".encode()}
        found = await judge(
            Candidate(requirement=puzzle.requirement(), tree=tree, libraries=tmp_path, mutants_max=0),
            sandbox=sandbox,
            seed=1,
            allow_degraded=True,
        )
        told.append(gate(found, "types"))
    assert told[0] == ("passed", "1 file")
    assert told[1][0] == "noted"
    assert told[1][1].startswith(f"{path}:")
    assert "Incompatible return value type" in told[1][1]


@pytest.mark.slow
@pytest.mark.ci
async def test_the_projects_own_settings_count_for_nothing(puzzle: Puzzle, sandbox: Bubblewrap) -> None:
    """A linter or a checker could be told to be silent, or to load code."""
    (path,) = puzzle.right()
    more = b"\ndef unused(number: int) -> str:\n    return number if number else nosuch\n"
    base = {
        "ruff.toml": b'[lint]\nignore = ["F821"]\n',
        "mypy.ini": b"[mypy]\nignore_errors = True\nplugins = plugin.py\n",
        "plugin.py": b"raise SystemExit('loaded')\n",
    }
    tree = {**base, path: puzzle.right()[path] + more}
    found = await judge(
        Candidate(requirement=puzzle.requirement(), tree=tree, base=base, mutants_max=0),
        sandbox=sandbox,
        seed=1,
        allow_degraded=True,
    )
    assert found.verified, found.findings
    assert gate(found, "lint")[0] == gate(found, "types")[0] == "noted"
