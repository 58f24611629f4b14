"""One child process. It has its own session. It ends when its parent ends, together with its whole process group."""

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
from bus.embedded.log_file import last_lines
from bus.embedded.plan import ChildPlan
from bus.embedded.process import ProcessId, identify

PR_SET_PDEATHSIG = 1
POLL_S = 0.02


_logged = msgspec.json.Decoder(dict[str, Any])


class Child:
    """A plan, and its process while it runs. Start the process from the main thread: see `_bind_to_parent`."""

    def __init__(self, plan: ChildPlan) -> None:
        self.plan = plan
        self.process: ProcessId | None = None
        self.ready = False
        self._asked = False
        self._popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process. Raises OSError if it cannot be executed."""
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
        """Return the exit status (negative: a signal), or None while it runs.

        After the process has ended, kill the remaining processes of its group.
        """
        if self._popen is None:
            return 0
        if os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            return None
        # The process is not reaped yet, so the kernel cannot have reused the group's number.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        status = self._popen.wait()
        self._popen = None
        self.process = None
        self.ready = False
        return status

    def check(self) -> bool:
        """Run the probe once, unless the process is already ready. Return whether it is ready."""
        if self._popen is not None and not self.ready:
            self.ready = probe.ready(self.plan.probe, self._popen.pid)
        return self.ready

    def signal(self, number: int) -> None:
        # Popen.send_signal would reap a process that has just ended, and `ended` could not examine it any more.
        if self._popen is not None:
            os.kill(self._popen.pid, number)

    def ask(self) -> None:
        """Send the stop signal, but only once. A second signal could kill a process that is about to exit."""
        if not self._asked:
            self._asked = True
            self.signal(self.plan.stop_signal)

    def stop(self) -> int | None:
        """Send the stop signal if it was not sent before, wait for the grace period, then send SIGKILL. Blocks.

        Return the exit status, or None if nothing ran.
        """
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
        """Send SIGKILL to the process only, as in a crash. Blocks until the process is reaped."""
        if self._popen is None:
            return None
        self.signal(signal.SIGKILL)
        while (status := self.ended()) is None:
            time.sleep(POLL_S)
        return status


def log_tail(path: str, lines_max: int = 8) -> str:
    """Return the last lines of a log for an error message. JSON lines are shown as plain text."""
    try:
        lines = last_lines(Path(path), lines_max)
    except OSError:
        return ""
    return "\n".join(map(plain, lines))


def plain(line: str) -> str:
    """Return a line of a log as plain text. A JSON line becomes `role event: value; value`."""
    try:
        fields = _logged.decode(line)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return line
    rest = "; ".join(
        str(value) for name, value in fields.items() if name not in ("timestamp", "level", "role", "event")
    )
    return f"{fields.get('role', '')} {fields.get('event', '')}: {rest}".strip()


def _bind_to_parent(number: int) -> Callable[[], None] | None:
    """Return the hook that a child runs before exec. It makes the kernel send `number` when the forking thread ends.

    The hook runs after the change of user, because that change would clear the request. On systems other than Linux
    there is no hook, and the next start ends orphaned processes.
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
