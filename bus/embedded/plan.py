"""The supervisor's plan. It is only data: the supervisor has no code for the programs that it starts."""

import signal

import msgspec

from bus.embedded.account import SystemAccount

STOP_GRACE_S = 10.0


class ChildPlan(msgspec.Struct, frozen=True):
    """One process to keep alive.

    `env` is added to the present environment, or replaces it if `env_only`. `grace_s` is the wait between the stop
    signal and SIGKILL. On Linux, the kernel sends `orphan_signal` when the parent ends. Consecutive children with the
    same `stop_with` are stopped at the same time.
    """

    name: str
    argv: tuple[str, ...]
    log: str
    env: dict[str, str] = {}
    env_only: bool = False
    probe: str = "none"
    cwd: str = "/"
    account: SystemAccount | None = None
    start_after: tuple[str, ...] = ()
    stop_signal: int = signal.SIGTERM
    orphan_signal: int = signal.SIGKILL
    grace_s: float = STOP_GRACE_S
    stop_with: str = ""
