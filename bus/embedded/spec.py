"""Description of an additional child process. Its placeholders are filled when the servers have their ports."""

from collections.abc import Callable

import msgspec

from bus.embedded.endpoints import Endpoints
from bus.embedded.home import Home
from bus.embedded.plan import STOP_GRACE_S, ChildPlan
from domain.errors import Invalid


class ChildSpec(msgspec.Struct, frozen=True):
    """A process that the supervisor keeps alive, in addition to the servers.

    `argv`, the values of `env`, and `probe` may contain {nats_url}, {worker_nats_url}, {postgres_dsn}, {home} and
    {port}. {port} is a free port, which stays the same for this child. `env` is added to the environment of the first
    `up`. Every user of the machine can see arguments, so pass {nats_url} in `env`. `probe` is tcp:HOST:PORT, http:URL,
    file:PATH (removed before each start) or none. `grace_s` is the wait between the stop signal and SIGKILL.
    `start_after` names the children that must be ready first. Consecutive children with the same `stop_with` are
    stopped at the same time. Otherwise each child is stopped after the next child has ended.
    """

    name: str
    argv: tuple[str, ...]
    env: dict[str, str] = {}
    probe: str = "none"
    grace_s: float = STOP_GRACE_S
    start_after: tuple[str, ...] = ()
    stop_with: str = ""
    port: int = 0
    """The port for {port} at the first start, if it is free; 0: any free port."""


def plan(spec: ChildSpec, home: Home, endpoints: Endpoints, known: frozenset[str]) -> ChildPlan:
    """Return the plan of a spec, with its placeholders filled. `known` are the names of all children.

    Raises Invalid if the name has other characters than letters, digits, - and _, or if the command is empty.
    """
    if not spec.name.replace("-", "").replace("_", "").isalnum() or not spec.argv:
        raise Invalid(
            f"The child {spec.name!r} needs a command, and a name of letters, digits, - and _.",
            hint="Give a name such as model-server.",
        )
    fill = _filler(spec, home, endpoints)
    return ChildPlan(
        name=spec.name,
        argv=tuple(fill(part) for part in spec.argv),
        log=str(home.logs / f"{spec.name}.log"),
        env={key: fill(value) for key, value in spec.env.items()},
        probe=fill(spec.probe),
        cwd=str(home.path),
        start_after=tuple(name for name in spec.start_after if name in known),
        grace_s=spec.grace_s,
        stop_with=spec.stop_with,
    )


def _filler(spec: ChildSpec, home: Home, endpoints: Endpoints) -> Callable[[str], str]:
    values = {
        "{nats_url}": endpoints.nats_url,
        "{worker_nats_url}": endpoints.worker_nats_url or endpoints.nats_url,
        "{postgres_dsn}": endpoints.postgres_dsn,
        "{home}": str(home.path),
    }
    if any("{port}" in text for text in (*spec.argv, *spec.env.values(), spec.probe)):
        values["{port}"] = str(home.port(spec.name, spec.port))

    def fill(text: str) -> str:
        for placeholder, value in values.items():
            text = text.replace(placeholder, value)
        return text

    return fill
