"""Removal of secrets from stored content: secrets that this process knows, and text with the form of a usual key."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from bus.secretfile import READ, SUFFIX, read_secret
from domain.errors import Invalid

MARK = b"[redacted]"
SECRET_CHARS_MIN = 8
"""Shorter known values are not replaced, because they could be parts of ordinary words."""
_FORMS = (
    re.compile(rb"sk-[A-Za-z0-9_-]{20,}"),
    re.compile(rb"AKIA[0-9A-Z]{16}"),
    re.compile(rb"gh[pousr]_[A-Za-z0-9]{30,}"),
    re.compile(rb"AIza[0-9A-Za-z_-]{35}"),
    re.compile(rb"(?i)bearer\s+[A-Za-z0-9._~+/-]{16,}=*"),
    re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL),
)

SECRET_ENDINGS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "_DSN")


def secrets_of(environment: Mapping[str, str]) -> list[str]:
    """Return the secret values of an environment: of variables with a secret's name, and of files that NAME_FILE names.
    Skip a file that this process cannot read, because the process cannot leak its content.
    """
    values = {name: value for name, value in environment.items() if name.upper().endswith(SECRET_ENDINGS)}
    for name in environment:
        plain = name.removesuffix(SUFFIX)
        if plain != name and plain.upper().endswith(SECRET_ENDINGS):
            with suppress(Invalid):
                values[name] = read_secret(plain, Path(environment[name]))
    return [value.strip() for value in values.values() if value.strip()]


class Redactor:
    """Replaces secrets in bytes and texts. `known`: values that must never be stored, such as API keys.

    It replaces the plain values and their JSON form, because prompts are stored as JSON. It also replaces every secret
    that this process has read or reads later.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._given = frozenset(known)
        self._read: frozenset[str] = frozenset()
        self._known = _forms_of(self._given)

    def clean(self, content: bytes) -> bytes:
        for value in self._values():
            content = content.replace(value, MARK)
        for form in _FORMS:
            content = form.sub(MARK, content)
        return content

    def clean_text(self, text: str) -> str:
        """Return the text without secrets. A lone surrogate, which is not Unicode, becomes a question mark."""
        return self.clean(text.encode(errors="replace")).decode(errors="replace")

    def _values(self) -> tuple[bytes, ...]:
        if self._read != READ:
            self._read = frozenset(READ)
            self._known = _forms_of(self._given | self._read)
        return self._known


def _forms_of(values: Iterable[str]) -> tuple[bytes, ...]:
    """Return the forms of the values as bytes, the longest first. A value that is not Unicode has no form."""
    forms: set[bytes] = set()
    for value in values:
        if len(value) >= SECRET_CHARS_MIN:
            with suppress(UnicodeEncodeError):
                forms |= {value.encode(), msgspec.json.encode(value)[1:-1]}
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))
