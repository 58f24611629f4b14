"""The packages that a base declares for itself and for its tests, read from its packaging files.

The list begins with the project's own dependencies. Then come the extras, dependency groups and requirements files
whose names contain "test". If there are none, those for development are used instead. Only names, versions and extras
count. Addresses and paths are left out, and a note reports them.
"""

import re
from collections.abc import Iterable, Mapping
from posixpath import dirname, join, normpath
from typing import Any

import msgspec
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pin
from packaging.utils import canonicalize_name

from verification.packages.packaging_files import ini_of, setup_call, table, toml_of
from verification.packages.project_metadata import projects_of

_TEST_NAMES = ("test", "tests", "testing", "unittest", "pytest", "test_requires", "tests-core", "test-core")
_DEVELOPMENT_NAMES = ("dev", "develop", "development")
_FILES = re.compile(
    r"(?:^|/)(?:(?:requirements?[-_./])?(?:tests?|testing)(?:[-_.]requirements?)?|requirements?[-_.]tests?)\.(?:txt|in)$"
)
_DEVELOPMENT_FILES = re.compile(r"(?:^|/)(?:requirements?[-_./]dev(?:elopment|el)?|dev[-_.]requirements?)\.(?:txt|in)$")
_ANY_FILE = re.compile(r"(?:^|/)requirements?[^/]*\.(?:txt|in)$|(?:^|/)requirements?/[^/]*\.(?:txt|in)$")
_NAMES_PYTEST = re.compile(rb"^\s*pytest\b", re.MULTILINE)
OWN = "this-project"  # replaces the name of the base's own project in a list of requirements
_TOOLS = re.compile(
    r"doc|rtd|lint|style|format|typ(?:e|ing)|mypy|dev|release|publish|build|bench|profil|compare|notebook|jupyter|gpu|cuda"
    r"|^all$|complete|full|test",
    re.IGNORECASE,
)
"""Matches extras that are not features of the project: tools of its developers, and extras that combine all others."""
FOLDERS_MAX = 2  # maximum folder depth of a requirements file
_NOT_FETCHED = frozenset(
    {"python", "pip", "tox", "nox", "pre-commit", "build", "twine", "mypy", "pyright", "ruff", "black"}
)
"""Tools that no test imports. Python itself is not a package."""
_DEPTH_MAX = 8  # maximum depth of groups and files that include each other


class BaseDependencies(msgspec.Struct, frozen=True, kw_only=True):
    """Sorted requirements in pip's form. `left_out` contains the lines that cannot be used, with reasons."""

    requirements: tuple[str, ...]
    optional: tuple[str, ...] = ()  # from extras for features of the project; tests may import these packages
    left_out: tuple[str, ...] = ()
    build: tuple[str, ...] = ()  # packages that the base's build needs


def base_dependencies(base: Mapping[str, bytes]) -> BaseDependencies:
    """Return the packages that a base declares for itself and its tests. No code of the base runs."""
    toml, ini, script = (
        toml_of(base.get("pyproject.toml")),
        ini_of(base.get("setup.cfg")),
        setup_call(base.get("setup.py")),
    )
    own = {OWN} | {str(canonicalize_name(project.name)) for project in projects_of(base)}
    extras = _extras(toml, ini, script)
    lines = [*_main(toml, ini, script), *_for_tests(base, toml, extras)]
    requirements, left_out = _sorted_out(_without_own(lines, own, extras))
    features = [line for name, lines in extras.items() if not _TOOLS.search(name) for line in lines]
    optional, _ = _sorted_out(_without_own(features, own, extras))
    build = toml.get("build-system", {}).get("requires") if isinstance(toml.get("build-system"), dict) else None
    return BaseDependencies(
        requirements=requirements,
        optional=tuple(line for line in optional if line not in requirements),
        left_out=left_out,
        build=tuple(str(each) for each in build) if isinstance(build, list) else ("setuptools",),
    )


def _sorted_out(lines: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the sorted requirements that a package index can provide, and the unusable lines with reasons."""
    requirements: set[str] = set()
    left_out: list[str] = []
    for line in lines:
        text, reason = _plain(line)
        if text is None:
            left_out.append(f"{line}: {reason}")
        elif canonicalize_name(Pin(text).name) not in _NOT_FETCHED:
            requirements.add(text)
    return tuple(sorted(requirements)), tuple(left_out)


def _main(toml: Mapping[str, Any], ini: Mapping[str, Mapping[str, str]], script: Mapping[str, Any]) -> list[str]:
    project = table(toml, "project")
    lines = _strings(project.get("dependencies")) + _strings(script.get("install_requires"))
    lines += ini.get("options", {}).get("install_requires", "").splitlines()
    lines += _poetry(table(toml, "tool", "poetry", "dependencies"))
    return lines


def _extras(
    toml: Mapping[str, Any], ini: Mapping[str, Mapping[str, str]], script: Mapping[str, Any]
) -> dict[str, list[str]]:
    extras = {name: _strings(value) for name, value in table(toml, "project", "optional-dependencies").items()}
    extras |= {name: text.splitlines() for name, text in ini.get("options.extras_require", {}).items()}
    declared = script.get("extras_require")
    if isinstance(declared, dict):
        extras |= {str(name): _strings(value) for name, value in declared.items()}
    extras.setdefault("test", _strings(script.get("tests_require")))
    return extras


def _for_tests(base: Mapping[str, bytes], toml: Mapping[str, Any], extras: Mapping[str, list[str]]) -> list[str]:
    groups = {name: value for name, value in table(toml, "dependency-groups").items() if isinstance(value, list)}
    poetry = {
        name: _poetry(table(group, "dependencies"))
        for name, group in table(toml, "tool", "poetry", "group").items()
        if isinstance(group, dict)
    }
    hatch = table(toml, "tool", "hatch", "envs")
    for pattern, names in ((_FILES, _TEST_NAMES), (_DEVELOPMENT_FILES, _DEVELOPMENT_NAMES)):
        lines = [line for name in groups if name in names for line in _group(groups, name)]
        lines += [line for name in extras if name in names for line in extras[name]]
        lines += [line for name in poetry if name in names for line in poetry[name]]
        for name in (*names, "hatch-test", "default"):
            environment = table(hatch, name)
            lines += _strings(environment.get("dependencies")) + _strings(environment.get("extra-dependencies"))
        lines += [line for path in sorted(base) if _is_listing(path, base, pattern) for line in _file_lines(base, path)]
        if names is _DEVELOPMENT_NAMES:
            lines += _poetry(table(toml, "tool", "poetry", "dev-dependencies"))
            lines += _strings(table(toml, "tool", "uv").get("dev-dependencies"))
            lines += _strings(table(toml, "tool", "pdm", "dev-dependencies").get("test"))
        if any(line.strip() for line in lines):
            return lines
    return _tox(base)


def _is_listing(path: str, base: Mapping[str, bytes], pattern: re.Pattern[str]) -> bool:
    """Return whether a file lists requirements for tests. Its name must say so, or it must name pytest."""
    if path.count("/") > FOLDERS_MAX or not path.endswith((".txt", ".in")):
        return False
    return bool(pattern.search(path)) or (bool(_ANY_FILE.search(path)) and bool(_NAMES_PYTEST.search(base[path])))


def _group(groups: Mapping[str, list[Any]], name: str, depth: int = 0) -> list[str]:
    lines: list[str] = []
    for item in groups.get(name, []) if depth <= _DEPTH_MAX else []:
        if isinstance(item, str):
            lines.append(item)
        elif isinstance(item, dict) and isinstance(item.get("include-group"), str):
            lines += _group(groups, item["include-group"], depth + 1)
    return lines


def _file_lines(base: Mapping[str, bytes], path: str, depth: int = 0) -> list[str]:
    """Return the lines of a requirements file and of the files that it includes, without other options."""
    lines: list[str] = []
    if depth > _DEPTH_MAX or path not in base:
        return lines
    for raw in base[path].decode("utf-8", "replace").replace("\\\n", " ").splitlines():
        line = re.sub(r"(?:^|\s)#.*$", "", raw).partition(" --hash")[0].strip()
        included = re.match(r"(?:-r|--requirement)[ =]\s*(\S+)", line)
        if included:
            lines += _file_lines(base, normpath(join(dirname(path), included[1])), depth + 1)
        elif own := re.match(r"(?:-e|--editable)[ =]\s*\.(\[[^\]]*\])?$", line):
            lines.append(f"{OWN}{own[1] or ''}")
        elif line and not line.startswith("-"):
            lines.append(line)
    return lines


def _tox(base: Mapping[str, bytes]) -> list[str]:
    deps = ini_of(base.get("tox.ini")).get("testenv", {}).get("deps", "")
    lines: list[str] = []
    for raw in deps.splitlines():
        line = raw.strip()
        if line.startswith("-r"):
            lines += _file_lines(base, line[2:].strip())
        elif line and ":" not in line.partition("=")[0]:
            lines.append(line)
    return lines


def _poetry(table: Mapping[str, Any]) -> list[str]:
    """Return the entries of Poetry's table as requirements. A version with ^ or ~ becomes a minimum version."""
    lines: list[str] = []
    for name, value in table.items():
        version = value.get("version") if isinstance(value, dict) else value
        if name == "python" or not isinstance(version, str) or (isinstance(value, dict) and value.get("optional")):
            continue
        extras = ",".join(_strings(value.get("extras"))) if isinstance(value, dict) else ""
        lines.append(f"{name}{f'[{extras}]' if extras else ''}{_poetry_range(version)}")
    return lines


def _poetry_range(version: str) -> str:
    version = version.strip()
    if version in ("*", ""):
        return ""
    if version[0] in "^~" and not version.startswith("~="):
        return f">={version[1:].strip()}"
    return version if version[0] in "<>=!~" else f"=={version}"


def _without_own(lines: Iterable[str], own: set[str], extras: Mapping[str, list[str]], depth: int = 0) -> Iterable[str]:
    """Yield the lines, but replace each line that names the project itself by the requirements of its extras."""
    for line in (text.strip() for text in lines):
        begins = re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?", line)
        if not line or line.startswith("#"):
            continue
        if begins is None or canonicalize_name(begins[1]) not in own:
            yield line
        elif depth < _DEPTH_MAX:
            for extra in (name.strip() for name in (begins[2] or "").split(",")):
                yield from _without_own(extras.get(extra, []), own, extras, depth + 1)


def _plain(line: str) -> tuple[str | None, str]:
    """Return a requirement without its marker, or None and a reason, for example if the marker does not apply here."""
    try:
        pin = Pin(line)
    except InvalidRequirement:
        return None, "is not a name with a version"
    if pin.url:
        return None, "is an address"
    if pin.marker is not None and not pin.marker.evaluate({"extra": ""}):
        return None, "is for another Python or system"
    extras = f"[{','.join(sorted(pin.extras))}]" if pin.extras else ""
    return f"{pin.name}{extras}{pin.specifier}", ""


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.splitlines()
    return [item for item in value if isinstance(item, str)] if isinstance(value, list | tuple) else []
