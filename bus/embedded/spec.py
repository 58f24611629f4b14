"""A further child, as the caller describes it, with placeholders for what is known only once the servers have ports."""

from collections.abc import Callable

import msgspec

from bus.embedded.endpoints import Endpoints
from bus.embedded.home import Home
from bus.embedded.plan import STOP_GRACE_S, ChildPlan
from domain.errors import Invalid


class ChildSpec(msgspec.Struct, frozen=True):
    """A process to keep beside the servers.

    `argv`, the values of `env` and `probe` may hold {nats_url}, {postgres_dsn}, {home}, and {port}: a free port that
    this child keeps. `env` is laid over the environment of the first `up`. Arguments can be listed by every user of
    the machine: hand {nats_url} on in `env`. `probe` is tcp:HOST:PORT, http:URL, file:PATH (removed before each
    start) or none. `grace_s` is how long a stop waits before SIGKILL. `start_after` names children to be ready first.
    `stop_with`: neighbours of the same name here are told to stop together; otherwise each waits for the one after it.
    """

    name: str
    argv: tuple[str, ...]
    env: dict[str, str] = {}
    probe: str = "none"
    grace_s: float = STOP_GRACE_S
    start_after: tuple[str, ...] = ()
    stop_with: str = ""


def plan(spec: ChildSpec, home: Home, endpoints: Endpoints, known: frozenset[str]) -> ChildPlan:
    """The spec with its placeholders filled. `known` are the children that can be waited for."""
    if not spec.name.replace("-", "").replace("_", "").isalnum() or not spec.argv:
        raise Invalid(f"The child {spec.name!r} needs a plain name and a command.", hint="Name it like model-server.")
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
        "{postgres_dsn}": endpoints.postgres_dsn,
        "{home}": str(home.path),
    }
    if any("{port}" in text for text in (*spec.argv, *spec.env.values(), spec.probe)):
        values["{port}"] = str(home.port(spec.name))

    def fill(text: str) -> str:
        for placeholder, value in values.items():
            text = text.replace(placeholder, value)
        return text

    return fill
