"""The preparation of a requirement with a base, as files that travel with it under names that no `$file` can have."""

from collections.abc import Mapping

from verification.requirements.model import Requirement

VERSION_NAME = "/base/version"
GENERATED = "/base/generated/"


def prepared_files(requirement: Requirement) -> dict[str, bytes]:
    """The files that carry the base's version and what its build makes."""
    files = {f"{GENERATED}{path}": content for path, content in requirement.generated.items()}
    return files | ({VERSION_NAME: requirement.described.encode()} if requirement.described else {})


def version_in(files: Mapping[str, bytes]) -> str:
    """The version of the base among such files; empty if there is none."""
    return files.get(VERSION_NAME, b"").decode("utf-8", "replace")


def generated_in(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of the base's build among such files, by path in the project."""
    return {name.removeprefix(GENERATED): content for name, content in files.items() if name.startswith(GENERATED)}
