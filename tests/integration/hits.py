"""The list of kills of a drill. It is drawn from a seed, so the same seed gives the same drill."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from director.deployment.processes import ROLES
from tests.integration.killable import MID_CALL

SERVERS = ("nats", "postgres")
VICTIMS = (*ROLES, *SERVERS)
GATE = ("gate:before-publish", "gate:before-ack")
PAUSE_S = (0.05, 0.6)
SERVER_DELAY_S = 0.004
"""A server that is killed at a point dies within this time (s) after it. A publish or a commit takes about as long."""
ROLE_KILLS = 20
SERVER_KILLS = 30
SCENARIOS = 10


def _batch(consumer: str) -> tuple[str, ...]:
    return tuple(f"{consumer}:{point}" for point in ("before-send", "before-commit", "after-commit"))


_PASSED: Mapping[str, Mapping[str, Sequence[str]]] = {
    "recorder": {"recorder": ("recorder:before-commit", "recorder:after-commit")},
    "manager": {
        "manager": (
            *GATE,
            *_batch("manager"),
            "ordering:before-order",
            "reception:before-receipt",
            "reception:before-hand-in",
            "delivering:before-git",
            "delivering:before-receipt",
            "delivering:before-release",
        )
    },
    "verifier": {"verifier": (*GATE, *_batch("verifier"), "verifier:before-verdict", "verifier:after-verdict")},
    "auditor": {"auditor": (*GATE, *_batch("auditor"))},
    "accountant": {"accountant": _batch("accountant")},
    "hr": {"hr": (*GATE, *_batch("hr"))},
    "employees": {"employees": ("worker:mid-call", MID_CALL)},
    "nats": {"manager": GATE[:1], "verifier": GATE[:1]},
    "postgres": {
        "recorder": ("recorder:before-commit",),
        "manager": ("manager:before-commit",),
        "accountant": ("accountant:before-commit",),
    },
}
POINTS: Mapping[str, Sequence[tuple[str, str]]] = {
    victim: [(by, point) for by, points in passed.items() for point in points] for victim, passed in _PASSED.items()
}
"""Victim -> (process, point). For a server they are the points just before it commits."""


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One kill, `pause_s` after the one before: at the n-th passing of `point` by the process `by`, or without a point.

    `steady`: the victim must be ready first. Otherwise it may be killed while it starts. `wait`: it must be ready again
    before the next kill.
    """

    victim: str
    by: str = ""
    point: str = ""
    nth: int = 1
    delay_s: float = 0.0
    pause_s: float = 0.0
    steady: bool = True
    wait: bool = True

    def __str__(self) -> str:
        if not self.point:
            return f"{self.victim} at any time"
        return f"{self.victim} at {self.point} #{self.nth}{f' of {self.by}' if self.by != self.victim else ''}"


def dealt(
    seed: int, scenarios: int = SCENARIOS, *, roles: int = ROLE_KILLS, servers: int = SERVER_KILLS
) -> list[list[Hit]]:
    """Return the kills of each scenario: `roles` per role and `servers` per server in all, half of them at points."""
    draw = random.Random(seed)
    hands: list[list[Hit]] = [[] for _ in range(scenarios)]
    place = 0
    for victim in VICTIMS:
        for hit in _of(victim, servers if victim in SERVERS else roles, draw):
            hands[place % scenarios].append(hit)
            place += 1
    for hand in hands:
        draw.shuffle(hand)
    return hands


def _of(victim: str, count: int, draw: random.Random) -> Iterator[Hit]:
    points = list(POINTS[victim])
    draw.shuffle(points)
    at_points = min(count, max((count + 1) // 2, len(points)))
    hits: list[Hit] = []
    for number in range(count):
        pause_s, wait = draw.uniform(*PAUSE_S), draw.random() < 0.5
        if number < at_points:
            by, point = points[number % len(points)]
            delay_s = draw.uniform(0, SERVER_DELAY_S) if victim in SERVERS else 0.0
            hit = Hit(victim=victim, by=by, point=point, nth=draw.randint(1, 3), delay_s=delay_s, wait=wait)
        else:
            hit = Hit(victim=victim, pause_s=pause_s, wait=wait, steady=draw.random() < 0.75)
        hits.append(hit)
    draw.shuffle(hits)
    return iter(hits)
