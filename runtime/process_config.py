"""Configuration of a process of the organisation."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agents.employees import postings
from agents.manager.reactor import LEASE_MARGIN_S
from agents.permits import SIGN_TIMES, SignTimes
from agents.verifier.judging import Judge
from agents.workers.pool import Build
from bus.fault_points import Fault
from bus.logger import SILENT, Logger
from governance.authority import Role
from observability.http_endpoint import LOOPBACK
from verification.judge import judge
from verification.sandbox.choice import Boxes

STAFF_ROLES: tuple[Role, ...] = ("recorder", "manager", "verifier", "auditor", "accountant", "hr")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Setup:
    """The settings of one process."""

    home: Path
    nats_url: str
    postgres_dsn: str
    roles: Sequence[str] = (*STAFF_ROLES, "employees")
    worker_nats_url: str = ""
    """The address of NATS for the workers of this process; empty: `nats_url`."""
    allow_degraded: bool = False
    machine: str = ""
    """The id of the machine. The Director accepts limits of its boxes by this id."""
    boxes: Boxes = field(default_factory=Boxes)
    """The choice of the verifier's sandbox."""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    lease_margin_s: float = LEASE_MARGIN_S
    sign_times: SignTimes = SIGN_TIMES
    build: Build = postings.build
    """Function that builds a worker's employee from its posting."""
    judge: Judge = judge
    """Function that gives the verdicts. A benchmark without verification replaces it."""
    name: str | None = None
    """Name of this process in the process registry (run/); None: it is not registered."""
    metrics_port: int | None = None
    """Port for health and metrics; 0: a free port; None: no endpoint."""
    metrics_host: str = LOOPBACK
    log: Logger = SILENT
    fault: Fault = lambda _: None
    say: Say = lambda _: None

    @property
    def keys(self) -> Path:
        return self.home / "keys"

    @property
    def employees(self) -> Path:
        return self.home / "employees"

    @property
    def libraries(self) -> Path:
        """Folder of the installed dependencies of requirements."""
        return self.home / "libraries"

    @property
    def working_copies(self) -> Path:
        """Folder of the cache of working copies."""
        return self.home / "working-copies"

    @property
    def base_outcomes(self) -> Path:
        """Folder of the cached results of a base's own tests on the base."""
        return self.home / "base-outcomes"

    @property
    def deliveries(self) -> Path:
        return self.home / "deliveries"
