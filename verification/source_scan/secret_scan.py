"""Secrets in text: keys in the formats of their providers, and passwords that look random.

An obvious example is not a secret: a placeholder, a part of the alphabet, a sample from a provider's manual.
"""

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from verification.source_scan.write_set import is_test

SCANNED_BYTES_MAX = 1 << 20  # of one file
_KEY_BODY_CHARS_MIN = 64  # characters of base64, without quotes and line ends
_KEY_BODY_BYTES_MAX = 2000
_ENTROPY_BITS_MIN = 3.2  # bits per character
_CHANGES_MIN = 0.4  # share of neighbours of different kinds (lower, upper, digit, other); words have a lower share
_RUN_CHARS = 6  # abcdef, 123456
_PROSE = (".md", ".rst", ".txt")
_SAME_MAX = 0.4  # share of the most frequent character

_PRIVATE = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----")
_SHAPES: tuple[tuple[str, re.Pattern[bytes]], ...] = (
    ("an AWS access key", re.compile(rb"(?<![A-Za-z0-9])(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9])")),
    ("a GitHub token", re.compile(rb"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b")),
    ("an API key of a model's provider", re.compile(rb"(?<![A-Za-z0-9_-])sk-[A-Za-z0-9_-]{32,}")),
    ("a Slack token", re.compile(rb"\bxox[abeprs]-[0-9]{6,}-[0-9A-Za-z-]{12,}")),
    ("a Google API key", re.compile(rb"(?<![A-Za-z0-9_-])AIza[0-9A-Za-z_-]{35}(?![A-Za-z0-9_-])")),
)
_LOOSE = frozenset({"an API key of a model's provider"})
"""Formats that ordinary words with hyphens may also have."""
_JWT = re.compile(rb"(?<![A-Za-z0-9_-])(eyJ[A-Za-z0-9_-]{10,})\.(eyJ[A-Za-z0-9_-]{10,})\.[A-Za-z0-9_-]{20,}")
_NAME = rb"(?:password|passwd|pwd|secret|token|api_?key|access_?key|auth_?key|secret_?key)"
_ASSIGNED = re.compile(
    rb"(?i)"
    + _NAME
    + rb"""["']?\s*+\]?\s*+(?::[a-z.\[\]|\s]++)?(?:=|:)\s*+b?["']([A-Za-z0-9_!@#$%^&*+/=~-]{16,128})["']"""
)
"""The pattern never backtracks (`*+`, `++`). Otherwise the author of a text could make a search take very long."""
_EXAMPLE = re.compile(
    rb"(?i)example|test|fake|dummy|placeholder|sample|your|redacted|change.?me|not.?real|insecure|xxxx|\.\.\.|secret|"
    rb"password|2YotnFZFEjr1zCsicMWpAA|tGzv3JOkF0XG5Qx2TlKWIA"  # the last two: tokens from RFC 6749, often quoted
)


class Secret(NamedTuple):
    """Place and kind of a secret; `repr` never shows the secret. `form`: shape, key, claim or password."""

    line: int
    kind: str
    form: str
    value: bytes  # for a comparison with known values; it is never shown

    def __repr__(self) -> str:
        return f"Secret(line={self.line}, kind={self.kind!r})"


def secrets_in(content: bytes) -> Iterator[Secret]:
    """Yield the secrets of one file, ordered by kind. A binary file has no secrets."""
    text = content[:SCANNED_BYTES_MAX]
    if b"\0" in text:
        return
    line_of = _Lines(text).of
    for found in _PRIVATE.finditer(text):
        body = _key_body(text[found.end() : found.end() + _KEY_BODY_BYTES_MAX])
        if body is not None:
            yield Secret(line_of(found.start()), "a private key", "key", body)
    for kind, shape in _SHAPES:
        for found in shape.finditer(text):
            if not _is_example(found[0]) and (kind not in _LOOSE or _is_random(found[0])):
                yield Secret(line_of(found.start()), kind, "shape", found[0])
    for found in _JWT.finditer(text):
        claims = _decoded(found[2])
        if _decoded(found[1]) is not None and claims is not None and not _is_example(claims):
            yield Secret(line_of(found.start()), "a signed token (JWT)", "claim", found[0])
    for found in _ASSIGNED.finditer(text):
        if _is_random(found[1]) and not _is_example(found[1]):
            yield Secret(line_of(found.start()), "a password or key", "password", found[1])


def is_sure(path: str, secret: Secret) -> bool:
    """Return whether a match is surely a secret. In tests and prose, only a provider's own key format is."""
    return secret.form == "shape" or not (is_test(path) or path.endswith(_PROSE))


class _Lines:
    """Line numbers of positions in a text. For a higher position, counting continues from the previous position."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._position, self._line = 0, 1

    def of(self, position: int) -> int:
        if position < self._position:
            self._position, self._line = 0, 1
        self._line += self._text.count(b"\n", self._position, position)
        self._position = position
        return self._line


def _key_body(text: bytes) -> bytes | None:
    """Return the bytes of a key after its header; None for a header without a key, as in code that reads keys."""
    bare = re.sub(rb"""(?:\\n|\\r|[\s"'+,()])+""", b"", text)
    found = re.match(rb"[A-Za-z0-9+/=]+", bare)
    body = found[0] if found else b""
    return None if len(body) < _KEY_BODY_CHARS_MIN or _is_example(body) else body


def _decoded(part: bytes) -> bytes | None:
    try:
        return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        return None


def _is_example(value: bytes) -> bool:
    most = max(Counter(value).values()) / len(value)
    return bool(_EXAMPLE.search(value)) or most > _SAME_MAX or _has_run(value)


def _has_run(value: bytes) -> bool:
    """Return whether a value contains a sequence such as abcdef or 123456."""
    length = 1
    for before, char in pairwise(value):
        length = length + 1 if char == before + 1 or (before, char) == (0x39, 0x30) else 1
        if length >= _RUN_CHARS:
            return True
    return False


def _is_random(value: bytes) -> bool:
    """Return whether a value mixes letters and digits so much that it is probably not a word, number or path."""
    kinds = [_kind(char) for char in value]
    if "digit" not in kinds or not {"lower", "upper"} & set(kinds):
        return False
    changes = sum(one != other for one, other in pairwise(kinds)) / (len(kinds) - 1)
    return changes >= _CHANGES_MIN and _entropy(value) >= _ENTROPY_BITS_MIN


def _kind(char: int) -> str:
    letter = chr(char)
    if letter.isdigit():
        return "digit"
    return "upper" if letter.isupper() else "lower" if letter.islower() else "other"


def _entropy(value: bytes) -> float:
    """Return the entropy in bits per character, from the frequencies of the characters."""
    shares = [count / len(value) for count in Counter(value).values()]
    return -sum(share * math.log2(share) for share in shares)
