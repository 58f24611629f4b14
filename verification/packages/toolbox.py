"""Toolboxes. A toolbox is a folder with installed packages and their dependencies, which boxes can see read-only.

The packages are copied from this environment, so nothing is downloaded. A cache stores toolboxes for later processes.
If the cache is not safe, each process makes its own toolboxes and removes them at its end. If it is killed, the next
process that makes a toolbox removes them.
"""

import atexit
import hashlib
import importlib.metadata
import importlib.util
import os
import py_compile
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from domain.errors import Unavailable
from verification.packages.toolbox_cache import taken
from verification.sandbox.orphans import new_tag, sweep_folders
from verification.sandbox.program import reachable
from verification.sandbox.runtime import BOX_UID

TOOLS = "/aura/tools"
"""Folder of the toolbox in a box. It contains modules for Python's path, and programs in its folder `bin`."""
_PLACES = ("/var/tmp", "/dev/shm")
FORM = "1"  # version of a toolbox's format; part of the cache's folder names
_made: dict[tuple[str, ...], Path] = {}
_own: set[Path] = set()
_making = threading.Lock()


def toolbox(names: tuple[str, ...]) -> Path:
    """Return the folder with the distributions `names` and their dependencies.

    If the folder does not exist, making it takes seconds, so call this in a thread. Raises Unavailable if a
    distribution is not installed, or if boxes can see no temporary folder.
    """
    with _making:
        known = tuple(sorted(set(names)))
        if known not in _made or not _made[known].is_dir():  # temporary files may have been removed
            _made[known] = _make(known)
        return _made[known]


def tool_versions(names: tuple[str, ...]) -> dict[str, str]:
    """Return {name: version} of the distributions and their dependencies. Raises Unavailable if one is missing."""
    return {name: found.version for name, found in sorted(_closure(names).items())}


def tools_digest(names: tuple[str, ...]) -> str:
    """Return a hex sha256 of a toolbox's content: each distribution, its version and the digests of its files."""
    whole = hashlib.sha256()
    for name, found in sorted(_closure(names).items()):
        whole.update(f"{name} {found.version}\n".encode())
        for file in sorted(found.files or (), key=str):
            whole.update(f"{file} {file.hash.value if file.hash else ''}\n".encode() if _wanted(str(file)) else b"")
    return whole.hexdigest()


def close_toolboxes() -> None:
    """Remove the toolboxes of this process. The next call of `toolbox` makes them again."""
    with _making:
        for folder in _own:
            shutil.rmtree(folder, ignore_errors=True)
        _own.clear()
        _made.clear()


def _make(names: tuple[str, ...]) -> Path:
    for left in _places():
        sweep_folders(left)
    closure, place = _closure(names), _place()

    def fill(folder: Path) -> None:
        for found in closure.values():
            for source, inside in _files(found):
                _copy(source, folder, inside)
        for part in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            part.chmod(0o755)

    own = place / new_tag()
    try:
        if (kept := taken(place, f"{FORM}-{sys.implementation.cache_tag}-{tools_digest(names)}", fill)) is not None:
            return kept
        own.mkdir(mode=0o700)
        fill(own)
        if not _own:
            atexit.register(close_toolboxes)
        _own.add(own)
    except OSError as error:
        shutil.rmtree(own, ignore_errors=True)
        raise Unavailable(
            f"The tools for boxes could not be copied: {error}.",
            hint=f"Free some space in {place}, or set TMPDIR to a folder with free space.",
            code="toolbox_failed",
        ) from error
    return own


def _closure(names: Iterable[str]) -> dict[str, importlib.metadata.Distribution]:
    """Return {name: distribution} for the names and all their dependencies in this environment, without extras."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = [str(canonicalize_name(name)) for name in names]
    while waiting:
        if (name := waiting.pop()) in found:
            continue
        try:
            found[name] = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError as error:
            raise Unavailable(
                f"A gate needs the package {name}, but it is not installed in the environment of this program.",
                hint=f"Install it into the same environment: pip install {name}.",
                code="tool_missing",
            ) from error
        needs = [Requirement(text) for text in found[name].requires or ()]
        waiting += [
            str(canonicalize_name(need.name))
            for need in needs
            if need.marker is None or need.marker.evaluate({"extra": ""})
        ]
    return found


def _files(found: importlib.metadata.Distribution) -> Iterator[tuple[Path, str]]:
    """Yield each file and its path in the toolbox. Modules keep their path, and compiled programs go to `bin`."""
    for file in found.files or ():
        source, inside = Path(str(file.locate())), str(file)
        if not _wanted(inside) or not source.is_file():
            continue
        if not inside.startswith(".."):
            yield source, inside
        elif source.parent.name in ("bin", "Scripts") and not _is_script(source):
            yield source, f"bin/{source.name}"


def _wanted(inside: str) -> bool:
    return not inside.endswith((".pyc", "/RECORD", "/direct_url.json", ".pth"))


def _is_script(program: Path) -> bool:
    """Return whether a program is a script. No box has the interpreter that a script's first line names."""
    with program.open("rb") as file:
        return file.read(2) == b"#!"


def _copy(source: Path, folder: Path, inside: str) -> None:
    """Copy a file and make it readable for everybody. Also add its byte code, because a box could not store it."""
    target = folder / inside
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)
    if target.suffix == ".py":
        _compile(target, inside)


def _compile(target: Path, inside: str) -> None:
    compiled = Path(importlib.util.cache_from_source(str(target)))
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    try:
        py_compile.compile(str(target), str(compiled), f"{TOOLS}/{inside}", doraise=True, invalidation_mode=mode)
    except py_compile.PyCompileError:
        return  # a template or an example that no module imports
    compiled.chmod(0o644)


def _places() -> list[Path]:
    return [Path(tempfile.gettempdir()), *map(Path, _PLACES)]


def _place() -> Path:
    """Return a temporary folder that the box's user can reach. Raises Unavailable if there is none."""
    uid = BOX_UID if os.getuid() == 0 else os.getuid()
    for place in _places():
        if os.access(place, os.W_OK) and reachable(place, uid):
            return place
    raise Unavailable(
        "Boxes cannot read any folder for temporary files.",
        hint="Set TMPDIR to a folder that every user may enter and read.",
        code="toolbox_failed",
    )
