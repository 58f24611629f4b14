"""Every link on a page leads to an existing file, heading or symbol."""

from pathlib import Path

import pytest

from tests.architecture import pages

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINKS_TO_CODE_MIN = 60


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    assert pages.broken_links(page, ROOT) == []


def test_the_architecture_page_links_to_code() -> None:
    """The control: its links are found, and they name symbols."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert text.count(".py)") >= LINKS_TO_CODE_MIN


@pytest.mark.parametrize(
    ("link", "fault"),
    [
        ("[`Gate.handle`](governance/gate.py)", ""),
        ("[domain/law.py](domain/law.py)", ""),
        ("[`Gate.handel`](governance/gate.py)", "the file defines no Gate.handel"),
        ("[`Gate`](governance/gates.py)", "there is no such file"),
        ("[here](#the-end)", ""),
        ("[here](#the-beginning)", "the page has no such heading"),
        ("![a picture](docs/none.svg)", "there is no such file"),
    ],
)
def test_a_link_that_leads_nowhere_is_found(tmp_path: Path, link: str, fault: str) -> None:
    for name in ("governance/gate.py", "domain/law.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(f"# A page\n\n{link}\n\n## The end\n", encoding="utf-8")
    found = pages.broken_links(page, tmp_path)
    assert [wrong.partition(": ")[2] for wrong in found] == ([fault] if fault else [])
