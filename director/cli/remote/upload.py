"""A requirement with the files that it names, sent from one machine and written on another one."""

from collections.abc import Mapping
from pathlib import Path

from domain.errors import Invalid, Refused
from verification.requirements.scope import path_fault

FILES_MAX = 400


def files_of(file: Path) -> dict[str, bytes]:
    """Return a requirement, its sealed cases and the files that both name, by path. Raises all problems of the file.

    Raises Refused for a requirement with a base, because the base is a folder of this machine.
    """
    from verification.requirements.parser import read_requirement
    from verification.requirements.unfilled import refuse_unfilled

    requirement = read_requirement(file)
    refuse_unfilled(requirement, file)
    if requirement.base is not None:
        raise Refused(
            f"{file} has a base, which is a folder of this machine. The organisation cannot read it.",
            hint="Submit it on the machine of the organisation, where its repository is.",
            code="base_not_here",
        )
    sealed = {} if requirement.sealed_source is None else {f"{file.stem}.sealed.yaml": requirement.sealed_source}
    return {file.name: requirement.source, **sealed, **requirement.fixtures, **requirement.sealed_fixtures}


def written(folder: Path, files: Mapping[str, bytes], name: str) -> Path:
    """Write the files of a requirement into a new folder, and return the requirement. Raises Invalid, Refused."""
    if name not in files or len(files) > FILES_MAX or "/" in name or not name.endswith(".md"):
        raise Invalid("The request has no requirement file.", hint="Use the same release of aura on both machines.")
    for path, content in files.items():
        if path_fault(path) is not None:
            raise Invalid(f"The path {path!r} {path_fault(path)}.", hint="Name files inside the requirement's folder.")
        place = folder / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        except OSError as error:
            raise Invalid(f"The file {path!r} cannot be written: {error.strerror}.", hint="Rename it.") from error
    files_of(folder / name)  # it refuses a base
    return folder / name
