"""Checks of API keys that people paste. Spaces around a key are removed. A message names an invalid character, but it
never shows the key itself.
"""

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
    """Return the key without white space around it. Raises Invalid if no server would accept the key. The text of the
    error does not contain the key.
    """
    key = key.strip()
    if len(key) > KEY_CHARS_MAX:
        raise Invalid(
            f"The key in {variable} has {len(key)} characters. The limit is {KEY_CHARS_MAX}.",
            hint=_hint(variable),
            code="bad_key",
        )
    for place, character in enumerate(key, start=1):
        if not "!" <= character <= "~":
            raise Invalid(
                f"The key in {variable} has {_named(character)} at character {place} of {len(key)}.",
                hint=_hint(variable),
                code="bad_key",
            )
    if len(key) > 1 and key[0] in "'\"`<" and key[-1] in "'\"`>":
        raise Invalid(f"The key in {variable} is in quotes.", hint=_hint(variable), code="bad_key")
    return key


def _named(character: str) -> str:
    """Return a description of a character in words."""
    return (
        _NAMES.get(character)
        or f"a character that no key may have ({unicodedata.name(character, 'a control character')})"
    )


def _hint(variable: str) -> str:
    return f"Set {variable} to the key only, as the provider shows it."
