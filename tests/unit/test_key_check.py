"""Keys as people paste them: white space is removed, and a value that cannot be a key is named and never shown."""

from pathlib import Path

import pytest

from agents.employees.key_check import checked_key
from agents.employees.posting import Posting
from agents.employees.postings import build, key_of, read_keys, save
from bus.redaction import Redactor
from domain.errors import Invalid

KEY = "gsk-0123456789abcdef"
POSTING = Posting(name="ada", kind="openai", model="m", base_url="http://127.0.0.1:1/v1", api_key_env="MY_CREDENTIAL")
BAD = {
    "curly quotes": (f"\u201c{KEY}\u201d", "a curly quote at character 1 of 22"),
    "a zero-width space": (f"{KEY[:4]}\u200b{KEY[4:]}", "a zero-width space at character 5"),
    "a no-break space": (f"{KEY[:4]}\u00a0{KEY[4:]}", "a no-break space"),
    "a line break": (f"{KEY}\nexport X=1", "a line break at character 21"),
    "the word Bearer": (f"Bearer {KEY}", "a space at character 7"),
    "another letter": (f"{KEY}é", "LATIN SMALL LETTER E WITH ACUTE"),
    "NUL": (f"{KEY}\0{KEY}", "a control character"),
    "quotes": (f"'{KEY}'", "is in quotes"),
    "half of a surrogate pair": (f"{KEY}\ud800{KEY}", "at character 21"),
    "without end": ("x" * 10_000, "10000 characters"),
}


@pytest.mark.parametrize("key", [KEY, f"{KEY}\n", f"  {KEY}\r\n", f"\t{KEY} "])
def test_white_space_around_a_key_goes(key: str) -> None:
    assert key_of(POSTING, {"MY_CREDENTIAL": key}) == KEY


@pytest.mark.parametrize("how", BAD)
def test_what_cannot_be_a_key_is_named_and_not_shown(how: str) -> None:
    key, says = BAD[how]
    with pytest.raises(Invalid, match=says) as raised:
        build(POSTING, {"MY_CREDENTIAL": key})
    assert "MY_CREDENTIAL" in str(raised.value)
    assert KEY not in str(raised.value)
    assert "x" * 20 not in str(raised.value)


def test_no_key_is_none() -> None:
    assert key_of(POSTING, {}) == ""
    assert checked_key(" ", "X") == ""


def test_a_key_is_redacted_whatever_its_variable_is_called(tmp_path: Path) -> None:
    redactor, text = Redactor(), f"you sent {KEY}!"
    assert redactor.clean_text(text) == text, "control: nobody has read it"
    save(tmp_path, POSTING)
    read_keys(tmp_path, {"MY_CREDENTIAL": f"{KEY}\n"})
    assert redactor.clean_text(text) == "you sent [redacted]!"
    assert Redactor(["another-one"]).clean_text(text) == "you sent [redacted]!"


def test_a_key_that_cannot_be_one_is_redacted_too(tmp_path: Path) -> None:
    save(tmp_path, POSTING)
    read_keys(tmp_path, {"MY_CREDENTIAL": f"\u201c{KEY}\u201d"})
    assert KEY not in Redactor().clean_text(f"a \u201c{KEY}\u201d b")
