"""Receivers of notifications as text."""

from collections.abc import Sequence
from pathlib import Path

from director.notify.progress import ReceiverView
from director.notify.trial import Trial
from director.terminal.escape import visible
from director.terminal.text import clock, table
from domain.errors import Failed, Unavailable

MICRO = 1_000_000


def receivers_text(receivers: Sequence[ReceiverView], home: Path) -> str:
    """Return one line for each receiver."""
    if not receivers:
        return f"There is no receiver. Write {home}/notify.toml: docs/notifications.md shows an example."
    lines = [
        (each.name, each.kind, each.to, ", ".join(each.topics), each.position, each.sent, each.dropped)
        for each in receivers
    ]
    return table(("receiver", "kind", "to", "topics", "position", "sent", "dropped"), lines)


def receivers_fault(receivers: Sequence[ReceiverView]) -> Unavailable | None:
    """Return the error that names the receivers that do not answer; None if all do."""
    failing = [each for each in receivers if each.error]
    if not failing:
        return None
    first = failing[0]
    since = clock(round(first.failing_since * MICRO)) if first.failing_since else "-"
    names = ", ".join(each.name for each in failing)
    return Unavailable(
        f"{names}: notifications do not arrive since {since} UTC. {visible(first.error)}",
        hint="They are sent again until they arrive. Check the receiver: aura notify test",
        code="receiver_down",
    )


def trials_text(trials: Sequence[Trial]) -> str:
    """Return one line for each test."""
    return table(("receiver", "result"), [(each.receiver, visible(each.error) or "arrived") for each in trials])


def trials_fault(trials: Sequence[Trial]) -> Failed | None:
    """Return the error that names the receivers that a test did not reach; None if all got it."""
    failed = [each.receiver for each in trials if each.error]
    if not failed:
        return None
    return Failed(f"The test did not reach {', '.join(failed)}.", hint="Correct AURA_HOME/notify.toml, and its files.")
