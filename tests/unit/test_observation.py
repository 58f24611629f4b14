"""The rule by which a long output is shortened for a model."""

import random

import pytest

from verification.sandbox.observation import BYTES_LEAST, escaped, observation

ROUNDS = 400
ODD = (b"\x00", b"\x1b[2J", b"\r\n", b"\xff", b"\xe2\x82", "€".encode(), "😀".encode(), b"line\n", "\u202e".encode())


def left_out(text: str) -> int:
    """Return the number in the note."""
    return int(text.partition("\n[... ")[2].partition(" bytes left out ...]\n")[0])


def test_a_short_output_stays_as_it_is() -> None:
    assert observation("a\tb\n€ 😀\n".encode()) == "a\tb\n€ 😀\n"
    assert observation(b"") == ""
    assert observation(b"head ", b"tail") == "head tail"


def test_a_long_output_keeps_its_beginning_and_its_end() -> None:
    content = b"".join(b"line %d\n" % number for number in range(10_000))
    text = observation(content, bytes_max=1000)
    head, _, tail = text.partition("\n[... ")
    tail = tail.partition("...]\n")[2]
    assert head.startswith("line 0\nline 1\n")
    assert tail.endswith("line 9998\nline 9999\n")
    assert 900 < len(text.encode()) <= 1000
    assert left_out(text) == len(content) - len(head.encode()) - len(tail.encode())


def test_bytes_that_the_caller_does_not_have_are_counted() -> None:
    assert observation(b"a" * 50, b"z" * 50, 1000) == "a" * 50 + "\n[... 1000 bytes left out ...]\n" + "z" * 50
    text = observation(b"a" * 500, b"z" * 500, 1000, bytes_max=200)
    assert left_out(text) == 2000 - text.count("a") - text.count("z")


def test_a_character_that_was_cut_is_left_out_and_counted() -> None:
    euro = "€".encode()
    text = observation(b"a" + euro[:2], euro[2:] + b"z", 10)
    assert text == "a\n[... 13 bytes left out ...]\nz"
    text = observation(("€" * 1000).encode(), bytes_max=BYTES_LEAST)
    assert "\\x" not in text
    assert left_out(text) == 3000 - 3 * text.count("€")


def test_control_characters_and_invalid_bytes_are_escaped() -> None:
    assert escaped(b"\x1b[31mred\x07\r\n\xff\x7f") == "\\x1b[31mred\\x07\\x0d\n\\xff\\x7f"
    assert escaped("\x85\u202eright to left\u200b\u2066\ufeff\U000e0041".encode()) == (
        "\\x85\\u202eright to left\\u200b\\u2066\\ufeff\\U000e0041"
    )
    assert escaped("é ñ 漢字 \t\n".encode()) == "é ñ 漢字 \t\n"  # the control: text stays text


def test_any_bytes_give_valid_text_within_the_limit() -> None:
    draw = random.Random(20261130)
    shortened = 0
    for _ in range(ROUNDS):
        content = b"".join(draw.choice(ODD) for _ in range(draw.randrange(200)))
        limit = draw.randrange(BYTES_LEAST, 600)
        cut = draw.randrange(len(content) + 1)
        missing = draw.choice((0, 0, 7, 10**9))
        text = observation(content[:cut], content[cut:], missing, bytes_max=limit)
        assert len(text.encode()) <= limit
        assert not any(ord(char) < 32 and char not in "\t\n" for char in text)
        shortened += "bytes left out" in text
        if "bytes left out" in text:
            assert missing <= left_out(text) <= missing + len(content)
    assert 0 < shortened < ROUNDS


def test_a_limit_without_room_for_the_note_is_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        observation(b"x", bytes_max=BYTES_LEAST - 1)
    assert observation(b"x" * 9999, bytes_max=BYTES_LEAST)
