"""The processes for `aura status`: the supervisor's data about each process, and the process's report at /readyz."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from bus.embedded.probe import get
from bus.embedded.status import ChildStatus
from observability.health import CHECK_WAIT_S, Dependency, HealthReport, ReaderHealth
from observability.process_registry import Presence, at_work

MARGIN_S = 1.0
SILENT = "it does not answer"
_report_of = msgspec.json.Decoder(HealthReport)


async def processes(home: Path, children: Sequence[ChildStatus]) -> list[dict[str, Any]]:
    """Return the supervisor's children in their order, then processes started with `aura serve` in this home.

    `manager`: leader or standby. `position`: the lowest position of the process's readers. `lag`: their highest lag.
    Both are None for a process without a reader, or without an answer.
    """
    present = {presence.process.pid: presence for presence in await asyncio.to_thread(at_work, home)}
    reports = dict(zip(present, await asyncio.gather(*map(_report, present.values())), strict=True))
    lines = [
        _line(child.name, child.pid, child.ready, child.restarts, present.pop(child.pid or 0, None), reports)
        for child in children
    ]
    return lines + [_line(other.name, pid, True, None, other, reports) for pid, other in present.items()]


def _line(
    name: str,
    pid: int | None,
    ready: bool,
    restarts: int | None,
    presence: Presence | None,
    reports: dict[int, HealthReport | None],
) -> dict[str, Any]:
    report = reports.get(pid or 0)
    readers = list(report.readers.values()) if report else []
    asked = presence is not None and presence.url is not None
    return {
        "name": name,
        "roles": list(presence.roles) if presence else [],
        "pid": pid,
        "restarts": restarts,
        "manager": report.manager if report else None,
        "ready": ready and (report.ready if report else not asked),
        "position": min((reader.position for reader in readers), default=None),
        "lag": max((reader.lag for reader in readers if reader.lag is not None), default=None),
        "url": presence.url if presence else None,
        "problems": _problems(report) if report else ([SILENT] if asked else []),
    }


def _problems(report: HealthReport) -> list[str]:
    parts: dict[str, Dependency | ReaderHealth] = {**report.dependencies, **report.readers}
    return [f"{name}: {part.problem}" for name, part in parts.items() if part.problem]


async def _report(presence: Presence) -> HealthReport | None:
    return await asyncio.to_thread(readiness, presence.url) if presence.url else None


def readiness(url: str) -> HealthReport | None:
    """Return the process's own report; None if the process does not answer. The call blocks."""
    said = get(f"{url}/readyz", CHECK_WAIT_S + MARGIN_S)
    try:
        return _report_of.decode(said[1]) if said else None
    except msgspec.DecodeError:
        return None
