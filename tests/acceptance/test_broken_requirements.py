"""A set of broken requirement files.

Each is refused at the right place with a remedy, and is valid after the repair.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from domain.errors import Invalid
from verification.requirements.parser import SOURCE_BYTES_MAX, RequirementInvalid, parse_requirement, read_requirement

BROKEN = Path(__file__).parent / "broken"
CORPUS_MIN = 30


@cache
def corpus() -> list[dict[str, Any]]:
    entries = YAML(typ="safe", pure=True).load(BROKEN / "expected.yaml")
    assert isinstance(entries, list)
    return entries


def problems_of(path: Path) -> RequirementInvalid:
    with pytest.raises(RequirementInvalid) as refusal:
        read_requirement(path)
    return refusal.value


@pytest.mark.parametrize("entry", corpus(), ids=lambda entry: entry["name"])
def test_a_broken_file_is_refused_with_place_and_remedy(entry: dict[str, Any]) -> None:
    error = problems_of(BROKEN / f"{entry['name']}.md")
    first = error.problems[0]
    seen = [str(problem) for problem in error.problems]
    assert (Path(first.file).name, first.line, first.column) == (entry["file"], entry["line"], entry["column"]), seen
    assert entry["remedy"] in first.remedy
    assert len(error.problems) == entry.get("problems", 1), seen
    for problem, line in zip(error.problems, seen, strict=True):
        assert re.match(r".+:\d+:\d+: .+ Write: .+", line, re.DOTALL)
        assert problem.remedy.strip()
        assert problem.message
        assert line in str(error)
    assert error.exit_code == 2
    assert "Traceback" not in str(error)


@pytest.mark.parametrize("entry", corpus(), ids=lambda entry: entry["name"])
def test_the_repaired_file_passes(entry: dict[str, Any], tmp_path: Path) -> None:
    for file in BROKEN.glob(f"{entry['name']}.*"):
        text = file.read_text(encoding="utf-8")
        if file.name == entry["file"]:
            for old, new in entry["repair"]:
                assert old in text
                text = text.replace(old, new, 1)
        (tmp_path / file.name).write_text(text, encoding="utf-8")
    requirement = read_requirement(tmp_path / f"{entry['name']}.md")
    assert requirement.criteria
    assert {name for task in requirement.tasks for name in task.criteria} == {c.id for c in requirement.criteria}


def test_the_corpus_is_large_and_complete() -> None:
    entries = corpus()
    assert len(entries) >= CORPUS_MIN
    named = {entry["name"] for entry in entries} | {"several-at-once"}
    assert {file.stem for file in BROKEN.glob("*.md")} == named


def test_several_problems_are_shown_at_once() -> None:
    error = problems_of(BROKEN / "several-at-once.md")
    assert [(p.line, p.column) for p in error.problems] == [(2, 7), (6, 15), (18, 64), (19, 7)]
    assert error.message.startswith("4 problems in ")


@pytest.mark.parametrize(
    ("source", "place", "remedy"),
    [
        (b"", (1, 1), "aura: 1"),
        (b" \n\n", (1, 1), "```yaml acceptance"),
        (b"# Title\n\x00\x01", (2, 1), "Markdown in UTF-8"),
        (b"# Title\n\nab \xff", (3, 4), "Markdown in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00", (1, 1), "Markdown in UTF-8"),
        (b"#" * (SOURCE_BYTES_MAX + 1), (1, 1), "a shorter file"),
        (b"---\naura: \x07\n---\n```yaml acceptance\n```\n", (2, 7), "plain text"),
        (b"---\n---\n```yaml acceptance\n```\n", (1, 1), "aura: 1"),
    ],
    ids=["empty", "blank", "zero-byte", "latin-1", "image", "too-large", "control-character", "empty-blocks"],
)
def test_what_is_no_requirement_at_all(source: bytes, place: tuple[int, int], remedy: str) -> None:
    with pytest.raises(RequirementInvalid) as refusal:
        parse_requirement(source, None, name="tool", folder=None)
    first = refusal.value.problems[0]
    assert (first.line, first.column) == place
    assert remedy in first.remedy


def test_a_sealed_file_that_is_too_large_or_misnamed(tmp_path: Path) -> None:
    path = tmp_path / "tool.md"
    path.write_bytes((BROKEN / "tab.md").read_bytes().replace(b"\t- {", b"    - {"))
    sealed = b'- id: A1\n  cases:\n    - {call: "count:count", args: ["a"], returns: 1}\n'
    with pytest.raises(RequirementInvalid, match=r"tool\.sealed\.yaml:1:1"):
        parse_requirement(path.read_bytes(), b"#" * (SOURCE_BYTES_MAX + 1), name="tool", folder=None)
    (tmp_path / "tool.sealed.yml").write_bytes(sealed)
    with pytest.raises(RequirementInvalid, match=r"Write: the name tool\.sealed\.yaml"):
        read_requirement(path)
    (tmp_path / "tool.sealed.yml").rename(tmp_path / "tool.sealed.yaml")
    assert read_requirement(path).criteria[0].sealed
    with pytest.raises(Invalid, match="sealed cases"):
        read_requirement(tmp_path / "tool.sealed.yaml")


@pytest.mark.parametrize("line", ["import wordlists", "from .helpers import near", "from wordlists.en import words"])
def test_a_predicate_that_its_box_could_not_load(tmp_path: Path, line: str) -> None:
    """It would hold up every verdict of the run; a module of Python's own is the control."""
    text = (BROKEN / "property-predicate-missing.md").read_text(encoding="utf-8")
    (tmp_path / "count.md").write_text(text, encoding="utf-8")
    (tmp_path / "none.py").write_text(f"import re\n{line}\n\n\ndef holds(answer, text):\n    return answer >= 0\n")
    error = problems_of(tmp_path / "count.md")
    assert [(problem.line, problem.column) for problem in error.problems] == [(22, 57)]
    assert line.split()[1] in error.problems[0].message
    assert "needs no other packages" in error.problems[0].remedy
    (tmp_path / "none.py").write_text("import re\n\n\ndef holds(answer, text):\n    return answer >= 0\n")
    assert read_requirement(tmp_path / "count.md").criteria[1].properties
