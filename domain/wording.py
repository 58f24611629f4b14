"""Parts of messages: a count with its noun, and texts of others joined into sentences."""

ENDS = (".", "!", "?", ":", ";", "…")
"""The marks after which another sentence may follow."""


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun, as in "1 file" and "2 files". `plural`: the plural, if it is irregular."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


def sentences(*texts: str) -> str:
    """Join texts into one line of sentences. A text that ends without a mark gets a full stop, except the last one."""
    said = [text.strip() for text in texts if text.strip()]
    return " ".join([*(text if text.endswith(ENDS) else f"{text}." for text in said[:-1]), *said[-1:]])
