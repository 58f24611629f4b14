"""The metadata of a base project, read from its files without running any of them.

Tests may read the version and the entry points of their own project with `importlib.metadata`. A box has no
installation of the project, so a `.dist-info` folder with this metadata is added. It has no entry points for pytest,
because a tree must never add plugins to the judge's pytest.
"""

import configparser
import io
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from verification.packages.packaging_files import assigned_text, ini_of, setup_call, table, toml_of

UNKNOWN_VERSION = "0.0.0"
_PYTEST_GROUP = "pytest11"
_VERSION_NAMES = ("__version__", "version", "VERSION")
_FROM_GIT = (
    "setuptools_scm",
    "setuptools-scm",
    "hatch-vcs",
    "versioningit",
    "setuptools-git-versioning",
    "vcs-versioning",
)
_NAME = re.compile(r"^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$")


class ProjectMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """Name, version, entry points and modules of one project. `folder` is its folder in the base, or "" for the top."""

    name: str
    version: str
    entry_points: Mapping[str, Mapping[str, str]] = {}
    requires: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()  # names of its top-level modules
    folder: str = ""

    def files(self) -> dict[str, bytes]:
        """Return the files of the `.dist-info` folder as {relative path: content}."""
        place = f"{re.sub(r'[-_.]+', '_', self.name)}-{self.version}.dist-info"
        lines = ["Metadata-Version: 2.1", f"Name: {self.name}", f"Version: {self.version}"]
        lines += [f"Requires-Dist: {requirement}" for requirement in self.requires]
        files = {
            f"{place}/METADATA": "\n".join([*lines, "", ""]),
            f"{place}/top_level.txt": "".join(f"{module}\n" for module in self.modules),
            f"{place}/INSTALLER": "aura\n",
        }
        if self.entry_points:
            files[f"{place}/entry_points.txt"] = _ini(self.entry_points)
        return {path: text.encode() for path, text in files.items()}


def projects_of(base: Mapping[str, bytes], described: str = "") -> tuple[ProjectMetadata, ...]:
    """Return the project at the top of a base, and the projects in its folders if it is a monorepo.

    `described` is the version from the base's git tags, for projects that take their version from git.
    """
    folders = {
        path.rpartition("/")[0]
        for path in base
        if path.rpartition("/")[2] in ("pyproject.toml", "setup.cfg", "setup.py") and path.count("/") <= 3
    }
    projects = (_project(base, folder, described) for folder in sorted(folders))
    return tuple(project for project in projects if project is not None)


def _project(base: Mapping[str, bytes], folder: str, described: str) -> ProjectMetadata | None:
    here = {
        path.removeprefix(f"{folder}/" if folder else ""): content
        for path, content in base.items()
        if not folder or path.startswith(f"{folder}/")
    }
    toml, ini, script = (
        toml_of(here.get("pyproject.toml")),
        ini_of(here.get("setup.cfg")),
        setup_call(here.get("setup.py")),
    )
    project, poetry = table(toml, "project"), table(toml, "tool", "poetry")
    flit = table(toml, "tool", "flit", "metadata")
    name = _first(
        project.get("name"),
        poetry.get("name"),
        ini.get("metadata", {}).get("name"),
        script.get("name"),
        flit.get("module"),
    )
    if name is None or not _NAME.match(name):
        return None
    version = _first(
        project.get("version"),
        poetry.get("version"),
        _plain(ini.get("metadata", {}).get("version")),
        script.get("version"),
    )
    if version is None or (version == UNKNOWN_VERSION and "poetry-dynamic-versioning" in str(toml)):
        version = _dynamic_version(here, toml, ini, name, described)
    requires = project.get("dependencies")
    return ProjectMetadata(
        name=name,
        version=version,
        entry_points=_entry_points(project, poetry, ini, script),
        requires=tuple(str(each) for each in requires) if isinstance(requires, list) else (),
        modules=_modules(here),
        folder=folder,
    )


def _dynamic_version(
    here: Mapping[str, bytes], toml: Mapping[str, Any], ini: Mapping[str, Mapping[str, str]], name: str, described: str
) -> str:
    """Return a version that packaging would compute from an attribute, a file, a `__version__` or the git tags."""
    setting = table(toml, "tool", "setuptools", "dynamic").get("version")
    attribute = setting.get("attr") if isinstance(setting, dict) else None
    file = setting.get("file") if isinstance(setting, dict) else None
    written = ini.get("metadata", {}).get("version", "")
    if written.startswith("attr:"):
        attribute = written.removeprefix("attr:").strip()
    if written.startswith("file:"):
        file = written.removeprefix("file:").strip()
    places = [table(toml, "tool", "hatch", "version").get("path"), table(toml, "tool", "pdm", "version").get("path")]
    if isinstance(attribute, str):
        module, _, variable = attribute.rpartition(".")
        for prefix in ("", "src/", "lib/"):
            for ending in (".py", "/__init__.py"):
                version = assigned_text(here.get(f"{prefix}{module.replace('.', '/')}{ending}"), (variable,))
                if version:
                    return version
    if isinstance(file, str) and file in here:
        return here[file].decode("utf-8", "replace").strip() or UNKNOWN_VERSION
    for place in places:
        if isinstance(place, str) and (version := assigned_text(here.get(place), _VERSION_NAMES)):
            return version
    if any(tool in str(toml.get("build-system", "")) + str(toml.get("tool", {}).keys()) for tool in _FROM_GIT):
        return described or UNKNOWN_VERSION
    module = re.sub(r"[-.]+", "_", name)
    for place in (
        f"{module}/__init__.py",
        f"src/{module}/__init__.py",
        f"{module}.py",
        f"src/{module}.py",
        f"{module}/_version.py",
        f"src/{module}/_version.py",
        f"{module}/version.py",
        f"{module}/__about__.py",
    ):
        if version := assigned_text(here.get(place), _VERSION_NAMES):
            return version
    return described or UNKNOWN_VERSION


def _entry_points(
    project: Mapping[str, Any],
    poetry: Mapping[str, Any],
    ini: Mapping[str, Mapping[str, str]],
    script: Mapping[str, Any],
) -> dict[str, dict[str, str]]:
    groups: dict[str, dict[str, str]] = {}

    def add(group: str, entries: Any) -> None:
        if isinstance(entries, str):
            entries = [line for line in entries.splitlines() if line.strip()]
        if isinstance(entries, list):
            pairs = (str(entry).partition("=") for entry in entries if "=" in str(entry))
            entries = {name.strip(): target.strip() for name, _, target in pairs}
        if isinstance(entries, dict) and group != _PYTEST_GROUP:
            named = {str(key): str(value) for key, value in entries.items() if isinstance(value, str)}
            if named:
                groups.setdefault(group, {}).update(named)

    for source in (project, poetry):
        add("console_scripts", source.get("scripts"))
        add("gui_scripts", source.get("gui-scripts"))
    for group, entries in table(project, "entry-points").items():
        add(group, entries)
    for group, entries in table(poetry, "plugins").items():
        add(group, entries)
    for group, text in ini.get("options.entry_points", {}).items():
        add(group, text)
    declared = script.get("entry_points")
    if isinstance(declared, dict):
        for group, entries in declared.items():
            add(str(group), entries)
    return groups


def _modules(here: Mapping[str, bytes]) -> tuple[str, ...]:
    names = set()
    for path in here:
        inside = path.removeprefix("src/").removeprefix("lib/")
        head, _, rest = inside.partition("/")
        if rest == "__init__.py" or (not rest and head.endswith(".py") and path.count("/") <= 1):
            names.add(head.removesuffix(".py"))
    return tuple(sorted(name for name in names if name.isidentifier() and name not in ("setup", "conftest", "tests")))


def _ini(groups: Mapping[str, Mapping[str, str]]) -> str:
    parser = configparser.RawConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    for group, entries in groups.items():
        parser[group] = dict(entries)
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def _first(*values: Any) -> str | None:
    return next((value for value in values if isinstance(value, str) and value), None)


def _plain(version: str | None) -> str | None:
    return None if version is None or version.startswith(("attr:", "file:")) else version
