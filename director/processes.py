"""The processes of the organisation under the supervisor: one with every role, or one for each."""

import sys
from collections.abc import Sequence

from agents.organisation import CONSUMERS
from bus.embedded.stack import ChildSpec
from director.serving import ORGANISATION
from director.settings import METRICS_OFF, PORT_MAX, Settings
from domain.errors import Invalid

GRACE_S = 90.0
RECORDER = "recorder"
EMPLOYEES = "employees"
ROLES = (RECORDER, *CONSUMERS, EMPLOYEES)
"""In the order in which they start. They stop in reverse: the consumers together, so that all end at one sequence."""


def together(settings: Settings) -> list[ChildSpec]:
    """One process."""
    return [_child(ORGANISATION, "all", settings, 0, start_after=("nats", "postgres"))]


def apart(settings: Settings) -> list[ChildSpec]:
    """One process for each role. A port in AURA_METRICS_PORT is the first one's; the others have those that follow."""
    children = []
    for index, role in enumerate(ROLES):
        after = {RECORDER: ("nats", "postgres"), EMPLOYEES: ("manager",)}.get(role, (RECORDER,))
        children.append(_child(role, role, settings, index, start_after=after))
    return children


def are_apart(names: Sequence[str]) -> bool:
    """Whether a running stack's children are one for each role."""
    return RECORDER in names


def _child(name: str, role: str, settings: Settings, index: int, *, start_after: tuple[str, ...]) -> ChildSpec:
    return ChildSpec(
        name=name,
        argv=(sys.executable, "-m", "director", "serve", role),
        env={
            "AURA_HOME": "{home}",
            "AURA_NATS_URL": "{nats_url}",
            "AURA_NATS_URL_FILE": "",  # read by now; a child would find both set
            "AURA_POSTGRES_DSN_FILE": "",
            "AURA_POSTGRES_DSN": "" if role == EMPLOYEES else "{postgres_dsn}",  # a worker has no SQL
            "AURA_ALLOW_DEGRADED": "1" if settings.allow_degraded else "0",
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
    if first + index > PORT_MAX:
        raise Invalid(
            f"AURA_METRICS_PORT is {first}, and there are not {len(ROLES)} ports from there.",
            hint=f"Choose one up to {PORT_MAX + 1 - len(ROLES)}.",
        )
    return str(first + index if first else 0)
