"""Writes the files that a command's options name, such as a page or a statement."""

from pathlib import Path

from domain.errors import Invalid


def write_file(path: Path, content: bytes) -> None:
    """Write a file that an option names. Raises Invalid."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Invalid(
            f"{path} cannot be written: {error.strerror}.", hint="Name a file in a folder that you may write to."
        ) from error
