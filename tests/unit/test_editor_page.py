"""docs/editor.md: its problem matcher finds the places that `aura check` prints, and its schema is the present one."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from director.cli.main import main
from verification.requirements.starting_points import starting_point

PAGE = Path(__file__).parents[2] / "docs" / "editor.md"
BLOCK = re.compile(r"```json\n(.*?)```", re.DOTALL)


def blocks() -> list[Any]:
    return [json.loads(text) for text in BLOCK.findall(PAGE.read_text())]


def pattern() -> dict[str, Any]:
    (task,) = blocks()[1]["tasks"]
    found: dict[str, Any] = task["problemMatcher"]["pattern"]
    return found


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    told = capsys.readouterr()
    return code, told.out, told.err


def test_the_problem_matcher_finds_each_problem_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    written = starting_point("cli", "tool", None)
    (tmp_path / "tool.md").write_text(written.visible.replace("exit: 0", "exit: zero").replace("budget:", "budgets:"))
    code, _, err = said(capsys, "check", "--static", "tool.md")
    assert code == 2
    matcher = pattern()
    matched = [found for line in err.splitlines() if (found := re.match(matcher["regexp"], line))]
    lines = written.visible.splitlines()
    assert [(found[matcher["file"]], found[matcher["line"]]) for found in matched] == [
        ("tool.md", str(1 + next(at for at, line in enumerate(lines) if line.startswith("budget:")))),
        ("tool.md", str(1 + next(at for at, line in enumerate(lines) if "exit: 0" in line))),
    ]
    assert all(int(found[matcher["column"]]) >= 1 for found in matched)
    assert "`exit` must be a whole number" in matched[-1][matcher["message"]]
    assert len(err.splitlines()) > len(matched), "control: other lines are no problems"


def test_control_a_right_file_gives_no_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said(capsys, "init", "first.md", "--example")[0] == 0
    code, out, err = said(capsys, "check", "--static", "first.md")
    assert code == 0
    assert not [line for line in (out + err).splitlines() if re.match(pattern()["regexp"], line)]


def test_the_schema_of_the_page_checks_sealed_cases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the page says it: the schema that is printed, and check-jsonschema."""
    monkeypatch.chdir(tmp_path)
    (name,) = blocks()[0]["yaml.schemas"]
    code, out, _ = said(capsys, "schema", "sealed")
    assert code == 0
    schema = tmp_path / name
    schema.parent.mkdir()
    schema.write_text(out)
    sealed = starting_point("bugfix", "tool", None).sealed
    (tmp_path / "right.sealed.yaml").write_text(sealed)
    (tmp_path / "wrong.sealed.yaml").write_text(sealed.replace("cases:", "case:"))
    checked = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(schema)]
    right, wrong = (
        subprocess.run([*checked, f"{name}.sealed.yaml"], capture_output=True, text=True, check=False)
        for name in ("right", "wrong")
    )
    assert right.returncode == 0, right.stdout
    assert wrong.returncode == 1
    assert "case" in wrong.stdout
