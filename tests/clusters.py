"""A ready database cluster for each home: `initdb` runs once per test process, and later homes get a copy.

Tests about making the cluster do not use this: test_embedded_home, test_embedded_servers, test_embedded_stack.
"""

import atexit
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from bus.embedded.account import database_account
from bus.embedded.home import Home
from bus.embedded.servers import postgres_at

MEMORY_FOLDER = Path("/dev/shm")
MEMORY_FREE_BYTES_MIN = 2 * 1024**3


def open_folder(prefix: str) -> Path:
    """Return a new folder that the database's user can enter, in memory if there is space.

    If root runs the tests, pytest's own folders are closed to that user. A cluster has 1300 files, and no test here
    cuts the power, so memory is enough.
    """
    roomy = MEMORY_FOLDER.is_dir() and shutil.disk_usage(MEMORY_FOLDER).free >= MEMORY_FREE_BYTES_MIN
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=MEMORY_FOLDER if roomy else None))
    folder.chmod(0o711)
    return folder


@cache
def _made() -> Path:
    """Return the cluster that is copied. It is never started."""
    folder = open_folder("aura-cluster-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return postgres_at(Home(folder / "home")).store / "cluster"


def with_cluster(path: Path) -> Home:
    """Return a home with a ready database cluster."""
    home = Home(path)
    home.ensure()
    store = home.settle(database_account())
    subprocess.run(["cp", "--archive", str(_made()), str(store / "cluster")], check=True)
    return home
