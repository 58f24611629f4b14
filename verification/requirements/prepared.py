"""Prepared data about a requirement's base, stored as files with the requirement. No `$file` can name these files."""

from collections.abc import Mapping

from verification.requirements.dependencies import LOCK_NAME
from verification.requirements.model import Requirement

VERSION_NAME = "/base/version"
GENERATED = "/base/generated/"


def prepared_files(requirement: Requirement) -> dict[str, bytes]:
    """Return the version and the generated files of the base, as files to store with the requirement."""
    files = {f"{GENERATED}{path}": content for path, content in requirement.generated.items()}
    return files | ({VERSION_NAME: requirement.described.encode()} if requirement.described else {})


def files_for_parsing(requirement: Requirement, *, sealed: bool) -> dict[str, bytes]:
    """Return the files that a stored requirement needs when it is parsed again (`parse_requirement`).

    `sealed`: also the files that only its sealed part names.
    """
    files = dict(requirement.fixtures) | (dict(requirement.sealed_fixtures) if sealed else {})
    lock = {} if requirement.lock is None else {LOCK_NAME: requirement.lock}
    return files | prepared_files(requirement) | lock


def version_in(files: Mapping[str, bytes]) -> str:
    """Return the version of the base from prepared files; empty if they contain no version."""
    return files.get(VERSION_NAME, b"").decode("utf-8", "replace")


def generated_in(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the generated files of the base from prepared files, by path in the project."""
    return {name.removeprefix(GENERATED): content for name, content in files.items() if name.startswith(GENERATED)}
