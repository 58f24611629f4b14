"""The supervisor. It starts children in order, restarts a child that ended (with back-off), and stops all in reverse.

It runs as `python -m bus.embedded.supervisor RUN_FOLDER`, detaches itself, and follows the plan in that folder.
"""

import fcntl
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import msgspec

from bus import crash_dump
from bus.embedded.child import Child
from bus.embedded.json_file import read_record, write_record
from bus.embedded.log_file import LogLimits, rotate
from bus.embedded.plan import ChildPlan
from bus.embedded.process import identify
from bus.embedded.state import PLAN, PLAN_FILE, RESTART_LONGEST_S, STATE_FILE, ChildState, StackPlan, StackState, ending

LOCK_FILE = "supervisor.lock"
RESTART_FIRST_S = 0.5
STEADY_S = 60.0
# A child without a probe is ready after it has run for this time (s).
UNPROBED_S = 0.3
PROBE_EVERY_S = 0.05
IDLE_S = 1.0
LOGS, LOG_FILE = "logs", "supervisor.log"


def back_off_s(failures: int, longest_s: float = RESTART_LONGEST_S) -> float:
    """Return the wait before the next start. It doubles with each failure in a row, up to a limit."""
    return min(RESTART_FIRST_S * 2.0 ** min(failures - 1, 16), longest_s)


class ChildWatch:
    """A child and its recorded state. All times except `state.since` come from the monotonic clock."""

    def __init__(self, plan: ChildPlan, restart_longest_s: float) -> None:
        self.child = Child(plan)
        self._restart_longest_s = restart_longest_s
        self.state = ChildState(plan.name, plan.log, plan.stop_signal, plan.grace_s)
        self._failures = 0
        self._started = 0.0
        self._start_at = 0.0

    def tend(self, now: float, ready: frozenset[str]) -> None:
        """Check the child once: start it if due, note its end, run its probe. `ready` names the ready children."""
        plan = self.child.plan
        if self.child.pid is None:
            if now >= self._start_at and ready.issuperset(plan.start_after):
                self._start(now)
        elif (status := self.child.ended()) is not None:
            self._failed(now, f"{ending(status)} after {now - self._started:.1f} s", status)
        elif not self.state.ready and self._answers(now):
            self._note(ready=True)
            log(f"{plan.name}: ready after {now - self._started:.1f} s")

    def ask(self) -> None:
        """Send the stop signal and do not wait."""
        self.child.ask()

    def stop(self) -> None:
        if self.child.pid is not None:
            status = self.child.stop()
            log(f"{self.child.plan.name}: stopped with status {status}")
            self._note(process=None, ready=False, last_exit=status)

    def _answers(self, now: float) -> bool:
        if self.child.plan.probe == "none" and now - self._started < UNPROBED_S:
            return False
        return self.child.check()

    def _start(self, now: float) -> None:
        self._started = now
        try:
            self.child.start()
        except OSError as error:
            self._failed(now, f"cannot be started: {error}", None)
            return
        log(f"{self.child.plan.name}: started as {self.child.pid}")
        self._note(process=self.child.process, ready=False)

    def _failed(self, now: float, what: str, status: int | None) -> None:
        """Log how the child ended, the number of the restart and its time. Then schedule the restart."""
        self._failures = 1 if now - self._started > STEADY_S else self._failures + 1
        wait_s = back_off_s(self._failures, self._restart_longest_s)
        self._start_at = now + wait_s
        restarts = self.state.restarts + 1
        log(f"{self.child.plan.name}: {what}; restart {restarts} in {wait_s:.1f} s")
        self._note(process=None, ready=False, restarts=restarts, last_exit=status)

    def _note(self, **changes: object) -> None:
        self.state = msgspec.structs.replace(self.state, since=time.time(), **changes)


def stop_order(watches: Sequence[ChildWatch]) -> list[list[ChildWatch]]:
    """Group the children for the stop, the last one first. Consecutive children with one `stop_with` are a group."""
    numbered = enumerate(reversed(watches))
    groups = groupby(numbered, key=lambda entry: entry[1].child.plan.stop_with or entry[0])
    return [[watch for _, watch in group] for _, group in groups]


class Logs:
    """The logs of the children and of the supervisor, each kept within its limits."""

    def __init__(self, paths: Sequence[Path], limits: LogLimits) -> None:
        self._paths = paths
        self._limits = limits
        self._errors: set[int | None] = set()

    def tend(self) -> None:
        for path in self._paths:
            try:
                if rotate(path, self._limits):
                    log(f"supervisor: {path.name} was larger than {self._limits.bytes_max} bytes and was emptied")
            except OSError as error:  # for example a full disk. The next check tries again
                if error.errno not in self._errors:
                    log(f"supervisor: {path.name} is too large and cannot be emptied: {error}")
                self._errors.add(error.errno)


class Supervisor:
    """Keeps the plan's children alive until SIGTERM or SIGINT."""

    def __init__(self, run: Path, plan: StackPlan) -> None:
        own = identify(os.getpid())
        assert own is not None, "a running process has a start time"
        self._file = run / STATE_FILE
        self._logs = Logs([run / LOGS / LOG_FILE, *(Path(child.log) for child in plan.children)], plan.log_limits)
        self._state = StackState(own, time.time())
        self._watches = [ChildWatch(child, plan.restart_longest_s) for child in plan.children]
        self._stopping = False
        self._wake, self._woken = socket.socketpair()

    def work(self) -> None:
        self._listen()
        self._report(write=True)
        while not self._stopping:
            for watch in self._watches:
                watch.tend(time.monotonic(), frozenset(w.state.name for w in self._watches if w.state.ready))
            self._report()
            self._logs.tend()
            self._rest()
        self._report()  # readers of the state file now see `stopping`
        for together in stop_order(self._watches):
            for watch in together:
                watch.ask()
            for watch in together:
                watch.stop()
                self._report()
        log("supervisor: all children are stopped")

    def _listen(self) -> None:
        for end in (self._wake, self._woken):
            end.setblocking(False)
        signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)
        # A handler that does nothing. The children would inherit SIG_IGN.
        for number in (signal.SIGCHLD, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def _stop(self, number: int, _frame: object) -> None:
        log(f"supervisor: {signal.Signals(number).name}, stopping")
        self._stopping = True

    def _rest(self) -> None:
        """Sleep until the next check is due, or until a signal comes. The end of a child sends a signal."""
        settled = all(watch.state.ready for watch in self._watches)
        select.select([self._wake], [], [], IDLE_S if settled else PROBE_EVERY_S)
        with suppress(BlockingIOError):
            while self._wake.recv(256):
                pass

    def _report(self, *, write: bool = False) -> None:
        """Write the state file if the state has changed."""
        present = msgspec.structs.replace(
            self._state, children=tuple(watch.state for watch in self._watches), stopping=self._stopping
        )
        if write or present != self._state:
            try:
                write_record(self._file, present)
            except OSError as error:  # A full disk must not end the children. The next check tries again.
                log(f"supervisor: cannot write {self._file}: {error}")
            else:
                self._state = present


def log(line: str) -> None:
    """Write one line to standard output, which is the supervisor's log."""
    with suppress(OSError):
        print(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {line}", flush=True)


def main(run: Path) -> None:
    """Detach, take the lock that only one supervisor of a home can hold, and supervise."""
    if os.fork():
        os._exit(0)
    crash_dump.tell()
    os.chdir("/")
    lock = os.open(run / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log("supervisor: another supervisor works on this home")
        return
    plan = read_record(run / PLAN_FILE, PLAN)
    assert plan is not None, "the plan is written before the supervisor is started"
    log(f"supervisor: {os.getpid()} runs {', '.join(child.name for child in plan.children) or 'nothing'}")
    Supervisor(run, plan).work()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
