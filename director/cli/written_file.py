"""Files that a command's options ask for: a page, a statement."""

from pathlib import Path

from domain.errors import Invalid


def write_file(path: Path, content: bytes) -> None:
    """Write what a person asked for. Raises Invalid."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Invalid(
            f"{path} cannot be written: {error.strerror}.", hint="Name a file in a folder of yours."
        ) from error
