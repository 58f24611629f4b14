"""The last lines of the logs of the processes that `aura up` has started."""

from pathlib import Path

import msgspec

from bus.embedded.child import plain
from bus.embedded.home import Home
from bus.embedded.log_file import last_lines
from domain.errors import NotFound

ENDING = ".log"


class ProcessLog(msgspec.Struct, frozen=True):
    """The end of one log, including its older files. `lines`: its last lines, formatted for people."""

    name: str
    path: str
    lines: tuple[str, ...]


def logs_of(home: Path, name: str = "", lines_max: int = 20) -> list[ProcessLog]:
    """Return the end of each log, or of one process's log. Raises NotFound."""
    folder = Home(home).logs
    paths = {path.name.removesuffix(ENDING): path for path in sorted(folder.glob(f"*{ENDING}"))}
    if name and name not in paths:
        known = f"Processes with a log: {', '.join(paths)}." if paths else "Start the processes: aura up"
        raise NotFound(f"No process {name!r} has written a log in {home}.", hint=known)
    chosen = [name] if name else list(paths)
    return [
        ProcessLog(name=each, path=str(paths[each]), lines=tuple(map(plain, last_lines(paths[each], lines_max))))
        for each in chosen
    ]
