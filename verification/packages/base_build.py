"""Files that only the build of a base makes, such as a version file or a compiled extension.

The base is built once in a sandbox; the author's tree is never built here. The generated files are added to every tree
that is judged on this base.
"""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from domain.tree import Tree
from verification.execution.case_runner import ALONE, LIBRARIES
from verification.execution.retry import boxed
from verification.packages.packaging_files import table, texts, toml_of
from verification.packages.source_folders import source_folders
from verification.sandbox.base import MIB, PYTHON, Limits, RunSpec, Sandbox
from verification.source_scan.write_set import COMPILED_EXTENSIONS

BUILD_WALL_S = 600.0
BUILT_BYTES_MAX = 6 * MIB
"""Limit for all generated files together, because a run stores them as one blob."""
SAID_CHARS_MAX = 300
_COMPILING = ("mesonpy", "scikit_build_core", "maturin", "setuptools_rust", "py_build_cmake", "enscons")
_BUILDER = "/aura/base_builder.py"
_SOURCE = Path(__file__).parents[1] / "in_box" / "base_builder.py"
_BUILT = "built"
_LIMITS = Limits(
    wall_s=BUILD_WALL_S,
    memory_bytes=2048 * MIB,
    processes=128,
    output_bytes=8 * MIB,
    file_bytes=128 * MIB,
    work_bytes=1024 * MIB,
    files=60_000,
    open_files=1024,
    collect_files=20_000,
    collect_bytes=512 * MIB,
    collect_depth=40,
)


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """The generated files by path in the project. If there are none, `problem` can give the reason."""

    files: Mapping[str, bytes] = {}
    problem: str = ""


def needs_build(base: Mapping[str, bytes]) -> bool:
    """Return whether a base declares that its build makes a version file or compiled extensions."""
    toml, script = toml_of(base.get("pyproject.toml")), base.get("setup.py", b"") + base.get("setup.cfg", b"")
    named = str(table(toml, "build-system"))
    return (
        any(path not in base for path in _version_files(toml, script))
        or any(backend in named for backend in _COMPILING)
        or bool(table(toml, "tool", "setuptools").get("ext-modules"))
        or bool(re.search(rb"\bext_modules\b|\bcffi_modules\b|\bcythonize\(|\brust_extensions\b", script))
    )


def _version_files(toml: Mapping[str, Any], script: bytes) -> list[str]:
    """Return the paths of the files into which packaging tools write a version."""
    tool = table(toml, "tool")
    named = [
        table(tool, "setuptools_scm").get("version_file"),
        table(tool, "setuptools_scm").get("write_to"),
        table(tool, "vcs-versioning").get("version_file"),
        table(tool, "hatch", "build", "hooks", "vcs").get("version-file"),
        table(tool, "versioningit", "write").get("file"),
        table(tool, "pdm", "version").get("write_to"),
        table(tool, "setuptools-git-versioning").get("version_file"),
    ]
    written = re.search(rb"write_to['\"]?\s*[:=]\s*['\"]([^'\"]+)['\"]", script)
    named.append(written[1].decode("utf-8", "replace") if written else None)
    return [path for path in named if isinstance(path, str)]


async def build_base(base: Mapping[str, bytes], needs: Path | None, described: str, sandbox: Sandbox) -> Built:
    """Build the base in a sandbox and return the files that its wheel adds.

    `needs` is a folder with the installed packages that the build needs. `described` is the version from the git tags,
    for tools that would ask git. Raises Unavailable if there is no sandbox.
    """
    system = table(toml_of(base.get("pyproject.toml")), "build-system")
    backend = system.get("build-backend") or "setuptools.build_meta:__legacy__"
    folders = texts(system.get("backend-path"))
    version = described or "0.0.0"
    spec = RunSpec(
        argv=(PYTHON, *ALONE, _BUILDER, "/work/project", f"/work/{_BUILT}", str(backend), *folders),
        files=Tree.of(base).below("project"),
        read_only={_BUILDER: await asyncio.to_thread(_SOURCE.read_bytes)},
        folders={LIBRARIES: needs} if needs is not None else {},
        env={
            **({"PYTHONPATH": LIBRARIES} if needs is not None else {}),
            "SETUPTOOLS_SCM_PRETEND_VERSION": version,
            "VCS_VERSIONING_PRETEND_VERSION": version,
            "PDM_BUILD_SCM_VERSION": version,
            "SOURCE_DATE_EPOCH": "315532800",
        },
        collect=(f"{_BUILT}/**",),
        limits=_LIMITS,
    )
    result = await boxed(spec, sandbox)
    if result.reason != "exit" or result.exit_code != 0:
        said = " ".join(result.stderr.decode("utf-8", "replace").split())[-SAID_CHARS_MAX:]
        return Built(problem=f"the base could not be built ({result.reason}): {said}")
    wheel = {path.removeprefix(f"{_BUILT}/"): content for path, content in result.files.items()}
    files = _added(base, wheel)
    if sum(map(len, files.values())) > BUILT_BYTES_MAX:
        return Built(problem=f"the base's build makes more than {BUILT_BYTES_MAX} bytes of files")
    return Built(files=files)


def _added(base: Mapping[str, bytes], wheel: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the wheel's modules and extensions that the tree does not have, by their path in the project."""
    places = [folder for folder in source_folders(base) if folder] + [""]
    added: dict[str, bytes] = {}
    for path, content in wheel.items():
        head = path.partition("/")[0]
        if head.endswith((".dist-info", ".data")) or not path.endswith((".py", *COMPILED_EXTENSIONS)):
            continue
        holders = (place for place in places if any(known.startswith(_below(place, f"{head}/")) for known in base))
        in_project = _below(next(holders, places[0]), path)
        if in_project not in base:
            added[in_project] = content
    return added


def _below(place: str, path: str) -> str:
    return f"{place}/{path}" if place else path
