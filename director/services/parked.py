"""Events that a consumer could not take: what waits because of them, and the cure."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from bus.checkpoints import parked
from bus.store import Store
from runtime.composition import CONSUMERS

MOVERS = ("manager", "verifier")
"""The consumers without whom a run stands still."""


async def parked_data(
    store: Store, scope: UUID | None = None, consumers: Collection[str] = tuple(CONSUMERS)
) -> list[dict[str, Any]]:
    """The event at which each run or other entity stands still in a consumer; of one run, or all."""
    return [
        {"consumer": name, "scope": row.scope, "seq": int(row.key), "error": row.error}
        for name, rows in (await parked(store, consumers)).items()
        for row in rows
        if scope in (None, row.scope)
    ]


def parked_text(found: Sequence[dict[str, Any]]) -> str:
    """The same for people, the cure below; empty when nothing is parked."""
    if not found:
        return ""
    lines = [f"parked: {sentence(one)}" for one in found]
    return "\n".join([*lines, f"        {cure(found)}"])


def sentence(one: dict[str, Any]) -> str:
    return f"{one['consumer']} cannot take event {one['seq']} ({one['error']}); what follows of {one['scope']} waits"


def cure(found: Sequence[dict[str, Any]]) -> str:
    """The commands that take it up again, once aura can."""
    replays = "".join(f" && aura replay {name}" for name in dict.fromkeys(one["consumer"] for one in found))
    return f"This is a defect: update aura, then run `aura down{replays} && aura up`."
