"""Environment of a base as its installation would make it: metadata, source folders, and plugins of libraries."""

import configparser
from collections.abc import Mapping
from pathlib import Path

from verification.execution.case_runner import ProjectEnvironment
from verification.packages.project_metadata import projects_of
from verification.packages.source_folders import source_folders

_PYTEST_GROUP = "pytest11"
_NOT_LOADED = frozenset(
    {
        "pytest_randomly",
        "random_order",
        "pytest_rerunfailures",
        "flaky",
        "pytest_sugar",
        "pytest_instafail",
        "pytest_html",
        "pytest_jsonreport",
        "pytest_metadata",
        "pytest_codspeed",
    }
)
"""Top-level modules of plugins that change the order of tests, repeat failed tests or replace the report."""


def environment_of(
    base: Mapping[str, bytes],
    libraries: Path | None,
    *,
    described: str = "",
    generated: Mapping[str, bytes] | None = None,
) -> ProjectEnvironment:
    """Return the environment of a base. No code of the base runs.

    `described` is the version from the base's git tags. `generated` contains files that a build of the base made.
    """
    projects = projects_of(base, described)
    metadata = {path: content for project in projects for path, content in project.files().items()}
    return ProjectEnvironment(
        paths=source_folders(base),
        metadata=metadata,
        generated=generated or {},
        plugins=plugins_in(libraries) if libraries is not None else (),
        modules=frozenset(module for project in projects for module in project.modules),
    )


def plugins_in(libraries: Path) -> tuple[str, ...]:
    """Return the sorted modules that installed libraries declare as pytest plugins, without those in _NOT_LOADED."""
    modules: set[str] = set()
    for listing in libraries.glob("*.dist-info/entry_points.txt"):
        parser = configparser.RawConfigParser(delimiters=("=",))
        parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
        try:
            parser.read_string(listing.read_text(encoding="utf-8"))
        except (configparser.Error, UnicodeDecodeError, OSError):
            continue
        if parser.has_section(_PYTEST_GROUP):
            modules |= {value.partition(":")[0].strip() for value in parser[_PYTEST_GROUP].values()}
    return tuple(sorted(module for module in modules if module.partition(".")[0] not in _NOT_LOADED))
