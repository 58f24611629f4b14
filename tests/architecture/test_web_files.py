"""The files of the pages: vendored files are the ones that vendor.toml names, and templates refer to nothing else."""

import re
import shutil
from pathlib import Path

import pytest

from director.http.pages.rendering import ASSETS
from director.http.pages.screens import SCREENS
from tests.architecture.vendored import VENDOR, entries, faults

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "director" / "http" / "templates"
STATIC = ROOT / "director" / "http" / "static"
WEB = ROOT / "docs" / "web.md"
FORBIDDEN = {
    r"""(?:src|href|action|hx-get|hx-post|connect)=["']?(?:https?:)?//""": "another host",
    r"""<script(?![^>]*\bsrc=)""": "a script inside the page",
    r"""<style\b|\sstyle=""": "a style inside the page",
    r"""\son[a-z]+=|hx-on|hx-vals=["']?js:""": "code in an attribute",
    r"\|\s*safe\b": "text that is not escaped",
    r"autoescape\s+false": "text that is not escaped",
}
"""A pattern -> what it would load or run."""
FETCHES = re.compile(r"@import|url\(|https?://(?!www\.w3\.org/2000/svg)")


def faults_of_template(text: str) -> list[str]:
    return [what for pattern, what in FORBIDDEN.items() if re.search(pattern, text)]


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: path.name)
def test_a_template_loads_and_runs_only_our_files(path: Path) -> None:
    assert faults_of_template(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example/x.js">',
        '<a href="//cdn.example">',
        "<script>go()</script>",
        '<p style="color: red">',
        '<p onclick="go()">',
        "{{ answer|safe }}",
    ],
)
def test_a_fault_in_a_template_is_found(text: str) -> None:
    assert faults_of_template(text)


def test_an_element_of_htmx_has_the_nonce() -> None:
    """hx-csp strips every element that has hx attributes and no nonce."""
    lacking = [
        (path.name, tag)
        for path in TEMPLATES.rglob("*.html")
        for tag in re.findall(r"<[a-z]+[^<>]*\shx-[^<>]*(?:{{[^}]*}}[^<>]*)*>", path.read_text(encoding="utf-8"))
        if "hx-nonce" not in tag
    ]
    assert lacking == []


def test_our_own_files_fetch_nothing() -> None:
    own = [path for path in STATIC.iterdir() if path.is_file()]
    assert {"aura.css", "aura.js"} <= {path.name for path in own}
    assert [path.name for path in own if FETCHES.search(path.read_text(encoding="utf-8"))] == []
    assert FETCHES.search("@import 'x.css'"), "the control"


def test_every_file_that_pages_may_load_exists() -> None:
    assert [name for name in ASSETS if not (STATIC / name).is_file()] == []


def test_the_vendored_files_are_those_of_the_list(tmp_path: Path) -> None:
    assert faults(VENDOR, entries()) == []
    changed = tmp_path / "vendor"
    shutil.copytree(VENDOR, changed)
    first = changed / entries()[0]["name"]
    first.write_bytes(first.read_bytes() + b"//")
    (changed / "more.js").write_text("")
    assert faults(changed, entries()) == ["more.js is not in both", f"{first.name} has another digest"], "the control"


def test_each_screen_has_a_name_a_path_a_letter_and_a_template_of_its_own() -> None:
    for key in ("name", "path", "title"):
        values = [getattr(screen, key) for screen in SCREENS]
        assert len(values) == len(set(values)), key
    letters = [screen.letter for screen in SCREENS if screen.letter]
    assert len(letters) == len(set(letters))
    assert [screen.name for screen in SCREENS if not (TEMPLATES / screen.template).is_file()] == []


def test_the_page_lists_the_screens() -> None:
    """docs/web.md has the table of screens."""
    rows = [
        f"| {screen.title} | `{screen.path}` | {f'`g` `{screen.letter}`' if screen.letter else ''} | {screen.right} | "
        f"{'yes' if screen.as_of else 'no'} | {screen.about} |"
        for screen in SCREENS
    ]
    section = WEB.read_text(encoding="utf-8").partition("## Screens")[2].partition("\n## ")[0]
    written = [line for line in section.splitlines() if line.startswith("| ")][2:]
    assert written == rows
