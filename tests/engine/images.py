"""Images made without a registry: files of this system, imported under the names that compose.yaml uses.

They replace the published images: they have the same programs and entry points, but other packaging. They need a Debian
system.
"""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

SHELL = ("base-files", "coreutils", "dash", "findutils", "grep", "libc-bin", "libc6", "login", "passwd", "sed")
"""Packages of a root in which a shell script runs."""
NOT_NEEDED = ("/usr/share/doc", "/usr/share/info", "/usr/share/locale", "/usr/share/man", "/usr/share/lintian")
MERGED = ("bin", "lib", "lib64", "sbin")
"""Links to /usr in every Debian since bookworm."""
ELF = b"\x7fELF"
POSTGRES_ID = 999
NOBODY_ID = 65534
PASSWD = f"""root:x:0:0:root:/root:/bin/sh
postgres:x:{POSTGRES_ID}:{POSTGRES_ID}::/var/lib/postgresql:/bin/sh
nobody:x:{NOBODY_ID}:{NOBODY_ID}:nobody:/nonexistent:/usr/sbin/nologin
"""
GROUP = f"root:x:0:\npostgres:x:{POSTGRES_ID}:\nnogroup:x:{NOBODY_ID}:\n"


class Root:
    """The files of an image: target path -> source or content. Root owns them, unless stated otherwise."""

    def __init__(self) -> None:
        self._files: dict[str, Path] = {}
        self._made: dict[str, tuple[tarfile.TarInfo, bytes]] = {}
        self._complete: set[Path] = set()

    def like(self, other: "Root") -> "Root":
        """Add all files of another root."""
        self._files |= other._files
        self._made |= other._made
        self._complete |= other._complete
        return self

    def system(self, *packages: str) -> "Root":
        """Add the files of Debian packages."""
        listed = subprocess.run(["dpkg", "-L", *packages], capture_output=True, text=True, check=True).stdout
        for line in listed.splitlines():
            if line.startswith("/") and not line.startswith(NOT_NEEDED) and not Path(line).is_dir():
                self.copy(Path(line))
        return self

    def copy(self, source: Path, target: str | None = None) -> None:
        """Copy a file to the same path or to `target`. A file that is absent on this system is skipped."""
        place = target or os.path.join(os.path.realpath(source.parent), source.name)
        if os.path.lexists(source):
            self._files[place] = source

    def tree(self, source: Path, target: str, without: Iterable[str] = ()) -> None:
        """Copy a folder with its content, except entries with one of these names."""
        left_out = {*without, "__pycache__"}
        for folder, names, files in os.walk(source):
            names[:] = [name for name in names if name not in left_out]
            for name in (*files, *(name for name in names if Path(folder, name).is_symlink())):
                self.copy(Path(folder, name), f"{target}/{Path(folder, name).relative_to(source)}")

    def link(self, target: str, to: str) -> None:
        info = tarfile.TarInfo(target.lstrip("/"))
        info.type, info.linkname = tarfile.SYMTYPE, to
        self._made[target] = (info, b"")

    def folder(self, target: str, owner: int = 0, mode: int = 0o755) -> None:
        info = tarfile.TarInfo(target.lstrip("/"))
        info.type, info.mode, info.uid, info.gid = tarfile.DIRTYPE, mode, owner, owner
        self._made[target] = (info, b"")

    def text(self, target: str, content: str, mode: int = 0o644) -> None:
        info = tarfile.TarInfo(target.lstrip("/"))
        info.mode, info.size = mode, len(content.encode())
        self._made[target] = (info, content.encode())

    def write(self, file: Path) -> None:
        """Write a tar archive, with every library that a program in it needs."""
        self.complete()
        with tarfile.open(file, "w") as tar:
            for target, source in self._files.items():
                if target not in self._made:
                    tar.add(source, target.lstrip("/"), recursive=False, filter=_of_root)
            for info, content in self._made.values():
                tar.addfile(info, BytesIO(content))

    def complete(self) -> None:
        """Add every library that a program needs."""
        files = {source for source in self._files.values() if not source.is_symlink()} - self._complete
        self._complete |= files
        programs = [source for source in files if _is_program(source)]
        # Exit code 1: one of them is static. Whatever is missing shows when the image runs.
        said = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=False).stdout
        for word in {word for line in said.splitlines() for word in line.split() if word.startswith("/")}:
            if not word.endswith(":") and os.path.realpath(word) not in map(os.path.realpath, files):
                place = os.path.join(os.path.realpath(os.path.dirname(word)), os.path.basename(word))
                self._files.setdefault(place, Path(os.path.realpath(word)))


def _is_program(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(ELF)) == ELF


def _of_root(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode &= 0o755 if not info.isdir() else 0o1777
    return info


@cache
def shell() -> Root:
    """Return a Debian root file system in which a shell script runs, with user accounts."""
    root = Root().system(*SHELL)
    for name in MERGED:
        root.link(f"/{name}", f"usr/{name}")
    root.folder("/tmp", mode=0o1777)
    root.folder("/root", mode=0o700)
    for name in ("dev", "proc", "sys", "run", "var/tmp"):
        root.folder(f"/{name}")
    root.text("/etc/passwd", PASSWD)
    root.text("/etc/group", GROUP)
    root.text("/etc/shadow", "".join(f"{line.split(':')[0]}:*:1:0:99999:7:::\n" for line in PASSWD.splitlines()))
    root.complete()
    return root


def python(wheels: Path) -> Root:
    """Return this interpreter with a shell, and a folder of the locked wheels that pip uses instead of an index."""
    root, base = Root().like(shell()).system("bash", "libgcc-s1", "libstdc++6"), Path(sys.base_prefix)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    root.copy(Path(os.path.realpath(base / "bin" / version)), f"/usr/local/bin/{version}")
    for name in ("python3", "python"):
        root.link(f"/usr/local/bin/{name}", version)
    root.tree(
        base / "lib" / version, f"/usr/local/lib/{version}", without=("site-packages", "test", "idlelib", "tkinter")
    )
    for library in (base / "lib").glob("libpython*.so*"):
        root.copy(library, f"/usr/lib/{library.name}")  # where the loader looks without having been told
    root.tree(wheels, "/wheels")
    root.text("/etc/pip.conf", "[global]\nno-index = true\nfind-links = /wheels\nno-input = true\n")
    return root


def nats(program: Path) -> Root:
    """Return nats-server and wget, as in the Alpine image."""
    root = Root().like(shell()).system("wget")
    root.copy(program, "/usr/local/bin/nats-server")
    entry = '#!/bin/sh\ncase "$1" in -*) set -- nats-server "$@" ;; esac\nexec "$@"\n'
    root.text("/docker-entrypoint.sh", entry, 0o755)
    root.folder("/data")
    return root


POSTGRES_ENTRY = """#!/bin/sh
# What compose.yaml asks of the published entry point: made once, by its variables; then open to its network.
set -eu
umask 077
for name in USER DB PASSWORD; do
  eval "file=\\${POSTGRES_${name}_FILE:-}"
  if [ -n "$file" ]; then eval "POSTGRES_$name=\\$(cat \"\\$file\")"; fi
done
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  printf '%s\\n' "$POSTGRES_PASSWORD" >/tmp/password
  initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --auth-host=scram-sha-256 --auth-local=trust \\
    $POSTGRES_INITDB_ARGS "$PGDATA"
  printf 'host all all all scram-sha-256\\n' >>"$PGDATA/pg_hba.conf"
  printf "listen_addresses = '*'\\nunix_socket_directories = '/var/run/postgresql'\\n" >>"$PGDATA/postgresql.conf"
  echo "CREATE DATABASE \\"$POSTGRES_DB\\"" | postgres --single -D "$PGDATA" postgres
fi
exec "$@"
"""


def postgres(programs: Path) -> Root:
    """Return PostgreSQL from the wheel with this folder of programs."""
    root, package = Root().like(shell()), programs.parent.parent
    root.tree(package / "pginstall", f"/opt/{package.name}/pginstall", without=("include",))
    root.tree(package.with_name(f"{package.name}.libs"), f"/opt/{package.name}.libs")
    for program in programs.iterdir():
        root.link(f"/usr/local/bin/{program.name}", f"/opt/{package.name}/pginstall/bin/{program.name}")
    root.text("/usr/local/bin/docker-entrypoint.sh", POSTGRES_ENTRY, 0o755)
    root.folder("/var/lib/postgresql", POSTGRES_ID)
    root.folder("/var/run/postgresql", POSTGRES_ID)
    return root


def prometheus() -> Root:
    """Return Debian's Prometheus and promtool."""
    root = Root().like(shell())
    for name in ("prometheus", "promtool"):
        program = shutil.which(name)
        assert program is not None, name
        root.copy(Path(program), f"/usr/bin/{name}")
    root.folder("/prometheus", NOBODY_ID)
    return root


PATHS = "ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"


class StandIn(NamedTuple):
    """An image to import, and the settings that its files do not contain."""

    root: Root
    changes: Sequence[str]


def stand_ins(wheels: Path, nats_server: Path, postgres_bin: Path) -> dict[str, StandIn]:
    """Return repository -> the image that replaces its image."""
    return {
        "python": StandIn(python(wheels), (PATHS, 'CMD ["python3"]')),
        "nats": StandIn(nats(nats_server), (PATHS, 'ENTRYPOINT ["/docker-entrypoint.sh"]')),
        "postgres": StandIn(
            postgres(postgres_bin),
            (
                f"{PATHS} PGDATA=/var/lib/postgresql/18/docker PGHOST=/var/run/postgresql",
                'ENTRYPOINT ["docker-entrypoint.sh"]',
                'CMD ["postgres"]',
                "VOLUME /var/lib/postgresql",
            ),
        ),
        "prom/prometheus": StandIn(
            prometheus(),
            (PATHS, 'ENTRYPOINT ["/usr/bin/prometheus"]', "USER nobody", "WORKDIR /prometheus", "VOLUME /prometheus"),
        ),
    }
