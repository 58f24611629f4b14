"""Files of the supervisor: its plan (run/plan.json) and its report (run/state.json)."""

import signal

import msgspec

from bus.embedded.endpoints import Endpoints
from bus.embedded.plan import ChildPlan
from bus.embedded.process import ProcessId

PLAN_FILE = "plan.json"
STATE_FILE = "state.json"
RESTART_LONGEST_S = 30.0
"""The longest wait before a child that keeps dying is started again."""


class StackPlan(msgspec.Struct, frozen=True):
    """Written before the supervisor starts. A data folder is None when that server is not ours."""

    endpoints: Endpoints
    children: tuple[ChildPlan, ...]
    nats_data: str | None = None
    postgres_data: str | None = None
    restart_longest_s: float = RESTART_LONGEST_S


class ChildState(msgspec.Struct, frozen=True):
    """`since` is when it last became what it is now (Unix time, s); `last_exit` is a status, negative for a signal."""

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
    """`supervisor` stays on record after a crash: the next start ends what is left of `children`."""

    supervisor: ProcessId
    since: float
    children: tuple[ChildState, ...] = ()
    stopping: bool = False


PLAN = msgspec.json.Decoder(StackPlan)
STATE = msgspec.json.Decoder(StackState)


def ending(status: int | None) -> str:
    """Say in words how a process ended; None: it never ran."""
    if status is None:
        return "could not be started"
    if status >= 0:
        return f"ended with status {status}"
    known = {number.value: number.name for number in signal.Signals}
    return f"was killed by {known.get(-status, f'signal {-status}')}"
