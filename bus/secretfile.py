"""A secret in a file: NAME_FILE names the file that holds what NAME would, so that it stands in no environment."""

from collections.abc import Mapping
from pathlib import Path

from domain.errors import Invalid

SUFFIX = "_FILE"
READ: set[str] = set()
"""Every secret that this process has read: no redactor of it lets one pass, whatever its variable is called."""


def from_file(name: str, value: str | None, file: Path | None) -> str | None:
    """The value, or what the file holds, which is one line. Raises Invalid."""
    if file is None:
        return value
    if value is not None:
        raise Invalid(f"{name} and {name}{SUFFIX} are both set.", hint="Unset one of them.")
    text = read_secret(name, file)
    if not text or len(text.splitlines()) != 1:
        raise Invalid(
            f"{name}{SUFFIX} names {file}, which does not hold one line.",
            hint=f"Write into it what {name} would hold, and nothing else.",
        )
    return text


def secret(name: str, environment: Mapping[str, str]) -> str:
    """Read the variable NAME, or the file that NAME_FILE names, without white space around it; empty if neither is set.

    Raises Invalid.
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
            hint=f"Let it name a file that this user may read, or unset {name}{SUFFIX}.",
        ) from None
