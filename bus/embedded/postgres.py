"""Cluster, settings and plan of PostgreSQL. It listens only on a unix socket, in a folder that its own user owns."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from bus.embedded.account import SystemAccount, own_name
from bus.embedded.home import SOCKET_NAME
from bus.embedded.plan import ChildPlan
from bus.embedded.process import gone, identify
from bus.embedded.programs import postgres_bin_for
from domain.errors import Unavailable
from sql import named

NAME = "postgres"
LOCK_FILE = "postmaster.pid"
"""PostgreSQL's lock file in its data folder. It stays there after a crash."""
DATABASE = "aura"
ROLE = "aura"
CONNECTIONS_MAX = 100
SHARED_BUFFERS = "64MB"
INITDB_WAIT_S = 120.0
ORPHAN_WAIT_S = 5.0
# One syncfs call replaces a thousand calls of fsync, when the cluster is made and at each recovery from a crash.
SYNC_METHOD = "syncfs" if sys.platform == "linux" else "fsync"
STOP_GRACE_S = 30.0
INITDB_OPTIONS = ("-E", "UTF8", "--locale=C", "--auth=peer", f"--sync-method={SYNC_METHOD}")

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "recovery_init_sync_method": SYNC_METHOD,
    "max_connections": str(CONNECTIONS_MAX),
    "shared_buffers": SHARED_BUFFERS,
    "io_method": "sync",  # the default is three more processes that read, which do not help a small database
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_checkpoints": "off",  # two lines every five minutes, which tell an operator nothing
}


def dsn(folder: Path, database: str = DATABASE) -> str:
    """Return the connection string for the socket below the database's folder."""
    return f"postgresql://{ROLE}@/{quote(database)}?host={quote(str(folder / 'socket'), safe='')}"


def is_made(folder: Path) -> bool:
    """Return whether the database's folder contains a complete cluster."""
    return (folder / "cluster" / "PG_VERSION").exists()


def was_stopped(folder: Path) -> bool:
    """Return whether the last server on the data in `folder` ended in an orderly way: its lock file is gone."""
    return not (folder / "cluster" / LOCK_FILE).exists()


def plan(folder: Path, log: Path, account: SystemAccount) -> ChildPlan:
    """Make the cluster in `folder` if it is not there, and return the plan that starts the server."""
    programs = postgres_bin_for(account, folder)
    socket_folder = folder / "socket"
    _make_folder(socket_folder, account)
    cluster = folder / "cluster"
    if not is_made(folder):
        _make_cluster(programs, folder, cluster, account)
    _release_locks(folder)
    quoted = str(socket_folder).replace('"', '""')
    settings = {**SETTINGS, "unix_socket_directories": f'"{quoted}"'}
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    return ChildPlan(
        name=NAME,
        argv=(str(programs / "postgres"), "-D", str(cluster), *options),
        log=str(log),
        env=_environment(folder),
        env_only=True,
        probe=f"postmaster:{cluster}",
        cwd=str(folder),
        account=account,
        # SIGINT is a fast shutdown: PostgreSQL ends the sessions and syncs the data. After SIGQUIT, the next start
        # recovers as from a crash.
        stop_signal=signal.SIGINT,
        orphan_signal=signal.SIGQUIT,
        grace_s=STOP_GRACE_S,
    )


def _make_cluster(programs: Path, folder: Path, cluster: Path, account: SystemAccount) -> None:
    """Make the cluster under a temporary name, then rename it. An interrupted attempt leaves no incomplete cluster."""
    unfinished = folder / "cluster.part"
    shutil.rmtree(unfinished, ignore_errors=True)
    _run(
        [str(programs / "initdb"), "-D", str(unfinished), "-U", ROLE, *INITDB_OPTIONS],
        folder,
        account,
    )
    # Only root and the database's user can enter the socket's folder. This map admits only the present user, for any
    # role.
    _overwrite(unfinished / "pg_hba.conf", "local all all peer map=aura\n")
    _overwrite(unfinished / "pg_ident.conf", f'aura "{own_name()}" all\n')
    _run(
        [str(programs / "postgres"), "--single", "-D", str(unfinished), "postgres"],
        folder,
        account,
        script=named("create_database"),
    )
    unfinished.rename(cluster)


def _release_locks(folder: Path) -> None:
    """Replace the pid in lock files that remain after a crash, so that PostgreSQL can start.

    After a crash, another program may have the pid, or the pid's process has ended but was not reaped (in containers).
    PostgreSQL would assume that a server runs, and would not start. Only the pid is replaced, by the pid of a process
    that has ended. PostgreSQL still uses the other lines to look for orphaned sessions, as after every crash.

    A lock file may also be a copy: the home was copied while its server ran. That server has the pid, and it works on
    the original's data. It is not a server of this folder, so its lock is released here as after a crash.

    If a server really runs on the data, wait ORPHAN_WAIT_S for its end, because a server ends when its supervisor has
    ended. Raises Unavailable if the server still runs after this wait.
    """
    cluster = folder / "cluster"
    for lock in (cluster / LOCK_FILE, folder / "socket" / f"{SOCKET_NAME}.lock"):
        try:
            lines = lock.read_text().splitlines(keepends=True)
            pid = int(lines[0])
        except (OSError, ValueError, IndexError):
            continue
        owner = identify(pid)
        recorded = Path(lines[1].strip()) if len(lines) > 1 else None
        if owner is not None and _serves(pid, cluster, recorded) and not gone(owner, ORPHAN_WAIT_S):
            raise Unavailable(
                f"Another PostgreSQL (process {pid}) runs on the data in {folder}.",
                hint="Stop the program that started it, then try again.",
                code="data_in_use",
            )
        ended = subprocess.Popen(["/bin/sh", "-c", ":"])
        ended.wait()
        if lock.exists():
            _overwrite(lock, "".join([f"{ended.pid}\n", *lines[1:]]))


def _serves(pid: int, cluster: Path, recorded: Path | None) -> bool:
    """Return whether the process is a PostgreSQL server that works on this cluster. If this is unknown, return True.

    A server's working directory is its data folder, also after the folder was moved. Where it cannot be read (another
    user's process in a container, macOS), compare `recorded`, the data folder that the lock file names.
    """
    with suppress(OSError):
        if b"postgres" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            return False
    for folder in (Path(f"/proc/{pid}/cwd"), recorded):
        with suppress(OSError):
            if folder is not None:
                return folder.samefile(cluster)
    return True


def _overwrite(path: Path, text: str) -> None:
    """Overwrite a file in place, so that it keeps its owner. Follow no link, because another user owns the folder."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW), "w") as file:
        file.write(text)


def _run(argv: list[str], folder: Path, account: SystemAccount, script: str = "") -> None:
    try:
        done = subprocess.run(
            argv,
            input=script,
            capture_output=True,
            text=True,
            errors="replace",
            cwd=folder,
            env=_environment(folder),
            user=account.uid if account.switch else None,
            group=account.gid if account.switch else None,
            extra_groups=[] if account.switch else None,
            timeout=INITDB_WAIT_S,
            check=False,
        )
        problem = (done.stderr or done.stdout).strip() if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = str(error)
    if problem:
        raise Unavailable(
            f"{Path(argv[0]).name} could not make the database in {folder}: {problem[-1000:]}",
            hint="Correct the cause, or set AURA_POSTGRES_DSN to another server.",
            code="no_cluster",
        )


def _environment(folder: Path) -> dict[str, str]:
    """Return only the variables that the programs need. The programs receive no settings or keys of Aura."""
    return {"PATH": os.defpath, "LANG": "C.UTF-8", "LC_ALL": "C", "TZ": "UTC", "HOME": str(folder)}


def _make_folder(path: Path, account: SystemAccount) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    if account.switch:
        os.chown(path, account.uid, account.gid)
