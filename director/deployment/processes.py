"""The processes of the organisation under the supervisor: one process with every role, or one for each role."""

import sys
from collections.abc import Sequence

from msgspec.structs import replace

from bus.embedded.stack import ChildSpec
from director.deployment.child_names import HTTP_CHILD
from director.deployment.serve import ORGANISATION
from director.settings import METRICS_OFF, PORT_MAX, Settings
from domain.errors import Invalid
from runtime.roles import CONSUMERS

GRACE_S = 90.0
RECORDER = "recorder"
MANAGER = "manager"
EMPLOYEES = "employees"
HTTP_GRACE_S = 15.0
NOTIFY_CHILD = "notify"
"""The sender of notifications."""
MODEL_CHILD = "model"
"""The embedded model's server."""
ROLES = (RECORDER, *CONSUMERS, EMPLOYEES)
"""The roles in the order of their start. They stop in reverse order, but all consumers stop together."""


def together(settings: Settings) -> list[ChildSpec]:
    """Return one process with every role."""
    return [_child(ORGANISATION, "all", settings, 0, start_after=("nats", "postgres"))]


def apart(settings: Settings, managers: int = 1) -> list[ChildSpec]:
    """Return one process for each role, with `managers` managers. One of them leads.

    AURA_METRICS_PORT is the port of the first process; the others use the next ports. Raises Invalid.
    """
    more = [(f"{MANAGER}-{number}", MANAGER) for number in range(2, managers + 1)]
    named = [(role, role) for role in ROLES]
    after_first = ROLES.index(MANAGER) + 1
    named[after_first:after_first] = more  # next to the other consumers, because all consumers stop together
    _enough_ports(settings, len(named))
    children = []
    for index, (name, role) in enumerate(named):
        after = {RECORDER: ("nats", "postgres"), EMPLOYEES: (MANAGER,)}.get(role, (RECORDER,))
        children.append(_child(name, role, settings, index, start_after=after))
    return children


def http(settings: Settings, *, apart: bool) -> list[ChildSpec]:
    """Return the process of the HTTP API; none if AURA_HTTP_PORT is off. Raises Invalid."""
    port = settings.serve_http_on()
    if port is None:
        return []
    server = _child(HTTP_CHILD, HTTP_CHILD, settings, 0, start_after=(RECORDER if apart else ORGANISATION,))
    return [
        replace(
            server,
            argv=(sys.executable, "-m", "director", "serve", HTTP_CHILD, "--port", "{port}"),
            env=server.env | {"AURA_METRICS_PORT": METRICS_OFF},
            probe="http:http://127.0.0.1:{port}/healthz",
            grace_s=HTTP_GRACE_S,
            port=port,
        )
    ]


def notifying(settings: Settings, *, apart: bool) -> ChildSpec:
    """Return the process of notifications. It has no address of NATS."""
    child = _child(NOTIFY_CHILD, NOTIFY_CHILD, settings, 0, start_after=(RECORDER if apart else ORGANISATION,))
    return replace(
        child,
        argv=(sys.executable, "-m", "director", "serve", NOTIFY_CHILD),
        env=child.env | {"AURA_NATS_URL": "", "AURA_METRICS_PORT": METRICS_OFF},
        probe="none",
        grace_s=HTTP_GRACE_S,
    )


def managers_of(names: Sequence[str]) -> int:
    """Return the number of managers among the children of a running stack; 1 if it runs as one process."""
    return max(1, sum(name.partition("-")[0] == MANAGER for name in names))


def are_apart(names: Sequence[str]) -> bool:
    """Return whether a running stack has one process for each role."""
    return RECORDER in names


def _child(name: str, role: str, settings: Settings, index: int, *, start_after: tuple[str, ...]) -> ChildSpec:
    return ChildSpec(
        name=name,
        argv=(sys.executable, "-m", "director", "serve", role, "--name", name),
        env={
            "AURA_HOME": "{home}",
            "AURA_NATS_URL": "" if role == EMPLOYEES else "{nats_url}",  # a worker cannot reach the log
            "AURA_WORKER_NATS_URL": "{worker_nats_url}" if role in (EMPLOYEES, "all") else "",
            "AURA_WORKER_NATS_URL_FILE": "",
            "AURA_NATS_URL_FILE": "",  # this process has read the file; a child must not see both variables
            "AURA_POSTGRES_DSN_FILE": "",
            "AURA_POSTGRES_DSN": "" if role == EMPLOYEES else "{postgres_dsn}",  # a worker has no access to SQL
            "AURA_ALLOW_DEGRADED": "1" if settings.allow_degraded else "0",
            "AURA_SANDBOX": settings.sandbox,
            "AURA_DOCKER_HOST": settings.docker_host,
            "AURA_SANDBOX_IMAGE": settings.sandbox_image or "",
            "AURA_METRICS_HOST": settings.listen_at(),
            "AURA_METRICS_PORT": _port(settings, index),
            "PYTHONUNBUFFERED": "1",
        },
        probe=f"file:{{home}}/run/{name}.json",
        grace_s=GRACE_S,
        start_after=start_after,
        stop_with="consumers" if role in CONSUMERS else "",
    )


def _port(settings: Settings, index: int) -> str:
    first = settings.listen_on()
    if first is None:
        return METRICS_OFF
    return str(first + index if first else 0)


def _enough_ports(settings: Settings, count: int) -> None:
    first = settings.listen_on()
    if first is not None and first + count - 1 > PORT_MAX:
        raise Invalid(
            f"AURA_METRICS_PORT is {first}, but {count} processes need {count} ports from there, up to {PORT_MAX}.",
            hint=f"Choose a port up to {PORT_MAX + 1 - count}.",
        )
