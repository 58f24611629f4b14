"""A ready database cluster for each home: `initdb` runs once in a test process, later homes get a copy of its files.

Tests of making the cluster itself do not use this: test_embedded_home, test_embedded_servers, test_embedded_stack.
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
    """A new folder that the database's user can traverse, in memory where there is room.

    pytest's own folders are closed to that user when root runs the tests. A cluster is 1300 files, and no test here
    cuts the power.
    """
    roomy = MEMORY_FOLDER.is_dir() and shutil.disk_usage(MEMORY_FOLDER).free >= MEMORY_FREE_BYTES_MIN
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=MEMORY_FOLDER if roomy else None))
    folder.chmod(0o711)
    return folder


@cache
def _made() -> Path:
    """The cluster that is copied; never started."""
    folder = open_folder("aura-cluster-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return postgres_at(Home(folder / "home")).store / "cluster"


def with_cluster(path: Path) -> Home:
    """A home whose database is made already."""
    home = Home(path)
    home.ensure()
    store = home.settle(database_account())
    subprocess.run(["cp", "--archive", str(_made()), str(store / "cluster")], check=True)
    return home
