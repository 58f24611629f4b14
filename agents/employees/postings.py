"""The postings: one JSON file for each employee in AURA_HOME/employees. A file states how to reach the employee and
contains no keys.
"""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from agents.employees.contract import Employee
from agents.employees.key_check import checked_key
from agents.employees.posting import Posting
from agents.employees.providers.table import provider_named
from bus.secretfile import secret
from domain.errors import Invalid, NotFound

if TYPE_CHECKING:
    from pydantic import SecretStr

_posting = msgspec.json.Decoder(Posting)


def checked_name(name: str) -> str:
    """Return the name. Raises Invalid if it cannot be a file name."""
    if not name.replace("-", "").replace("_", "").isalnum():
        raise Invalid(f"{name!r} is not a plain name.", hint="Use letters, digits, - and _.")
    return name


def path_of(folder: Path, name: str) -> Path:
    """Return the path of an employee's file."""
    return folder / f"{checked_name(name)}.json"


def save(folder: Path, posting: Posting) -> Path:
    """Write an employee's file. It replaces an existing file."""
    path = path_of(folder, posting.name)
    os.replace(write_partial(path, posting), path)
    return path


def create(folder: Path, posting: Posting) -> bool:
    """Write the file of an employee. Return False if the name is in use."""
    path = path_of(folder, posting.name)
    partial = write_partial(path, posting)
    try:
        os.link(partial, path)
    except FileExistsError:
        return False
    finally:
        partial.unlink()
    return True


def write_partial(path: Path, content: msgspec.Struct) -> Path:
    """Write the file under a temporary name, which readers ignore."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{secrets.token_hex(4)}.partial")
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(content)))
    return partial


def remove(folder: Path, employee: UUID) -> bool:
    """Remove the files of an employee. Return False if there is no file."""
    paths = [path for path, posting in _read(folder) if posting.id == employee]
    for path in paths:
        path.unlink(missing_ok=True)
    return bool(paths)


AWAY = "dismissed"
"""The folder, in the folder of the files, with the files of dismissed employees. A rehire brings a file back."""


def put_away(folder: Path, employee: UUID) -> bool:
    """Move the files of an employee to the folder of the dismissed ones. Return False if there is no file."""
    paths = [path for path, posting in _read(folder) if posting.id == employee]
    if paths:
        (folder / AWAY).mkdir(exist_ok=True)
    for path in paths:
        os.replace(path, _away(folder, employee))
    return bool(paths)


def is_away(folder: Path, employee: UUID) -> bool:
    """Return whether the file of this employee is in the folder of the dismissed ones."""
    return _away(folder, employee).exists()


def bring_back(folder: Path, employee: UUID) -> bool:
    """Move the file of an employee back from the folder of the dismissed ones. Return False if it is not there."""
    path = _away(folder, employee)
    try:
        posting = _posting.decode(path.read_bytes())
    except FileNotFoundError:
        return False
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Invalid(f"The employee's file {path} cannot be read: {error}.", hint="Correct the file.") from error
    os.replace(path, path_of(folder, posting.name))
    return True


def _away(folder: Path, employee: UUID) -> Path:
    return folder / AWAY / f"{employee}.json"


def state_of(folder: Path) -> frozenset[tuple[str, int, int, int]]:
    """Return name, inode, size and time of change (ns) of each employee's file.

    It changes when a file is written, replaced or gets other permissions.
    """
    try:
        with os.scandir(folder) as entries:
            files = [(entry.name, entry.stat()) for entry in entries if entry.name.endswith(".json")]
    except OSError:
        return frozenset()
    return frozenset((name, stat.st_ino, stat.st_size, stat.st_ctime_ns) for name, stat in files)


def load_all(folder: Path) -> list[Posting]:
    """Return the posting of each employee, sorted by name. Raises Invalid with the path of a file that cannot be
    read.
    """
    return list({posting.id: posting for _, posting in _read(folder)}.values())


def named(folder: Path, name: str) -> Posting | None:
    """Return the posting in the file NAME.json, or None if there is no file. Raises Invalid if the file cannot be
    read.
    """
    return next((posting for path, posting in _read(folder) if path.stem == name), None)


def _read(folder: Path) -> Iterator[tuple[Path, Posting]]:
    for path in sorted(folder.glob("*.json")):
        try:
            posting = _posting.decode(path.read_bytes())
            provider_named(posting.kind)
            yield path, posting
        except FileNotFoundError:
            continue  # dismissed or renamed a moment ago
        except (msgspec.DecodeError, msgspec.ValidationError, Invalid) as error:
            raise Invalid(
                f"The employee's file {path} cannot be read: {error}.",
                hint="Correct the file, or remove it and hire again.",
            ) from error


def find(folder: Path, wanted: str) -> Posting:
    """Return the posting of an employee by id or name. Raises NotFound if there is no such employee."""
    postings = load_all(folder)
    for posting in postings:
        if wanted in (str(posting.id), posting.name):
            return posting
    known = ", ".join(posting.name for posting in postings) or "none"
    raise NotFound(f"No employee is called {wanted}.", hint=f"The employees are: {known}. `aura hire` adds one.")


def build(posting: Posting, environment: Mapping[str, str]) -> Employee:
    """Build the employee of a posting. It opens no connection yet.

    Raises Invalid for a provider that is not in the table, and for a text that cannot be a key.
    """
    provider = provider_named(posting.kind)
    return provider.build(posting, secret_key_of(posting, environment) if provider.remote else None)


def secret_key_of(posting: Posting, environment: Mapping[str, str]) -> "SecretStr | None":
    """Return the employee's API key, or None if it has no key. Raises Invalid for a text that cannot be a key."""
    from pydantic import SecretStr

    key = key_of(posting, environment)
    return SecretStr(key) if key else None


def key_of(posting: Posting, environment: Mapping[str, str]) -> str:
    """Return the employee's API key, or an empty text if it has no key. Raises Invalid for a text that cannot be a
    key.
    """
    key = secret(posting.api_key_env, environment) if posting.api_key_env else ""
    return checked_key(key, posting.api_key_env) if key else ""


def read_keys(folder: Path, environment: Mapping[str, str]) -> None:
    """Read every employee's key, so that this process removes the keys from its output. Invalid files are skipped."""
    with suppress(Invalid):
        for posting in load_all(folder):
            with suppress(Invalid):
                key_of(posting, environment)
