"""Escapes text from outside Aura: characters that hide, move or colour other text are shown as codes."""

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories: control (with the escape character), format, private use, surrogate, line and paragraph end."""
_WITHOUT_KEPT = str.maketrans("", "", "\n\t")
"""Removes the signs that are kept. The rest of most texts is printable ASCII, which needs no look at each sign."""


def visible(text: str) -> str:
    """Return the text with each character of these categories written as <U+XXXX>. Line ends and tabs stay."""
    if text.isascii() and text.translate(_WITHOUT_KEPT).isprintable():
        return text
    return "".join(
        f"<U+{ord(sign):04X}>" if sign not in "\n\t" and unicodedata.category(sign) in _HIDDEN else sign
        for sign in text
    )


def below(text: str, indent: str = "    ") -> str:
    """Escape text and indent every line except the first, so that the text cannot imitate a line of Aura."""
    return visible(text).replace("\n", f"\n{indent}")
