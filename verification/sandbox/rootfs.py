"""Builder of a box's root file system: this Python without packages, a shell with its tools, and their libraries.

It copies files of this machine and needs no network. Root owns all files, and no file is setuid.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from domain.errors import Unavailable
from verification.sandbox.base import PROGRAMS, PYTHON
from verification.sandbox.runtime import ETC, NOT_NEEDED, interpreter

TOOL_WAIT_S = 300.0
PREFIX = "/opt/python"
LAUNCHER = "/aura/launcher.py"
DOOR = "/aura/door"
"""Folder of the box in which the host puts the socket of the first process."""
TOOLS = """
    awk base64 basename bash cat chmod cmp comm cp cut date dd df diff dirname du echo env expr false find fold git
    grep gzip head id install join ln ls md5sum mkdir mkfifo mktemp mv nl nohup nproc od paste patch printenv printf
    ps pwd readlink realpath rg rm rmdir sed seq setsid sh sha256sum shuf sleep sort split stat tac tail tar tee
    test timeout touch tr true truncate uname uniq unlink wc which xargs yes [
"""
"""Programs to copy if this machine has them. `sh` is required."""
_FOLDERS = (
    "aura/bin",
    "aura/door",
    "dev",
    "etc",
    "opt",
    "proc",
    "run",
    "sys",
    "tmp",
    "usr/bin",
    "usr/lib",
    "usr/sbin",
    "work",
)
_LINKED = ("bin", "lib", "lib32", "lib64", "sbin")
_NOT_NEEDED = NOT_NEEDED | {"tkinter", "pkgconfig", "__pycache__"}
_DATA = ("/usr/share/zoneinfo", "/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8")
_NOT_DATA = frozenset({"posix", "right"})
_EXPECTED = (
    "libgcc_s.so.1",
    "libdl.so.2",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
    "libutil.so.1",
    "libstdc++.so.6",
)
"""Libraries that each Linux has: the C library loads the first one at run time, and compiled packages and coding agents
need the others.
"""


def fill(root: Path) -> None:
    """Write the whole root file system into the empty folder `root`.

    Raises Unavailable if this machine does not have a required program.
    """
    for folder in _FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name in _LINKED:
        if Path("/", name).is_symlink():
            (root / name).symlink_to(os.readlink(Path("/", name)).lstrip("/"))
    programs = [_python(root), *_tools(root)]
    _libraries(root, [*programs, *(root / PREFIX[1:]).rglob("*.so*")])
    for source in map(Path, _DATA):
        if source.is_dir():
            _copy_tree(source, root / str(source)[1:], _NOT_DATA)
    for name, text in ETC.items():
        (root / "etc" / name).write_text(text)
    for name in (PYTHON, "python"):
        (root / PROGRAMS[1:] / name).symlink_to(f"{PREFIX}/bin/{interpreter().name}")
    shutil.copyfile(Path(__file__).with_name("launcher.py"), root / LAUNCHER[1:])
    _compile(root)
    _settle_modes(root)


def _python(root: Path) -> Path:
    """Copy the interpreter and its standard library into one folder, because Python searches for it near itself."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    library = Path(os.__file__).parent
    _copy_tree(library, root / PREFIX[1:] / "lib" / version, _NOT_NEEDED)
    program = root / PREFIX[1:] / "bin" / interpreter().name
    program.parent.mkdir()
    shutil.copyfile(interpreter(), program)
    program.chmod(0o755)
    return program


def _tools(root: Path) -> list[Path]:
    copied = []
    for name in TOOLS.split():
        found = shutil.which(name, path="/usr/bin:/bin")
        if found is None:
            if name == "sh":
                raise Unavailable(
                    "The sandbox image needs a shell, but this machine has no /bin/sh.",
                    hint="Install a shell.",
                    code="image_missing_part",
                )
            continue
        copied.append(_copied(Path(found).resolve(), root / "usr" / "bin" / name))
    return copied


def _libraries(root: Path, programs: Iterable[Path]) -> None:
    """Copy the shared libraries of the programs to the same paths. Libraries of Python itself go to /usr/lib."""
    told = _ran("ldd", *map(str, programs), may_fail=True)  # ldd has exit status 1 if a program is static
    found = {Path(path) for path in re.findall(r"(?:=> |^\t)(/\S+) \(0x", told, re.MULTILINE)}
    found |= {place for library in found for name in _EXPECTED if (place := library.parent / name).exists()}
    prefix = Path(sys.base_prefix).resolve()
    for path in sorted(found):
        if root in path.parents:
            continue
        folder = path.parent.resolve()
        inside = Path("/usr/lib") if prefix != Path("/usr") and prefix in (folder, *folder.parents) else folder
        _copied(path.resolve(), root / str(inside / path.name)[1:])


def _copied(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)
    return target


def _copy_tree(source: Path, target: Path, left_out: frozenset[str]) -> None:
    """Copy regular files and folders.

    A link to a file inside `source` becomes a copy of that file. Other links are not copied.
    """
    target.mkdir(parents=True)
    with os.scandir(source) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            if entry.name in left_out or entry.name.startswith(("config-", "_tkinter")) or entry.name.endswith(".a"):
                continue
            if entry.is_dir(follow_symlinks=False):
                _copy_tree(Path(entry.path), target / entry.name, left_out)
            elif entry.is_file() and Path(entry.path).resolve().is_relative_to(source):
                _copied(Path(entry.path), target / entry.name)


def _compile(root: Path) -> None:
    """Compile all modules. Python never compares this byte code with the sources, so file times do not matter."""
    _ran(
        *(str(interpreter()), "-I", "-m", "compileall", "-qq", "-f", "-j", "0", "--invalidation-mode"),
        *("unchecked-hash", "-s", str(root), "-p", "/", str(root / PREFIX[1:] / "lib")),
        may_fail=True,  # a few files of the standard library are invalid on purpose
    )


def _settle_modes(root: Path) -> None:
    """Make all files readable for everybody and writable for the owner only. Writable folders are mounted later."""
    for place, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = Path(place, name)
            found = path.lstat().st_mode
            if not stat.S_ISLNK(found):
                path.chmod(0o755 if stat.S_ISDIR(found) or found & 0o100 else 0o644)
    root.chmod(0o755)


def _ran(*command: str, may_fail: bool = False) -> str:
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C", "PYTHONHASHSEED": "0"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TOOL_WAIT_S, check=False, env=environment
        )
    except FileNotFoundError as error:
        raise Unavailable(
            f"The sandbox image cannot be built, because {command[0]} is not installed.",
            hint="On Debian: `apt install libc-bin`.",
            code="image_missing_part",
        ) from error
    if done.returncode and not may_fail:
        raise Unavailable(f"{command[0]} failed: {done.stderr.strip()[-300:]}.", hint="Try again.", code="image_failed")
    return done.stdout
