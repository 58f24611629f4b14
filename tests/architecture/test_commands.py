"""Every `aura` and `make` command on a page exists, with its options."""

from pathlib import Path

import pytest

from tests.architecture import pages

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md")),
        *ROOT.glob("docs/*.md"),
    ]
)
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
KNOWN = pages.options_of_commands()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_of_a_page_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert pages.wrong_aura(text, KNOWN) == []
    assert pages.wrong_make(text, MAKEFILE) == []


def test_the_page_of_commands_names_every_command() -> None:
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    groups = {name.rpartition(" ")[0] for name in KNOWN}
    assert [name for name in KNOWN if name not in groups and f"`aura {name}" not in text] == []


@pytest.mark.parametrize(
    ("page", "wrong"),
    [
        ("```\n$ .venv/bin/aura submit slug.md --wait   # stays\n```", []),
        ("Say `aura run show last --attempt 2`, or `aura COMMAND --help`.", []),
        ("```\ncd x && AURA_HOME=y aura up --no-model\n```", []),
        ("```\naura judge a.md DIR \\\n  --seed 7\n```", []),
        ("`aura demo [--scripted]`", []),
        ("```\naura submit slug.md --wiat\n```", ["aura submit has no --wiat"]),
        ("```\ndocker compose run --rm director hire coder --modle x\n```", ["aura hire has no --modle"]),
        ("```\ncd x && aura up --no-modle\n```", ["aura up has no --no-modle"]),
        ("Say `aura hier coder`.", ["aura hier: there is no such command"]),
    ],
)
def test_a_wrong_command_is_found(page: str, wrong: list[str]) -> None:
    assert pages.wrong_aura(page, KNOWN) == wrong


@pytest.mark.parametrize(
    ("page", "wrong"),
    [
        ("```\nmake test-slow PART=ci\n```", []),
        ("`make demo`", []),
        ("```\nmake tset\n```", ["make tset"]),
        ("`make bench QIUCK=1`", ["make QIUCK=1"]),
    ],
)
def test_a_wrong_target_is_found(page: str, wrong: list[str]) -> None:
    assert pages.wrong_make(page, MAKEFILE) == wrong
