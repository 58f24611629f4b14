"""One child process: started as its own session, ended as a whole group, and never outliving its parent."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from bus.embedded import probe
from bus.embedded.plan import ChildPlan
from bus.embedded.process import ProcessId, identify

PR_SET_PDEATHSIG = 1
POLL_S = 0.02


_logged = msgspec.json.Decoder(dict[str, Any])


class Child:
    """A plan and the process that runs it at present, if any. Start it from the main thread: see `_bind_to_parent`."""

    def __init__(self, plan: ChildPlan) -> None:
        self.plan = plan
        self.process: ProcessId | None = None
        self.ready = False
        self._asked = False
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process. Raises OSError when it cannot be executed."""
        plan = self.plan
        self.ready = self._asked = False
        if plan.probe.startswith("file:"):
            Path(plan.probe.removeprefix("file:")).unlink(missing_ok=True)
        account = plan.account if plan.account and plan.account.switch else None
        with open(plan.log, "ab") as log:
            self._popen = subprocess.Popen(
                plan.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=plan.cwd,
                env=plan.env if plan.env_only else {**os.environ, **plan.env},
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                start_new_session=True,
                preexec_fn=_bind_to_parent(plan.orphan_signal),
            )
        self.process = identify(self._popen.pid)

    @property
    def pid(self) -> int | None:
        return self._popen.pid if self._popen else None

    def ended(self) -> int | None:
        """The exit status (negative: a signal) once it has ended, None while it runs. Ends the rest of its group."""
        if self._popen is None:
            return 0
        if os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            return None
        # Not yet reaped, so the group's number cannot have been given to somebody else.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        status = self._popen.wait()
        self._popen = None
        self.process = None
        self.ready = False
        return status

    def check(self) -> bool:
        """Asks the probe once, unless the process has already been found ready."""
        if self._popen is not None and not self.ready:
            self.ready = probe.ready(self.plan.probe, self._popen.pid)
        return self.ready

    def signal(self, number: int) -> None:
        # Popen's own way would reap a process that has just ended, and `ended` could not look at it any more.
        if self._popen is not None:
            os.kill(self._popen.pid, number)

    def ask(self) -> None:
        """Stop signal, once: a second one could end a process that has drained and is just about to say so."""
        if not self._asked:
            self._asked = True
            self.signal(self.plan.stop_signal)

    def stop(self) -> int | None:
        """Stop signal unless it was asked, grace, SIGKILL; blocks. None when nothing ran."""
        if self._popen is None:
            return None
        self.ask()
        deadline = time.monotonic() + self.plan.grace_s
        while (status := self.ended()) is None:
            if time.monotonic() > deadline:
                return self.kill()
            time.sleep(POLL_S)
        return status

    def kill(self) -> int | None:
        """SIGKILL to the process alone, as a crash would be; blocks until it is reaped."""
        if self._popen is None:
            return None
        self.signal(signal.SIGKILL)
        while (status := self.ended()) is None:
            time.sleep(POLL_S)
        return status


def log_tail(path: str, lines_max: int = 8) -> str:
    """The last lines of a log, for an error message; those in JSON as people read them."""
    try:
        lines = Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(map(_plain, lines[-lines_max:]))


def _plain(line: str) -> str:
    """A line of a log as text: `failed: what is wrong; what to do` of one in JSON."""
    try:
        said = _logged.decode(line)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return line
    rest = "; ".join(str(value) for name, value in said.items() if name not in ("timestamp", "level", "role", "event"))
    return f"{said.get('role', '')} {said.get('event', '')}: {rest}".strip()


def _bind_to_parent(number: int) -> Callable[[], None] | None:
    """Return the hook that a child runs before it executes: it asks for signal `number` when the forking thread ends.

    It runs after the change of user, which would clear the request. On other systems the next start ends orphans.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def bind() -> None:
        prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return bind
