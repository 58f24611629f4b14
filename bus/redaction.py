"""Secrets out of what is kept: the values this process knows, and the forms that keys usually have."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from bus.secretfile import READ, SUFFIX, read_secret
from domain.errors import Invalid

MARK = b"[redacted]"
SECRET_CHARS_MIN = 8
"""Shorter known values are not replaced: they would hit ordinary words."""
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
    """The values that must never be kept: those of variables whose names say that they are secret, and of their files.

    A file that this process cannot read is passed over: what it holds cannot come from here.
    """
    values = {name: value for name, value in environment.items() if name.upper().endswith(SECRET_ENDINGS)}
    for name in environment:
        plain = name.removesuffix(SUFFIX)
        if plain != name and plain.upper().endswith(SECRET_ENDINGS):
            with suppress(Invalid):
                values[name] = read_secret(plain, Path(environment[name]))
    return [value.strip() for value in values.values() if value.strip()]


class Redactor:
    """Replaces secrets in bytes and texts. `known`: values that must never be kept, such as API keys.

    They are found as they are and as JSON writes them, for prompts are kept as JSON. So is every secret that this
    process has read, also one that it reads later.
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
        """The text without secrets; what is no Unicode (half of a surrogate pair) becomes a question mark."""
        return self.clean(text.encode(errors="replace")).decode(errors="replace")

    def _values(self) -> tuple[bytes, ...]:
        if self._read != READ:
            self._read = frozenset(READ)
            self._known = _forms_of(self._given | self._read)
        return self._known


def _forms_of(values: Iterable[str]) -> tuple[bytes, ...]:
    """Return the forms of the values in bytes, the longest first. A value that is not Unicode has none."""
    forms: set[bytes] = set()
    for value in values:
        if len(value) >= SECRET_CHARS_MIN:
            with suppress(UnicodeEncodeError):
                forms |= {value.encode(), msgspec.json.encode(value)[1:-1]}
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))
