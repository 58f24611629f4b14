"""Given suites: they are read next to the requirement, are part of its bundle, and are shown as suites."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from agents.briefs.brief import brief_of
from agents.briefs.fence import ANY_FENCE
from agents.delivery.packaging import packaging_files
from agents.employees.prompts import messages_of
from tests.tiers import CI
from verification.requirements.fixtures import FIXTURE_BYTES_MAX, FOLDER_FILES_MAX
from verification.requirements.model import Requirement, Suite
from verification.requirements.parser import RequirementInvalid, check_notes, parse_requirement, read_requirement
from verification.suites.clean_tree import clean, without_pytest

FRONT = """---
aura: 1
title: T
deliver: library
scope: ["tool.py"]
budget: {usd: "1", tokens: 1, minutes: 5}
---
# T
```yaml acceptance
- id: A1
  says: it works
"""


SUITE = b"def test_it():\n    assert True\n"
EXAMPLE = Path(__file__).parents[2] / "examples" / "version-numbers"


def with_suite(folder: Path, path: str, sealed: bytes | None = None) -> Requirement:
    source = f"{FRONT}  pytest: {path}\n```\n"
    return parse_requirement(source.encode(), sealed, name="tool", folder=folder)


def test_the_example_has_a_visible_suite_and_a_sealed_one() -> None:
    read = read_requirement(EXAMPLE / f"{EXAMPLE.name}.md")
    alone, both = read.criteria
    assert [[sealed for sealed, _ in each.suites] for each in (alone, both)] == [[False], [True]]
    assert [note for note in check_notes(read) if "grade B" in note] == [
        "Only a given suite judges A1 (grade B): code could forge its results. Add cases."
    ]
    shown = {task: set(brief_of(read, task, base={}).suites) for task in ("T1", "T2")}
    assert shown == {"T1": {"acceptance/test_newest.py"}, "T2": set()}


def test_suites_travel_with_the_requirement(tmp_path: Path) -> None:
    for name in ("given/test_it.py", "given/data/in.txt", "given/__pycache__/x.pyc", "given/.hidden", "own_test.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(SUITE)
    first = with_suite(tmp_path, "given/", sealed=b"- id: A1\n  pytest: own_test.py\n")
    (criterion,) = first.criteria
    assert criterion.suite == Suite(path="given", files=dict.fromkeys(("given/data/in.txt", "given/test_it.py"), SUITE))
    assert criterion.sealed_suite == Suite(path="own_test.py", files={"own_test.py": SUITE})
    assert (set(first.fixtures), set(first.sealed_fixtures)) == (set(criterion.suite.files), {"own_test.py"})
    fixtures = {**first.fixtures, **first.sealed_fixtures}
    again = parse_requirement(first.source, first.sealed_source, name="tool", folder=None, fixtures=fixtures)
    assert again == first


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        ("test_none.py", None, "the suite test_none.py cannot be read"),
        ("../test_it.py", None, "leaves the project"),
        ("[test_it.py]", None, "must be text"),
        ("notes.py", SUITE, "contains no tests"),
        ("test_it.py", b"def test_it(:\n", r"cannot be parsed: test_it\.py, line 1"),
        ("test_it.py", b"#" * (FIXTURE_BYTES_MAX + 1), "larger than"),
    ],
    ids=["missing", "outside", "a list", "no tests", "syntax", "too large"],
)
def test_a_suite_that_cannot_be_used(tmp_path: Path, path: str, content: bytes | None, told: str) -> None:
    if content is not None:
        (tmp_path / path).write_bytes(content)
    with pytest.raises(RequirementInvalid, match=told):
        with_suite(tmp_path, path)
    (tmp_path / "test_control.py").write_bytes(SUITE)
    assert with_suite(tmp_path, "test_control.py").criteria[0].suite


def test_a_suite_is_no_link_and_of_bounded_size(tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    for number in range(FOLDER_FILES_MAX):
        (tmp_path / "given" / f"test_{number}.py").write_bytes(SUITE)
    assert with_suite(tmp_path, "given").criteria[0].suite
    (tmp_path / "given" / "test_more.py").write_bytes(SUITE)
    with pytest.raises(RequirementInvalid, match="more than 200 files"):
        with_suite(tmp_path, "given")
    (tmp_path / "test_link.py").symlink_to(tmp_path / "given" / "test_1.py")
    with pytest.raises(RequirementInvalid, match="cannot be read"):
        with_suite(tmp_path, "test_link.py")


def test_a_sealed_suite_is_none_that_employees_see(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_bytes(SUITE)
    with pytest.raises(RequirementInvalid, match="every employee sees it"):
        with_suite(tmp_path, "test_it.py", sealed=b"- id: A1\n  pytest: test_it.py\n")


def test_employees_see_the_visible_suite_alone(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_bytes(b"# seen\n")
    (tmp_path / "test_hidden.py").write_bytes(b"# hidden\n")
    requirement = with_suite(tmp_path, "test_it.py", sealed=b"- id: A1\n  pytest: test_hidden.py\n")
    brief = brief_of(requirement, requirement.tasks[0].id, base={})
    assert brief.suites == {"test_it.py": "# seen\n"}
    told = str(messages_of(brief, ANY_FENCE))
    assert "# seen" in told
    assert "hidden" not in told
    assert b"hidden" not in msgspec.json.encode(brief)


@pytest.mark.parametrize(("answer", "passes"), [("1", True), pytest.param("2", False, marks=CI)])
def test_a_delivery_holds_the_visible_suite(tmp_path: Path, answer: str, passes: bool) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "test_it.py").write_bytes(b"import tool\n\ndef test_it():\n    assert tool.f() == 1\n")
    (tmp_path / "test_hidden.py").write_bytes(SUITE)
    requirement = with_suite(tmp_path, "given", sealed=b"- id: A1\n  pytest: test_hidden.py\n")
    files = packaging_files(requirement, ["tool.py"])
    assert not any("hidden" in path for path in files)
    for path, content in {**files, "tool.py": f"def f():\n    return {answer}\n".encode()}.items():
        (tmp_path / "out" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / path).write_bytes(content)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    done = subprocess.run(command, cwd=tmp_path / "out", capture_output=True, text=True, check=False)
    assert ("1 passed" in done.stdout) is passes, done.stdout


def test_a_suite_alone_is_noted(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_bytes(SUITE)
    assert any("grade B" in note for note in check_notes(with_suite(tmp_path, "test_it.py")))


def test_a_clean_copy_keeps_the_code_and_nothing_that_steers_tests() -> None:
    steering = (
        "conftest.py pytest.ini .pytest.ini tox.ini setup.cfg a/conftest.py sitecustomize.py usercustomize/__init__.py "
        "x.pth a-1.dist-info/entry_points.txt a.egg-info/PKG-INFO a/__pycache__/b.cpython-311.pyc pytest.toml"
    )
    code = ["a/b.py", "conftests.py", "setup.py", "docs/tox.ini.md"]
    tree = dict.fromkeys((*steering.split(), *code, "given/test_it.py"), b"")
    assert sorted(clean(tree, without=["given/test_it.py"])) == sorted(code)


@pytest.mark.parametrize(
    ("source", "rest"),
    [
        ("[project]\nname = 'a'\n", "[project]\nname = 'a'\n"),
        ("[tool.pytest.ini_options]\naddopts = 'x'\n[tool.a]\nb = 1\n", "[tool.a]\nb = 1\n"),
        ("[project]\nname = 'a'\n[tool.pytest]\na = [\n 'x',\n]\n", "[project]\nname = 'a'\n"),
        ("tool.pytest.ini_options.addopts = 'x'\n", None),
        ("[tool.pytest.ini_options]\na = [\n['x'],\n]\n", None),
        ("not toml", None),
    ],
)
def test_pytest_is_taken_out_of_pyproject(source: str, rest: str | None) -> None:
    assert without_pytest(source.encode()) == (rest.encode() if rest is not None else None)
