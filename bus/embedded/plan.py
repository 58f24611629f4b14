"""The supervisor's plan: data only, so that the supervisor knows nothing of the programs it starts."""

import signal

import msgspec

from bus.embedded.account import SystemAccount

STOP_GRACE_S = 10.0


class ChildPlan(msgspec.Struct, frozen=True):
    """One process to keep alive.

    `env` is laid over the present environment, or replaces it when `env_only`. `grace_s` is how long a stop waits
    before SIGKILL. `orphan_signal` is what the kernel sends it when its parent dies (Linux). Neighbours with the same
    `stop_with` are told to stop together.
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
