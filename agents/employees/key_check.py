"""API keys as people paste them: spaces around one go, and what cannot be a key is named without being shown."""

import unicodedata

from domain.errors import Invalid

KEY_CHARS_MAX = 8192
_NAMES = {
    "\u2018": "a curly quote",
    "\u2019": "a curly quote",
    "\u201c": "a curly quote",
    "\u201d": "a curly quote",
    "\u200b": "a zero-width space",
    "\u200c": "a zero-width character",
    "\u200d": "a zero-width character",
    "\u2060": "a zero-width character",
    "\ufeff": "a byte order mark",
    "\u00a0": "a no-break space",
    "\n": "a line break",
    "\r": "a line break",
    "\t": "a tab",
    " ": "a space",
}


def checked_key(key: str, variable: str) -> str:
    """The key without white space around it. Raises Invalid, without showing it, for one that no server takes."""
    key = key.strip()
    if len(key) > KEY_CHARS_MAX:
        raise Invalid(f"The key in {variable} has {len(key)} characters.", hint=_hint(variable), code="bad_key")
    for place, character in enumerate(key, start=1):
        if not "!" <= character <= "~":
            raise Invalid(
                f"The key in {variable} holds {_named(character)} at character {place} of {len(key)}.",
                hint=_hint(variable),
                code="bad_key",
            )
    if len(key) > 1 and key[0] in "'\"`<" and key[-1] in "'\"`>":
        raise Invalid(f"The key in {variable} stands in quotes.", hint=_hint(variable), code="bad_key")
    return key


def _named(character: str) -> str:
    """Describe a character in words."""
    return (
        _NAMES.get(character) or f"a character that no key has ({unicodedata.name(character, 'a control character')})"
    )


def _hint(variable: str) -> str:
    return f"Set {variable} to the key alone, as the provider shows it."
