"""Secrets in files. NAME_FILE names a file with the value of NAME, so that the value is not in the environment."""

from collections.abc import Mapping
from pathlib import Path

from domain.errors import Invalid

SUFFIX = "_FILE"
READ: set[str] = set()
"""Every secret that this process has read. Redactors replace all of them, for any name of the variable."""


def from_file(name: str, value: str | None, file: Path | None) -> str | None:
    """Return the value, or the only line of the file. Raises Invalid if both are set or the file has another form."""
    if file is None:
        return value
    if value is not None:
        raise Invalid(f"{name} and {name}{SUFFIX} are both set.", hint="Unset one of them.")
    text = read_secret(name, file)
    if not text or len(text.splitlines()) != 1:
        raise Invalid(
            f"{name}{SUFFIX} names {file}, which does not have exactly one line.",
            hint=f"Write only the value of {name} into it.",
        )
    return text


def secret(name: str, environment: Mapping[str, str]) -> str:
    """Return the value of NAME, or the content of the file that NAME_FILE names; empty if neither is set.

    White space around the value is removed. Raises Invalid.
    """
    value, file = environment.get(name, "").strip(), environment.get(f"{name}{SUFFIX}", "")
    if file and read_secret(name, Path(file)):
        value = from_file(name, value or None, Path(file)) or ""
    if value:
        READ.add(value)
    return value


def read_secret(name: str, file: Path) -> str:
    """Return the content of the file of NAME_FILE without white space around it. Raises Invalid."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise Invalid(
            f"{name}{SUFFIX} names {file}, which cannot be read: {why}.",
            hint=f"Name a file that this user may read, or unset {name}{SUFFIX}.",
        ) from None
