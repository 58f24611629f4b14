"""`aura init`: its file names each placeholder. It is refused while it has placeholders, and valid without them."""

import subprocess
from pathlib import Path

import pytest

from tests.acceptance.cli import Inside
from tests.unit.repositories import GIT_ENV
from verification.requirements.starting_points import STARTING_POINTS
from verification.requirements.unfilled import PLACEHOLDERS

FILLED = {
    "package.module:function": "calc:double",
    "package.module:new_function": "calc:triple",
    'args: ["input"], returns: "the right result"': "args: [3], returns: 6",
    'args: ["another input"], returns: "its right result"': "args: [5], returns: 10",
    'args: ["input"], returns: "the result"': "args: [3], returns: 9",
    'args: ["another input"], returns: "its result"': "args: [5], returns: 15",
    '"src/**"': '"calc.py"',
    'title: "': 'title: "My own ',
}


@pytest.fixture
def aura(tmp_path: Path) -> Inside:
    return Inside(tmp_path)


def fill(file: Path) -> None:
    """Replace each placeholder as a person would."""
    for path in (file, file.with_suffix(".sealed.yaml")):
        lines = path.read_text().splitlines(keepends=True)
        text = "".join(
            line for line in lines if not line.strip().startswith(("# Replace this case", "# Replace this base"))
        )
        for phrase in PLACEHOLDERS:
            text = text.replace(phrase, "It does what the cases show")
        for before, after in FILLED.items():
            text = text.replace(before, after)
        path.write_text(text)


def repository(folder: Path) -> None:
    """Make a small project with a fault that no test of it finds."""
    (folder / "calc.py").write_text("def double(n):\n    return n + 2\n")
    (folder / "test_calc.py").write_text("from calc import double\n\n\ndef test_two():\n    assert double(2) == 4\n")
    for words in (("init", "-q", "-b", "trunk"), ("add", "calc.py", "test_calc.py"), ("commit", "-q", "-m", "one")):
        subprocess.run(["git", *words], cwd=folder, env=GIT_ENV, check=True)


@pytest.mark.parametrize("kind", STARTING_POINTS)
def test_what_is_left_to_replace_is_named_with_its_place(kind: str, aura: Inside) -> None:
    said = aura.json("init", "tool.md", "--from", kind)
    assert said["files"] == ["tool.md", "tool.sealed.yaml"]
    problems = aura.answer("check", "tool.md", "--static", code=2)["data"]["problems"]
    files = {name: (aura.folder / name).read_text().splitlines() for name in said["files"]}
    named = [phrase for lines in files.values() for line in lines for phrase in PLACEHOLDERS if phrase in line]
    assert len(problems) == len(named) == said["placeholders"] >= 3
    for problem in problems:
        assert "is not replaced" in problem["message"]
        line = files[problem["file"]][problem["line"] - 1]
        assert any(line[problem["column"] - 1 :].startswith(phrase) for phrase in PLACEHOLDERS)
    assert aura.answer("submit", "tool.md", code=2)["error"]["code"] == "requirement_invalid"


@pytest.mark.parametrize("kind", ["endpoint", "cli"])
def test_filled_in_it_can_be_submitted(kind: str, aura: Inside) -> None:
    aura.json("init", "tool.md", "--from", kind)
    fill(aura.folder / "tool.md")
    assert "can be submitted" in aura.text("check", "tool.md")


@pytest.mark.needs_sandbox
@pytest.mark.parametrize("kind", ["bugfix", "feature"])
def test_in_a_repository_it_builds_on_it_and_fails_there(kind: str, aura: Inside) -> None:
    repository(aura.folder)
    aura.json("init", "tool.md", "--from", kind)
    assert 'base: {repo: ".", ref: "trunk"}' in (aura.folder / "tool.md").read_text()
    fill(aura.folder / "tool.md")
    checked = aura.json("check", "tool.md")
    assert checked["on_base"]["held"] == []
    assert checked["base"]["files"] == 2


def test_outside_a_repository_the_base_is_a_placeholder(aura: Inside) -> None:
    aura.json("init", "tool.md", "--from", "bugfix")
    assert "# Replace this base with" in (aura.folder / "tool.md").read_text()
    text = aura.run("check", "tool.md").err
    assert "the placeholder `Replace this base` is not replaced" in text


def test_a_plain_template_names_its_placeholders_too(aura: Inside) -> None:
    said = aura.text("init", "slug.md")
    assert "5 placeholders" in said
    assert "can be submitted" not in aura.run("check", "slug.md").out
    assert aura.run("check", "slug.md").code == 2


def test_the_example_needs_nothing_more(aura: Inside) -> None:
    said = aura.text("init", "first.md", "--example")
    assert "aura submit first.md --wait" in said
    assert "can be submitted" in aura.text("check", "first.md")


@pytest.mark.parametrize(
    "words",
    [("--example", "--from", "cli"), ("--from", "cli", "--deliver", "cli"), ("--from", "poem")],
)
def test_what_does_not_go_together_is_refused(words: tuple[str, ...], aura: Inside) -> None:
    assert aura.json("init", "tool.md", *words, code=2)["hint"]
    assert not list(aura.folder.glob("tool*"))
