"""Known hard-to-read sentences do not come back, in code or on pages."""

import re
from pathlib import Path

import pytest

from tests.architecture.packages import CODE

ROOT = Path(__file__).resolve().parents[2]
HARD_TO_READ = {
    r"(is|are) another matter\b": "say how they differ",
    r"none accepted one\b": "say what was accepted, and of what",
    r"[Ee]very process tells\b": "a process answers, reports or shows",
    r"\b[Tt]he way of a\b": "say which path it takes",
    r"\b(bears?|bore) an? (id|mark|name)\b|that (it|they) bears?\b": "it has one",
    r"\bdrawn itself\b": "say who draws it",
    r"and that stands\b": "say that it is final",
    r"must be a whole number, not a number\b": "name the kind that was given",
    r"\bDone, as event\b": "say what was recorded",
}
"""A pattern -> what to write instead."""


def hard_sentences(text: str) -> list[str]:
    """Name each forbidden pattern in a text, with its remedy."""
    plain = re.sub(r"\s+", " ", text)
    return [f"{match[0]!r}: {remedy}" for hard, remedy in HARD_TO_READ.items() for match in re.finditer(hard, plain)]


@pytest.mark.parametrize("folder", [*CODE, "docs", "."])
def test_no_hard_sentence_comes_back(folder: str) -> None:
    files = (ROOT / folder).rglob("*.py") if folder in CODE else (ROOT / folder).glob("*.md")
    texts = {path.name: path.read_text(encoding="utf-8") for path in files}
    assert texts
    assert {name: found for name, text in texts.items() if (found := hard_sentences(text))} == {}


@pytest.mark.parametrize(
    "sentence",
    [
        "Which functions pass at which attempt is another matter each time.",
        "Of 957 verdicts on 125 cheats none accepted one.",
        "Every\nprocess tells `/livez`.",
        "The way of a command",
        "No label bears an id.",
        "An image, by the digest that it bears.",
        "A seed, drawn itself when it is not given.",
        "`tries` must be a whole number, not a number",
        "Done, as event 180.",
    ],
)
def test_a_hard_sentence_is_found(sentence: str) -> None:
    assert hard_sentences(sentence)
    assert hard_sentences("Each process answers `/livez`. The run is ended (cancelled).") == []
