"""Escapes text from outside Aura: characters that hide, move or colour other text are shown as codes."""

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories: control (with the terminal's escape), format, private use, surrogate, line and paragraph end."""


def visible(text: str) -> str:
    """Return the text with each such character as <U+XXXX>. Line ends and tabs stay."""
    return "".join(
        f"<U+{ord(sign):04X}>" if sign not in "\n\t" and unicodedata.category(sign) in _HIDDEN else sign
        for sign in text
    )


def below(text: str, indent: str = "    ") -> str:
    """Escape text and indent its lines after the first, so that no line looks like one of Aura's own."""
    return visible(text).replace("\n", f"\n{indent}")
