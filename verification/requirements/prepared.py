"""Prepared data about a requirement's base, stored as files with the requirement. No `$file` can name these files."""

from collections.abc import Mapping

from verification.requirements.model import Requirement

VERSION_NAME = "/base/version"
GENERATED = "/base/generated/"


def prepared_files(requirement: Requirement) -> dict[str, bytes]:
    """Return the version and the generated files of the base, as files to store with the requirement."""
    files = {f"{GENERATED}{path}": content for path, content in requirement.generated.items()}
    return files | ({VERSION_NAME: requirement.described.encode()} if requirement.described else {})


def version_in(files: Mapping[str, bytes]) -> str:
    """Return the version of the base from prepared files; empty if they contain no version."""
    return files.get(VERSION_NAME, b"").decode("utf-8", "replace")


def generated_in(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the generated files of the base from prepared files, by path in the project."""
    return {name.removeprefix(GENERATED): content for name, content in files.items() if name.startswith(GENERATED)}
