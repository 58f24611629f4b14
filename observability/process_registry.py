"""Registry of a home's processes. Each process has a file AURA_HOME/run/<name>.json while it runs."""

import os
import re
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import msgspec

from bus.embedded.json_file import write_record
from bus.embedded.process import ProcessId, alive, identify
from bus.embedded.state import PLAN_FILE, STATE_FILE
from domain.errors import Invalid

RUN_FOLDER = "run"
NOT_OURS = (PLAN_FILE, STATE_FILE, "nats-context.json", "prometheus-targets.json")
"""Files in that folder that are not entries of processes."""
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """The entry of a process. `url`: the address of its health and metrics, or None. `since`: Unix time (s).

    `resting`: the process is stopping and has ended its duties. It now sends only the commands that pending reactions
    need. `home`: the path of its home. A copy of that home also has the file, but no such process.
    """

    name: str
    roles: tuple[str, ...]
    process: ProcessId
    since: float
    url: str | None = None
    resting: bool = False
    home: str = ""


class Serving(msgspec.Struct, frozen=True):
    """The roles that run in a home. `all_here`: no process runs on another machine, so a missing role does not run."""

    roles: frozenset[str] = frozenset()
    all_here: bool = False

    @property
    def nobody(self) -> bool:
        return self.all_here and not self.roles

    def lacks(self, *roles: str) -> bool:
        """Return whether it is certain that none of the roles runs."""
        return self.all_here and self.roles.isdisjoint(roles)


_presence = msgspec.json.Decoder(Presence)


def process_name(roles: Sequence[str]) -> str:
    """Return the name of a process with these roles, in a form that is a valid file name."""
    return "-".join(role.replace(":", "-") for role in roles)


def free_name(home: Path, name: str) -> str:
    """Return the name, or the first of NAME-2, NAME-3, … that no other running process has."""
    taken = {other.name for other in at_work(home) if other.process.pid != os.getpid()}
    return next(free for number in count(1) if (free := f"{name}-{number}" if number > 1 else name) not in taken)


def checked_name(name: str) -> str:
    """Return the name. Raises Invalid if it cannot be the name of a file in run/."""
    if not NAME.fullmatch(name) or f"{name}.json" in NOT_OURS:
        raise Invalid(
            f"No process can be called {name!r}.", hint="Use small letters, digits and hyphens, for example manager-2."
        )
    return name


def present(name: str, roles: Sequence[str], url: str | None) -> Presence:
    """Return the entry of this process."""
    own = identify(os.getpid())
    assert own is not None, "a running process has a start time"
    return Presence(name=name, roles=tuple(roles), process=own, since=time.time(), url=url)


def post(home: Path, presence: Presence) -> None:
    """Write the file of a process. It replaces the file of an earlier process with the same name."""
    path = _path(home, presence.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_record(path, msgspec.structs.replace(presence, home=str(home.absolute())))


def withdraw(home: Path, presence: Presence) -> None:
    """Remove the file of a process, unless it now belongs to another process with that name."""
    if any(found.process == presence.process and found.name == presence.name for found in at_work(home)):
        _path(home, presence.name).unlink(missing_ok=True)


def at_work(home: Path) -> list[Presence]:
    """Return the entries of all running processes, by name. Files of dead processes and invalid files are skipped."""
    found = []
    for path in sorted((home / RUN_FOLDER).glob("*.json")):
        if path.name in NOT_OURS:
            continue
        try:
            presence = _presence.decode(path.read_bytes())
        except (FileNotFoundError, msgspec.DecodeError):
            continue
        if alive(presence.process) and _is_of(presence, home):
            found.append(presence)
    return found


def serving(home: Path, *, all_here: bool) -> Serving:
    """Return the roles that run in a home. A process that is stopping does not count: it begins no new work."""
    return Serving(frozenset(role for found in at_work(home) if not found.resting for role in found.roles), all_here)


def _is_of(presence: Presence, home: Path) -> bool:
    """Return whether the process serves this home, and not the original of a copied home."""
    if presence.home in ("", str(home.absolute())):
        return True
    other = Path(presence.home)
    return other.exists() and other.samefile(home)


def _path(home: Path, name: str) -> Path:
    return home / RUN_FOLDER / f"{name}.json"
