"""Prepared data of a requirement with a base, as files that are stored with it. No `$file` can have their names."""

from collections.abc import Mapping

from verification.requirements.model import Requirement

VERSION_NAME = "/base/version"
GENERATED = "/base/generated/"


def prepared_files(requirement: Requirement) -> dict[str, bytes]:
    """Return files with the base's version and its generated files."""
    files = {f"{GENERATED}{path}": content for path, content in requirement.generated.items()}
    return files | ({VERSION_NAME: requirement.described.encode()} if requirement.described else {})


def version_in(files: Mapping[str, bytes]) -> str:
    """Return the version of the base from such files; empty if there is none."""
    return files.get(VERSION_NAME, b"").decode("utf-8", "replace")


def generated_in(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the base's generated files from such files, by path in the project."""
    return {name.removeprefix(GENERATED): content for name, content in files.items() if name.startswith(GENERATED)}
