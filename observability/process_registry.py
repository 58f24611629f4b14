"""Registry of the processes of a home: each has a file AURA_HOME/run/<name>.json while it serves."""

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
"""Files of other owners in that folder."""
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """`url`: where it tells its health and metrics, None when it does not. `since`: Unix time (s).

    `resting`: it was told to stop, has ended its duties, and causes nothing any more but what reactions still ask for.
    `home`: the path of its home; a copy of that home has its file, too, and not the process.
    """

    name: str
    roles: tuple[str, ...]
    process: ProcessId
    since: float
    url: str | None = None
    resting: bool = False
    home: str = ""


class Serving(msgspec.Struct, frozen=True):
    """The roles at work in a home. `all_here`: nobody works elsewhere, so a role that is not among them has nobody."""

    roles: frozenset[str] = frozenset()
    all_here: bool = False

    @property
    def nobody(self) -> bool:
        return self.all_here and not self.roles

    def lacks(self, *roles: str) -> bool:
        """Whether it is known that nobody has any of the roles."""
        return self.all_here and self.roles.isdisjoint(roles)


_presence = msgspec.json.Decoder(Presence)


def process_name(roles: Sequence[str]) -> str:
    """The name of the process that has these roles, as a file may have it."""
    return "-".join(role.replace(":", "-") for role in roles)


def free_name(home: Path, name: str) -> str:
    """The name, or the first NAME-2, NAME-3, … that no other living process bears."""
    taken = {other.name for other in at_work(home) if other.process.pid != os.getpid()}
    return next(free for number in count(1) if (free := f"{name}-{number}" if number > 1 else name) not in taken)


def checked_name(name: str) -> str:
    """A name that was given. Raises Invalid when run/ cannot have a file of it."""
    if not NAME.fullmatch(name) or f"{name}.json" in NOT_OURS:
        raise Invalid(f"No process can be called {name!r}.", hint="Small letters, digits and hyphens: manager-2.")
    return name


def present(name: str, roles: Sequence[str], url: str | None) -> Presence:
    """This process."""
    own = identify(os.getpid())
    assert own is not None, "a running process has a start time"
    return Presence(name=name, roles=tuple(roles), process=own, since=time.time(), url=url)


def post(home: Path, presence: Presence) -> None:
    """Write it, in the place of what a former process of that name has left."""
    path = _path(home, presence.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_record(path, msgspec.structs.replace(presence, home=str(home.absolute())))


def withdraw(home: Path, presence: Presence) -> None:
    """Take it away, unless another process of that name stands there by now."""
    if any(found.process == presence.process and found.name == presence.name for found in at_work(home)):
        _path(home, presence.name).unlink(missing_ok=True)


def at_work(home: Path) -> list[Presence]:
    """Everybody whose process lives, by name. What a crash has left, and what does not read, is passed over."""
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
    """Return the roles at work in a home. A process that was told to stop begins nothing any more."""
    return Serving(frozenset(role for found in at_work(home) if not found.resting for role in found.roles), all_here)


def _is_of(presence: Presence, home: Path) -> bool:
    """Whether the process serves this home, and not one of which this is a copy."""
    if presence.home in ("", str(home.absolute())):
        return True
    other = Path(presence.home)
    return other.exists() and other.samefile(home)


def _path(home: Path, name: str) -> Path:
    return home / RUN_FOLDER / f"{name}.json"
