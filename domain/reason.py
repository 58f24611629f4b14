"""The reason that a command must give, because it is recorded."""

from domain.errors import Invalid


def reason_of(text: str) -> str:
    """Return the reason without spaces around it. Raises Invalid if it is empty."""
    if not text.strip():
        raise Invalid("A reason is needed, because it is recorded.", hint='Add --reason "why".')
    return text.strip()
