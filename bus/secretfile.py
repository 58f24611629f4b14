"""Secrets in files, so that they are not in the environment.

NAME_FILE names a file with the value of NAME. AURA_SECRETS names a folder of such files: NAME in small letters.
"""

from collections.abc import Mapping
from pathlib import Path

from domain.errors import Invalid

SUFFIX = "_FILE"
FOLDER = "AURA_SECRETS"
READ: set[str] = set()
"""Every secret that this process has read. Redactors replace all of them, whatever the names of the variables are."""


def from_file(name: str, value: str | None, file: Path | None) -> str | None:
    """Return the value, or the only line of the file. Raises Invalid if both are set, or if there is not one line."""
    if file is None:
        return value
    if value is not None:
        raise Invalid(f"{name} and {name}{SUFFIX} are both set.", hint="Unset one of them.")
    text = read_secret(name, file)
    if not text or len(text.splitlines()) != 1:
        raise Invalid(
            f"{name}{SUFFIX} names {file}, which does not have exactly one line.",
            hint=f"Write only the value of {name} into that file.",
        )
    return text


def secret(name: str, environment: Mapping[str, str]) -> str:
    """Return the value of NAME, or the content of its file; empty if there is neither.

    NAME_FILE names the file. Without NAME_FILE it is `name` in the folder AURA_SECRETS. White space around the value is
    removed. Raises Invalid.
    """
    value, file = environment.get(name, "").strip(), environment.get(f"{name}{SUFFIX}", "") or _filed(name, environment)
    if file and read_secret(name, Path(file)):
        value = from_file(name, value or None, Path(file)) or ""
    if value:
        READ.add(value)
    return value


def secret_line(file: Path, named_in: Path) -> str:
    """Return the secret in a file that another file names. Raises Invalid if it is not one line of text."""
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"The secret file {file} cannot be read: {error}.", hint=f"Correct {named_in}.") from None
    if not text or len(text.splitlines()) != 1:
        raise Invalid(f"The secret file {file} does not have exactly one line.", hint="Write only the secret into it.")
    READ.add(text)
    return text


def _filed(name: str, environment: Mapping[str, str]) -> str:
    """Return the path of the secret's file in AURA_SECRETS; empty if the file is missing or the variable is set."""
    folder = environment.get(FOLDER, "")
    file = Path(folder, name.lower())
    return str(file) if folder and not environment.get(name) and file.is_file() else ""


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
