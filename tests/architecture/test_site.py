"""Every page is listed in mkdocs.yml and docs/index.md, and every decision in docs/adr/README.md."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = {path.name for path in DOCS.glob("*.md")}
DECISION = re.compile(
    r"^\| \[(\d{4})\]\((?P<file>\1-[\w-]+\.md)\) \| (?P<title>.+) \| [\d-]{10} \| (?P<state>.+) \|$", re.MULTILINE
)


def named(nav: object) -> Iterator[str]:
    """Yield the files that a navigation names."""
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        for below in nav.values():
            yield from named(below)
    elif isinstance(nav, Sequence):
        for below in nav:
            yield from named(below)


def site() -> dict[str, object]:
    found: dict[str, object] = YAML(typ="safe").load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    return found


def test_the_navigation_names_every_page() -> None:
    """A new page of docs/ gets a line below `nav` in mkdocs.yml."""
    files = list(named(site()["nav"]))
    assert PAGES - set(files) == set()
    assert len(files) == len(set(files))


def test_every_file_of_the_navigation_exists() -> None:
    assert site()["docs_dir"] == "docs"
    assert [file for file in named(site()["nav"]) if not (DOCS / file).is_file()] == []


def test_the_index_names_every_page() -> None:
    """A new page of docs/ gets a row in the table of docs/index.md."""
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    assert [page for page in sorted(PAGES - {"index.md"}) if f"]({page})" not in text] == []


def faults_of_decisions(index: str, folder: Path) -> list[str]:
    """Name the decisions that the index lacks, has without a file, or shows with another title or state."""
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("[0-9]*.md"))}
    files.pop("0000-template.md", None)
    rows = {row["file"]: row for row in DECISION.finditer(index)}
    faults = [f"{name} is not in both" for name in sorted(files.keys() ^ rows.keys())]
    for name in files.keys() & rows.keys():
        title = files[name].splitlines()[0].partition(": ")[2]
        state = re.search(r"State: ([^.]+)\.", files[name])
        if (rows[name]["title"], rows[name]["state"]) != (title, state[1] if state else ""):
            faults.append(f"{name} has another title or state")
    return faults


def test_the_index_of_decisions_is_complete() -> None:
    """A new ADR gets a row in docs/adr/README.md, with its title and state."""
    folder = DOCS / "adr"
    assert faults_of_decisions((folder / "README.md").read_text(encoding="utf-8"), folder) == []


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("| [0001](0001-a.md) | One | 2026-11-22 | accepted |", []),
        ("", ["0001-a.md is not in both"]),
        ("| [0001](0001-a.md) | Two | 2026-11-22 | accepted |", ["0001-a.md has another title or state"]),
        ("| [0001](0001-a.md) | One | 2026-11-22 | proposed |", ["0001-a.md has another title or state"]),
    ],
)
def test_a_decision_that_is_missing_or_different_is_found(tmp_path: Path, row: str, fault: list[str]) -> None:
    (tmp_path / "0001-a.md").write_text("# 0001: One\n\nDate: 2026-11-22. State: accepted.\n", encoding="utf-8")
    assert faults_of_decisions(row, tmp_path) == fault
