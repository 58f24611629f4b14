"""A count and its noun agree, also where the noun's plural is irregular."""

import re
from pathlib import Path

import pytest

from domain.errors import Invalid
from domain.wording import counted, sentences

ROOT = Path(__file__).parents[2]
ODD = re.compile(
    r"\{len\([^{}]*\)\} (?:more )?(?:runs|tasks|files|events|attempts|strikes|differences|criteria)\b(?! are)"
)
"""Text of a message in which a 1 would stand before a plural."""
LIMITED = ("more than", "limit is", "have an attempt")
"""Messages about two or more."""


@pytest.mark.parametrize(
    ("count", "words", "text"),
    [
        (0, ("file",), "0 files"),
        (1, ("file",), "1 file"),
        (2, ("file",), "2 files"),
        (1, ("criterion", "criteria"), "1 criterion"),
        (3, ("criterion", "criteria"), "3 criteria"),
        (1, ("test was", "tests were"), "1 test was"),
    ],
)
def test_a_noun_has_the_number_of_its_count(count: int, words: tuple[str, ...], text: str) -> None:
    assert counted(count, *words) == text


@pytest.mark.parametrize(
    ("texts", "joined"),
    [
        (("Incorrect API key provided", "KEY is not set."), "Incorrect API key provided. KEY is not set."),
        (("It is full.", "Free some room."), "It is full. Free some room."),
        (("Two problems:", "first"), "Two problems: first"),
        (("It was cut…", "Read it."), "It was cut… Read it."),
        (("Said", "", "  "), "Said"),
        (("", "Hint"), "Hint"),
    ],
)
def test_texts_of_others_become_sentences(texts: tuple[str, ...], joined: str) -> None:
    assert sentences(*texts) == joined


def test_an_error_separates_its_message_from_its_hint() -> None:
    assert str(Invalid("answered 401: no such key", hint="Set it.")) == "answered 401: no such key. Set it."
    assert str(Invalid("It is odd.", hint="Set it.")) == "It is odd. Set it.", "the control"


def test_no_message_puts_a_length_before_a_plural() -> None:
    assert ODD.search('f" and {len(others)} more runs"'), "the control"
    folders = ("agents", "bus", "director", "governance", "observability", "runtime", "verification")
    lines = [
        line for folder in folders for path in (ROOT / folder).rglob("*.py") for line in path.read_text().split("\n")
    ]
    assert [line for line in lines if ODD.search(line) and not any(text in line for text in LIMITED)] == []
