"""The picture of README shows the existing commands of its script, and loads nothing from other places."""

import html
import re

from tests.architecture import pages, picture


def _text(svg: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", svg)).replace("\N{NO-BREAK SPACE}", " ")


def test_it_shows_every_command_of_its_script() -> None:
    """After a change of the session: `python -m tests.architecture.picture`."""
    text = _text(picture.PICTURE.read_text(encoding="utf-8"))
    assert [shown.command for shown in picture.SESSION if f"$ {shown.command}" not in text] == []
    assert "Rejected" in text
    assert "Verified" in text


def test_its_commands_exist() -> None:
    session = "\n".join(shown.command for shown in picture.SESSION)
    assert pages.wrong_aura(f"```\n{session}\n```", pages.options_of_commands()) == []


def test_it_loads_nothing() -> None:
    svg = picture.PICTURE.read_text(encoding="utf-8")
    assert re.findall(r"(?:href|src|url)\W+https?:", svg) == []
    assert "font-face" not in svg


def test_a_session_is_drawn_and_long_outputs_are_cut() -> None:
    shown = picture.Shown("aura judge slug.md wrong", 1, 1, 1)
    text = _text(picture.drawn([(shown, "Rejected: <one>\ntwo\nthree\nfour\n")]))
    assert "$ aura judge slug.md wrong" in text
    assert "Rejected: <one>" in text
    assert "four" in text
    assert "two" not in text
    assert "(2 more lines)" in text
