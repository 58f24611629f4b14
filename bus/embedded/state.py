"""Files of the supervisor: its plan (run/plan.json) and its report (run/state.json)."""

import signal

import msgspec

from bus.embedded.endpoints import Endpoints
from bus.embedded.log_file import LogLimits
from bus.embedded.plan import ChildPlan
from bus.embedded.process import ProcessId

PLAN_FILE = "plan.json"
STATE_FILE = "state.json"
RESTART_LONGEST_S = 30.0
"""The longest wait (s) before a child that keeps ending is started again."""


class StackPlan(msgspec.Struct, frozen=True):
    """The plan, written before the supervisor starts. A data folder is None if that server is not part of the stack."""

    endpoints: Endpoints
    children: tuple[ChildPlan, ...]
    nats_data: str | None = None
    postgres_data: str | None = None
    restart_longest_s: float = RESTART_LONGEST_S
    log_limits: LogLimits = LogLimits()


class ChildState(msgspec.Struct, frozen=True):
    """`since`: Unix time (s) of the last change. `last_exit`: exit status, negative for a signal."""

    name: str
    log: str
    stop_signal: int
    grace_s: float
    process: ProcessId | None = None
    ready: bool = False
    restarts: int = 0
    since: float | None = None
    last_exit: int | None = None


class StackState(msgspec.Struct, frozen=True):
    """State of a stack. It stays in the file after a crash. The next start then ends the processes of `children`."""

    supervisor: ProcessId
    since: float
    children: tuple[ChildState, ...] = ()
    stopping: bool = False


PLAN = msgspec.json.Decoder(StackPlan)
STATE = msgspec.json.Decoder(StackState)


def ending(status: int | None) -> str:
    """Describe in words how a process ended. None means that it could not be started."""
    if status is None:
        return "could not be started"
    if status >= 0:
        return f"ended with status {status}"
    known = {number.value: number.name for number in signal.Signals}
    return f"was killed by {known.get(-status, f'signal {-status}')}"
