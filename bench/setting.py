"""Setting of a measurement: the machine, its load, versions, and the durability settings that the servers report."""

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from bench import peer
from bench.firm import Firm

OWN = ("aura-orchestra", "nats-py", "asyncpg", "msgspec")


class Setting(msgspec.Struct, frozen=True):
    """Lines of a table, as {name: value}."""

    lines: Mapping[str, str]


async def setting_of(firm: Firm) -> Setting:
    async with firm.office.store.connection() as connection:
        postgres = {
            name: await connection.fetchval(f"SHOW {name}")
            for name in ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
        }
    peers = await peer.versions() if peer.is_there() else {}
    nats = firm.office.client.connected_server_version
    return Setting(
        {
            "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "machine": f"{os.cpu_count()} cores, {_processor()}, {platform.system()} {platform.machine()}",
            "load average at the start": " ".join(f"{load:.1f}" for load in os.getloadavg()),
            "Python": platform.python_version(),
            "NATS": f"{str(nats).strip('<>')}, sync_interval {await firm.sync_interval()}",
            "PostgreSQL": ", ".join(f"{name} {value}" for name, value in postgres.items()),
            "ours": ", ".join(f"{name} {version(name)}" for name in OWN),
            "peers": ", ".join(f"{name} {found}" for name, found in peers.items()) or "not installed",
        }
    )


def _processor() -> str:
    """Return the processor's model name, as Linux reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown processor"
    )
