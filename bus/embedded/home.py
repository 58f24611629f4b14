"""AURA_HOME: its folders, and the database's folder outside it if the database's user cannot reach it."""

import hashlib
import os
import pwd
import stat
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from bus.embedded.account import SystemAccount, reaches
from bus.embedded.json_file import read_record, write_record
from bus.embedded.place import Place, place_of
from bus.embedded.port import free_port, is_free
from bus.embedded.state import PLAN_FILE, STATE, STATE_FILE, StackState
from domain.errors import Conflict, Unavailable

# The longest path of a unix socket, without the closing zero byte: sun_path has 108 bytes on Linux, 104 on macOS.
SOCKET_PATH_BYTES_MAX = 107 if sys.platform == "linux" else 103
SOCKET_NAME = ".s.PGSQL.5432"


INSIDE = "data/postgres"
"""The database's folder, relative to the home, if it is inside the home."""


class Layout(msgspec.Struct, frozen=True):
    """The content of run/layout.json: the database's folder (if Aura runs the database), and a port for each name.

    `private`: the database's folder is outside the home. `place`: the home's place when it was last used.
    """

    postgres: str | None = None
    private: bool = False
    ports: dict[str, int] = {}
    place: Place | None = None


_layout = msgspec.json.Decoder(Layout)


class Home:
    """The folders of one AURA_HOME. Only `ensure` creates them."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.keys = self.path / "keys"
        self.run = self.path / "run"
        self.logs = self.run / "logs"
        self.data = self.path / "data"
        self.nats_data = self.data / "nats"
        self.layout_file = self.run / "layout.json"

    def ensure(self) -> None:
        """Create the folders. If root calls it, other users may enter data/, because another user runs the database.

        Raises Unavailable if a folder cannot be made.
        """
        way = 0o711 if os.geteuid() == 0 else 0o700
        for folder, mode in (
            (self.path, way),
            (self.data, way),
            (self.keys, 0o700),
            (self.run, 0o700),
            (self.logs, 0o700),
            (self.nats_data, 0o700),
        ):
            if folder.is_dir():
                continue
            try:
                folder.mkdir(parents=True, mode=mode, exist_ok=True)  # another `aura up` may create it at the same time
                folder.chmod(mode)
            except OSError as error:
                raise Unavailable(
                    f"The folder {folder} cannot be made: {error.strerror}.",
                    hint="Set AURA_HOME to a folder that you may write.",
                    code="no_home",
                ) from error

    def layout(self) -> Layout:
        """Return the stored layout. The path of a database's folder inside the home is made from this home's path."""
        layout = read_record(self.layout_file, _layout) or Layout()
        if layout.postgres is None or layout.private:
            return layout
        return msgspec.structs.replace(layout, postgres=str(self.path / INSIDE))

    def keep(self, layout: Layout) -> None:
        """Store the layout, together with this home's present place."""
        inside = layout.postgres is not None and not layout.private
        record = msgspec.structs.replace(layout, postgres=INSIDE) if inside else layout
        write_record(self.layout_file, msgspec.structs.replace(record, place=place_of(self.path)))

    def own_state(self) -> StackState | None:
        """Return the record of this home's processes. Return None if there is none, or if this home is a copy."""
        state = read_record(self.run / STATE_FILE, STATE)
        if state is None or self.copied_from() is not None:
            return None
        if self.layout().place is not None or not state.children:
            return state
        logs = Path(state.children[0].log).parent  # in a home of 0.1.0 only the paths of the logs show its place
        return state if logs == self.logs or (logs.exists() and logs.samefile(self.logs)) else None

    def adopt(self) -> None:
        """Store this home's place. If this home is a copy, delete the copied record of the other home's processes.

        Raises Conflict if this home is a copy and its database is outside it: another home uses that database.
        """
        self._owns_database(self.layout())
        if self.own_state() is None:
            for name in (STATE_FILE, PLAN_FILE):
                (self.run / name).unlink(missing_ok=True)
        self.keep(self.layout())

    def copied_from(self) -> str | None:
        """Return the path of the original if this home is a copy, otherwise None."""
        place = self.layout().place
        return None if place is None or place.is_at(self.path) else place.path

    def settle(self, account: SystemAccount, *, private_roots: Sequence[Path] | None = None) -> Path:
        """Return the database's folder: the stored or a new one. A new one is in data/ if its user can work there."""
        layout = self.layout()
        if layout.postgres is not None:
            folder = Path(layout.postgres)
            self._check(folder, account)
            if layout.place != place_of(self.path):
                self.adopt()
            return folder
        folder = self.data / "postgres"
        private = not (_holds_socket(folder) and reaches(account, self.data))
        if private:
            folder = private_folder(self.path, account, private_roots or default_private_roots())
        else:
            folder.mkdir(mode=0o700, exist_ok=True)
            _give(folder, account)
        self.keep(msgspec.structs.replace(layout, postgres=str(folder), private=private))
        return folder

    def port(self, name: str, wanted: int = 0) -> int:
        """Return the stored port for this name if it is free. Otherwise choose and store `wanted` or a free port."""
        layout = self.layout()
        port = layout.ports.get(name, wanted) or None
        if port is None or not is_free(port):
            port = free_port(frozenset(layout.ports.values()))
        if port != layout.ports.get(name):
            self.keep(msgspec.structs.replace(layout, ports={**layout.ports, name: port}))
        return port

    def _check(self, folder: Path, account: SystemAccount) -> None:
        if not folder.is_dir() or folder.is_symlink():
            raise Unavailable(
                f"The database's folder {folder} of the home {self.path} is missing.",
                hint="Restore it from a backup. If this home is a copy, copy the folder from the original home.",
                code="data_gone",
            )
        owner = folder.stat().st_uid
        if owner != account.uid:
            raise Unavailable(
                f"The database's folder {folder} belongs to user {owner}, but the database would run as {account.uid}.",
                hint=f"Run as the user who made {self.path}. To copy a home, run `cp -a` as root: it keeps the owners.",
                code="data_of_another_user",
            )
        if not _holds_socket(folder) or not reaches(account, folder.parent):
            raise Unavailable(
                f"The database's user {account.name} cannot work in {folder}, the database's folder of {self.path}.",
                hint="Move the home to a short path without a comma, below folders that every user may enter.",
                code="no_data_folder",
            )

    def _owns_database(self, layout: Layout) -> None:
        """Raise Conflict if the database's folder is outside this home and another home uses it."""
        if layout.postgres is None or not layout.private:
            return
        folder = Path(layout.postgres)
        if layout.place is None:  # a home of 0.1.0: the folder's name contains a hash of its home's path
            if not folder.name.startswith((_prefix(self.path), _prefix(self.path.resolve()))):
                raise _of_another_home(self.path, folder, "another home")
            return
        other = self.copied_from()
        if other is not None and Home(Path(other)).layout().postgres == str(folder):
            raise _of_another_home(self.path, folder, f"the home {other}")


def _of_another_home(home: Path, folder: Path, owner: str) -> Conflict:
    return Conflict(
        f"The home {home} is a copy, and its database in {folder} belongs to {owner}.",
        hint="Set AURA_HOME to that home. For a second organisation, restore a backup of its database into a new home.",
        code="other_home",
    )


def default_private_roots() -> tuple[Path, ...]:
    """Return the folders that may hold a private folder. The first ones survive a restart of the machine."""
    if os.geteuid() == 0:
        return (Path("/var/lib"), Path("/var/tmp"), Path(tempfile.gettempdir()))
    own: tuple[Path, ...] = ()
    with suppress(KeyError):
        own = (Path(pwd.getpwuid(os.geteuid()).pw_dir) / ".local" / "share",)
    return (*own, Path("/var/tmp"), Path(tempfile.gettempdir()))


def private_folder(home: Path, account: SystemAccount, roots: Sequence[Path]) -> Path:
    """Create a folder (0700, owned by the account, unguessable name) in the first suitable root, and return it.

    Raises Unavailable if no root is suitable.
    """
    for root in roots:
        try:
            folder = Path(tempfile.mkdtemp(prefix=_prefix(home), dir=root))
        except OSError:
            continue
        _give(folder, account)
        if _holds_socket(folder) and reaches(account, folder):
            return folder
        folder.rmdir()
    raise Unavailable(
        f"The database's user {account.name} cannot work in {home}, or in any of these folders: "
        f"{', '.join(str(root) for root in roots)}.",
        hint="Choose an AURA_HOME with a short path below folders that every user may enter, or set AURA_POSTGRES_DSN.",
        code="no_data_folder",
    )


def _prefix(home: Path) -> str:
    """Return the prefix of the name of a home's private folder."""
    return f"aura-{hashlib.sha256(os.fsencode(home)).hexdigest()[:8]}-"


def _holds_socket(folder: Path) -> bool:
    """Return whether clients can name a socket in this folder: its path is short and has no comma.

    In a connection string a comma separates two hosts.
    """
    path = folder / "socket" / SOCKET_NAME
    return len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX and "," not in str(path)


def _give(folder: Path, account: SystemAccount) -> None:
    if account.switch:
        os.chown(folder, account.uid, account.gid)
    if stat.S_IMODE(folder.stat().st_mode) != 0o700:
        folder.chmod(0o700)
