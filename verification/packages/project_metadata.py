"""The metadata of a base project, read from its files without running any of them.

Tests ask for the version and the entry points of their own project (`importlib.metadata`). A box has no installation of
it, so this metadata is put beside the tree as a `.dist-info` folder. Entry points for pytest are left out: a tree never
adds plugins to the judge's pytest.
"""

import ast
import configparser
import io
import re
import tomllib
from collections.abc import Mapping
from typing import Any

import msgspec

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
    """Name, version, entry points and modules of one project. `folder`: where it lies in the base, "" at the top."""

    name: str
    version: str
    entry_points: Mapping[str, Mapping[str, str]] = {}
    requires: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()  # top-level names
    folder: str = ""

    def files(self) -> dict[str, bytes]:
        """The `.dist-info` folder: relative path -> content."""
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
    """The projects that a base holds: the one at its top, and those in folders of their own (a monorepo).

    described: the version that the base's git tags give, for projects that take theirs from git.
    """
    folders = {
        path.rpartition("/")[0]
        for path in base
        if path.rpartition("/")[2] in ("pyproject.toml", "setup.cfg", "setup.py") and path.count("/") <= 3
    }
    projects = (_project(base, folder, described) for folder in sorted(folders))
    return tuple(project for project in projects if project is not None)


def source_folders(base: Mapping[str, bytes]) -> tuple[str, ...]:
    """Folders that Python's path needs so that a base's own modules are found, in order; "" is the top.

    The top and `src` come first. A project in a folder of its own adds that folder and its `src`, and what a packaging
    file names as the place of packages is added too.
    """
    folders = [""]
    known = {path.rpartition("/")[0] for path in base}
    above = {"/".join(folder.split("/")[:end]) for folder in known for end in range(1, folder.count("/") + 2)}
    for path in sorted(base, key=lambda each: (each.count("/"), each)):
        place, _, name = path.rpartition("/")
        if name in ("pyproject.toml", "setup.py", "setup.cfg") and path.count("/") <= 3:
            folders += [
                place,
                *(f"{place}/{named}".strip("/") for named in ("src", *_package_places(name, base[path]))),
            ]
    folders.append("src")
    return tuple(dict.fromkeys(folder for folder in folders if folder == "" or folder in above))


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
    project, poetry = _table(toml, "project"), _table(toml, "tool", "poetry")
    flit = _table(toml, "tool", "flit", "metadata")
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
    """A version that packaging computes: from an attribute, a file, the module's `__version__`, or the git tags."""
    setting = _table(toml, "tool", "setuptools", "dynamic").get("version")
    attribute = setting.get("attr") if isinstance(setting, dict) else None
    file = setting.get("file") if isinstance(setting, dict) else None
    written = ini.get("metadata", {}).get("version", "")
    if written.startswith("attr:"):
        attribute = written.removeprefix("attr:").strip()
    if written.startswith("file:"):
        file = written.removeprefix("file:").strip()
    places = [_table(toml, "tool", "hatch", "version").get("path"), _table(toml, "tool", "pdm", "version").get("path")]
    if isinstance(attribute, str):
        module, _, variable = attribute.rpartition(".")
        for prefix in ("", "src/", "lib/"):
            for ending in (".py", "/__init__.py"):
                version = _assigned(here.get(f"{prefix}{module.replace('.', '/')}{ending}"), (variable,))
                if version:
                    return version
    if isinstance(file, str) and file in here:
        return here[file].decode("utf-8", "replace").strip() or UNKNOWN_VERSION
    for place in places:
        if isinstance(place, str) and (version := _assigned(here.get(place), _VERSION_NAMES)):
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
        if version := _assigned(here.get(place), _VERSION_NAMES):
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
    for group, entries in _table(project, "entry-points").items():
        add(group, entries)
    for group, entries in _table(poetry, "plugins").items():
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


def _package_places(name: str, content: bytes) -> list[str]:
    """Folders that a packaging file names as the place of packages."""
    places: list[str] = []
    if name == "pyproject.toml":
        toml = toml_of(content)
        where = _table(toml, "tool", "setuptools", "packages", "find").get("where")
        places += [str(each) for each in where] if isinstance(where, list) else []
        places += [str(value) for value in _table(toml, "tool", "setuptools", "package-dir").values()]
        packages = _table(toml, "tool", "poetry").get("packages")
        places += (
            [str(each["from"]) for each in packages if isinstance(each, dict) and "from" in each]
            if isinstance(packages, list)
            else []
        )
        for package in _listed(_table(toml, "tool", "hatch", "build", "targets", "wheel").get("packages")):
            places.append(package.rpartition("/")[0])
    elif name == "setup.cfg":
        options = ini_of(content).get("options", {})
        places += [
            line.partition("=")[2].strip() for line in options.get("package_dir", "").splitlines() if "=" in line
        ]
    else:
        directories = setup_call(content).get("package_dir")
        places += [str(value) for value in directories.values()] if isinstance(directories, dict) else []
    return [place.strip("./") for place in places if place.strip("./")]


def setup_call(content: bytes | None) -> dict[str, Any]:
    """The literal arguments of `setup(...)` in a setup.py, and names that the file assigns literals to."""
    try:
        module = ast.parse(content or b"")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    constants: dict[str, Any] = {}
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            constants[node.targets[0].id] = _literal(node.value, {})
    arguments: dict[str, Any] = {}
    for call in ast.walk(module):
        if isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", "")) == "setup":
            arguments |= {each.arg: _literal(each.value, constants) for each in call.keywords if each.arg}
    return {key: value for key, value in arguments.items() if value is not None}


def _literal(node: ast.expr, constants: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return constants.get(node.id)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _assigned(content: bytes | None, names: tuple[str, ...]) -> str | None:
    """The text that a module assigns to one of these names."""
    try:
        module = ast.parse(content or b"")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for node in ast.walk(module):
        target = (
            node.targets[0]
            if isinstance(node, ast.Assign)
            else node.target
            if isinstance(node, ast.AnnAssign)
            else None
        )
        if isinstance(target, ast.Name) and target.id in names and isinstance(node, ast.Assign | ast.AnnAssign):
            value = _literal(node.value, {}) if node.value is not None else None
            if isinstance(value, str):
                return value
            if isinstance(value, tuple) and value and all(isinstance(part, int | str) for part in value):
                return ".".join(map(str, value))
    return None


def toml_of(content: bytes | None) -> dict[str, Any]:
    try:
        return tomllib.loads((content or b"").decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        return {}


def ini_of(content: bytes | None) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string((content or b"").decode("utf-8", "replace"))
    except configparser.Error:
        return {}
    return {section: dict(parser[section]) for section in parser.sections()}


def _ini(groups: Mapping[str, Mapping[str, str]]) -> str:
    parser = configparser.RawConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    for group, entries in groups.items():
        parser[group] = dict(entries)
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def _table(source: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for key in path:
        value = source.get(key)
        source = value if isinstance(value, dict) else {}
    return source


def _listed(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _first(*values: Any) -> str | None:
    return next((value for value in values if isinstance(value, str) and value), None)


def _plain(version: str | None) -> str | None:
    return None if version is None or version.startswith(("attr:", "file:")) else version
