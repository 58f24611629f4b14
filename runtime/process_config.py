"""Configuration from which a process of the organisation is built."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agents.employees import postings
from agents.manager.reactor import LEASE_MARGIN_S
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
    """All that a process of the organisation needs to know."""

    home: Path
    nats_url: str
    postgres_dsn: str
    roles: Sequence[str] = (*STAFF_ROLES, "employees")
    allow_degraded: bool = False
    boxes: Boxes = field(default_factory=Boxes)
    """In which sandbox the verifier judges."""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    lease_margin_s: float = LEASE_MARGIN_S
    build: Build = postings.build
    """Builder of a worker's employee from its posting."""
    judge: Judge = judge
    """Gives the verdicts. `aura` has one; a measurement of all else gives an empty one."""
    name: str | None = None
    """As which process it stands in run/; None: it is not listed."""
    metrics_port: int | None = None
    """Where it tells its health and metrics; 0: on a free port; None: nowhere."""
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
        """Where the dependencies of requirements are kept, installed."""
        return self.home / "libraries"

    @property
    def base_outcomes(self) -> Path:
        """Where outcomes of a base's own tests on the base are kept."""
        return self.home / "base-outcomes"

    @property
    def deliveries(self) -> Path:
        return self.home / "deliveries"
