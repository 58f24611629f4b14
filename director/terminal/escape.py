"""Text of strangers for people's eyes: what would hide, move or colour other text is shown as what it is."""

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Controls, among them the terminal's escape; directions and joiners; private use; surrogates; separators of lines."""


def visible(text: str) -> str:
    """The text with each such character as <U+XXXX>; line ends and tabs stay."""
    return "".join(
        f"<U+{ord(sign):04X}>" if sign not in "\n\t" and unicodedata.category(sign) in _HIDDEN else sign
        for sign in text
    )


def below(text: str, indent: str = "    ") -> str:
    """Escape text and indent its lines after the first one, so that none can pass for one of ours."""
    return visible(text).replace("\n", f"\n{indent}")
