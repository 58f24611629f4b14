"""Numbers with their nouns, for messages."""


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun, as in "1 file" and "2 files". `plural`: the plural, if it is irregular."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"
