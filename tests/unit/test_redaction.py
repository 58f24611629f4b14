"""Secrets are removed from stored texts: known values and usual forms. Other text does not change."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.redaction import MARK, SECRET_CHARS_MIN, Redactor

KEY = "correct-horse-battery"
FORMS = (
    b"sk-proj_" + b"a1" * 12,
    b"AKIA" + b"B2" * 8,
    b"ghp_" + b"c3" * 15,
    b"gho_" + b"c3" * 18,
    b"AIza" + b"d" * 35,
    b"Bearer eyJhbGciOi.JIUzI1NiIsIn",
    b"bearer   " + b"x" * 20 + b"==",
    b"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n\xff\n-----END RSA PRIVATE KEY-----",
    b"-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----",
)
INNOCENT = (
    b"sk-short",
    b"the bearer of this letter",
    b"AKIAnothing",
    b"-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
    b"a task-force of risk-takers",
    b"\x00\xff binary \xfe",
)


@pytest.mark.parametrize("secret", FORMS)
def test_a_usual_form_goes_wherever_it_stands(secret: bytes) -> None:
    cleaned = Redactor().clean(b'{"before": "' + secret + b'", "after": 1}')
    assert secret not in cleaned
    assert cleaned == b'{"before": "' + MARK + b'", "after": 1}'


@pytest.mark.parametrize("text", INNOCENT)
def test_what_is_no_secret_stays(text: bytes) -> None:
    assert Redactor([KEY]).clean(text) == text


def test_a_known_value_goes_everywhere_and_another_stays() -> None:
    text = f"{KEY} and again {KEY}{KEY}; {KEY[:-1]}"
    assert Redactor([KEY]).clean_text(text) == f"[redacted] and again [redacted][redacted]; {KEY[:-1]}"
    assert Redactor(["another-value"]).clean_text(text) == text


def test_of_two_known_values_the_longer_one_goes_whole() -> None:
    longer = f"{KEY}-staple"
    assert Redactor([KEY, longer]).clean_text(f"<{longer}>") == "<[redacted]>"


def test_a_known_value_is_found_in_the_json_that_is_kept() -> None:
    """A prompt is kept as JSON, in which quotes, backslashes and other letters are written in another way."""
    secret = 'pa"ss\\wörd-\n-is-long'
    kept = msgspec.json.encode({"prompt": f"use {secret} now"})
    assert Redactor([secret]).clean(kept) == b'{"prompt":"use [redacted] now"}'


@pytest.mark.parametrize("short", ["", "a", "x" * (SECRET_CHARS_MIN - 1)])
def test_a_value_too_short_to_be_a_key_replaces_nothing(short: str) -> None:
    text = f"a text with {short} in it"
    assert Redactor([short]).clean_text(text) == text


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_no_known_value_survives(before: bytes, after: bytes) -> None:
    redactor = Redactor([KEY])
    cleaned = redactor.clean(before + KEY.encode() + after)
    assert KEY.encode() not in cleaned
    assert redactor.clean(cleaned) == cleaned


def test_a_text_that_is_no_unicode_is_cleaned_too() -> None:
    assert Redactor([KEY]).clean_text(f"\ud800 {KEY}") == "? [redacted]"
